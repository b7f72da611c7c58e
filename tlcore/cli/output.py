"""What every command shares: one JSON document on standard output, or text; errors in plain words; the exit status."""

from __future__ import annotations

import functools
import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import click

from tlcore.errors import StudioError
from tlcore.runs.identity import new_error_id

log = logging.getLogger(__name__)

Command = Callable[..., Any]
Describe = Callable[[Any], str]


def answers(describe: Describe) -> Callable[[Command], Command]:
    """Makes a command of a function that returns plain data: adds `--json`, prints it, and turns errors into text.

    Args:
        describe: The data as text, for people.
    """

    def decorate(function: Command) -> Command:
        @click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")
        @functools.wraps(function)
        def command(*args: Any, as_json: bool, **kwargs: Any) -> None:
            try:
                data = function(*args, **kwargs)
            except StudioError as error:
                _fail(error.to_json(), error.exit_status, as_json)
            except (click.exceptions.Exit, click.Abort, click.ClickException):
                raise  # click's own: a question answered with no, a value that it refuses
            except Exception:
                number = new_error_id()
                log.exception("error %s", number)
                text = (
                    f"Something went wrong that should not have (error {number}). The log above tells maintainers more."
                )
                _fail({"kind": "Unexpected", "text": text}, 1, as_json)
            else:
                click.echo(json.dumps(data, ensure_ascii=False, indent=2) if as_json else describe(data))

        return command

    return decorate


class ListByDefault(click.Group):
    """A group that lists when no command is named, so that `datasets` is `datasets list`, also with options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts `list` before options of its own."""
        asks_list = not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names)
        return super().parse_args(ctx, ["list", *args] if asks_list else args)


def _fail(error: dict[str, Any], status: int, as_json: bool) -> None:
    click.echo(f"Error: {error['text']}", err=True)
    if as_json:
        click.echo(json.dumps({"error": error}, ensure_ascii=False, indent=2))
    sys.exit(status)


def table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> str:
    """Rows as aligned text under their column names; None is shown as a dash."""
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(column), *(len(line[i]) for line in cells)) for i, column in enumerate(columns)] if cells else []
    if not cells:
        return "Nothing yet."
    lines = [columns, *cells]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    return str(value)
