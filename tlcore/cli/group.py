"""The `python -m tlcore` command."""

from __future__ import annotations

import json
import logging
from importlib import import_module
from typing import Any, Final

import click

import tlcore
from tlcore.errors import StudioError
from tlcore.logs import start_console, start_lines, stop_lines
from tlcore.workspace import HOME_VARIABLE, Workspace

_AS_JSON = "tlcore.as_json"

# Where each command is. It is imported when it is called, since what all of them import takes half a second.
_COMMANDS: Final = {
    "backbones": "tlcore.cli.backbones",
    "caches": "tlcore.cli.caches",
    "datasets": "tlcore.cli.datasets",
    "evaluate": "tlcore.cli.serving",
    "export": "tlcore.cli.serving",
    "predict": "tlcore.cli.serving",
    "quickstart": "tlcore.cli.train",
    "runs": "tlcore.cli.runs",
    "system": "tlcore.cli.system",
    "train": "tlcore.cli.train",
}


class Program(click.Group):
    """The command itself. What click refuses (an unknown option, a missing value) is one JSON document too."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own
        """Names of the commands, for the help text."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's own
        """The command of that name, imported now; None where there is none."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(import_module(_COMMANDS[cmd_name]), cmd_name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Notes whether JSON is asked for: a command whose options can't be read never gets to know."""
        ctx.meta[_AS_JSON] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; click then shows what it refused on standard error, and exits with 2."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort) as error:
            if ctx.meta[_AS_JSON]:
                text = error.format_message() if isinstance(error, click.ClickException) else "Nothing was done."
                click.echo(json.dumps({"error": {"kind": "Usage", "text": text}}, ensure_ascii=False, indent=2))
            raise


@click.group(cls=Program, epilog=f"{HOME_VARIABLE} names the workspace; without it, it is ~/.tlcore.")
@click.version_option(tlcore.__version__)
@click.pass_context
def main(context: click.Context) -> None:
    """Train image classifiers by transfer learning."""
    start_console("%(levelname)s %(name)s: %(message)s", logging.WARNING)
    try:
        context.obj = Workspace.open()
    except StudioError as error:
        raise click.UsageError(str(error)) from error
    start_lines(context.obj.host, "cli")
    context.call_on_close(stop_lines)
