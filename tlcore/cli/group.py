"""The `python -m tlcore` command."""

from __future__ import annotations

import logging

import click

import tlcore
from tlcore.cli.backbones import backbones
from tlcore.cli.datasets import datasets
from tlcore.cli.runs import runs
from tlcore.cli.serving import evaluate, export, predict
from tlcore.cli.train import quickstart, train
from tlcore.errors import StudioError
from tlcore.workspace import HOME_VARIABLE, Workspace


@click.group(epilog=f"{HOME_VARIABLE} names the workspace; without it, it is ~/.tlcore.")
@click.version_option(tlcore.__version__)
@click.pass_context
def main(context: click.Context) -> None:
    """Train image classifiers by transfer learning."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        context.obj = Workspace.open()
    except StudioError as error:
        raise click.UsageError(str(error)) from error


for command in (quickstart, datasets, backbones, train, runs, predict, evaluate, export):
    main.add_command(command)
