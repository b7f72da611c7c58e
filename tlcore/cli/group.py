"""The `python -m tlcore` command."""

from __future__ import annotations

import json
import logging
from typing import Any

import click

import tlcore
from tlcore.cli.backbones import backbones
from tlcore.cli.caches import caches
from tlcore.cli.datasets import datasets
from tlcore.cli.runs import runs
from tlcore.cli.serving import evaluate, export, predict
from tlcore.cli.train import quickstart, train
from tlcore.errors import StudioError
from tlcore.workspace import HOME_VARIABLE, Workspace

_AS_JSON = "tlcore.as_json"


class Program(click.Group):
    """The command itself. What click refuses (an unknown option, a missing value) is one JSON document too."""

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
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        context.obj = Workspace.open()
    except StudioError as error:
        raise click.UsageError(str(error)) from error


for command in (quickstart, datasets, backbones, train, runs, predict, evaluate, export, caches):
    main.add_command(command)
