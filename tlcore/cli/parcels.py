"""`runs pack`, `runs unpack`, `datasets pack`, `datasets unpack`: one file that moves to another machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from tlcore.cli.follow import follow_run
from tlcore.cli.importing import describe_import
from tlcore.cli.output import answers
from tlcore.data.dataset_parcel import pack_dataset
from tlcore.jobs.service import submit
from tlcore.runs.run_parcel import pack_run
from tlcore.workspace import Workspace

_FILE: Final = click.Path(path_type=Path, dir_okay=False)


def _place(out: Path) -> Path:
    return out.expanduser().absolute()


@click.command("pack")
@click.argument("run_id", metavar="ID")
@click.option("--out", required=True, type=_FILE, help="The file to write.")
@click.pass_obj
@answers(lambda data: f"Wrote {data['file']}, {data['bytes'] / 1e6:.1f} MB.")
def pack_run_command(workspace: Workspace, run_id: str, out: Path) -> dict[str, Any]:
    """Write a whole finished training into one file, to move it to another machine."""
    file = pack_run(workspace, run_id, _place(out))
    return {"run_id": run_id, "file": str(file), "bytes": file.stat().st_size}


@click.command("unpack")
@click.argument("path", type=_FILE)
@click.pass_obj
@answers(lambda data: f"Run {data['run_id']} is here.")
def unpack_run_command(workspace: Workspace, path: Path) -> dict[str, Any]:
    """Take in a training that was packed on another machine."""
    return follow_run(workspace, submit(workspace, "unpack-run", {"path": str(_place(path))}, f"Bring in {path.name}"))


@click.command("pack")
@click.argument("dataset")
@click.option("--out", required=True, type=_FILE, help="The file to write.")
@click.pass_obj
@answers(lambda data: f"Wrote {data['file']}, {data['bytes'] / 1e6:.1f} MB.")
def pack_dataset_command(workspace: Workspace, dataset: str, out: Path) -> dict[str, Any]:
    """Write one of your own datasets into one file, to move it to another machine."""
    file = pack_dataset(workspace, dataset, _place(out))
    return {"dataset_id": dataset, "file": str(file), "bytes": file.stat().st_size}


@click.command("unpack")
@click.argument("path", type=_FILE)
@click.pass_obj
@answers(describe_import)
def unpack_dataset_command(workspace: Workspace, path: Path) -> dict[str, Any]:
    """Take in a dataset that was packed on another machine."""
    payload = {"path": str(_place(path))}
    return follow_run(workspace, submit(workspace, "unpack-dataset", payload, f"Bring in {path.name}"))


RUN_COMMANDS: Final = (pack_run_command, unpack_run_command)
DATASET_COMMANDS: Final = (pack_dataset_command, unpack_dataset_command)
