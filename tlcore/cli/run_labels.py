"""`runs rename`, `note`, `tag`, `archive`, `restore`: what people call their runs, and the bin."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from tlcore.cli.follow import follow_run
from tlcore.cli.output import answers
from tlcore.errors import RunError
from tlcore.jobs.removal import empty_bin
from tlcore.jobs.service import submit
from tlcore.runs.labels import archive, describe, restore
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.workspace import Workspace


def labels_of(record: JobRecord) -> dict[str, Any]:
    """A run's id and a person's words about it, as plain data."""
    return {
        "run_id": record.id,
        "title": record.title,
        "note": record.note,
        "tags": list(record.tags),
        "archived": record.archived,
    }


def _tell(data: dict[str, Any]) -> str:
    tags = f" [{', '.join(data['tags'])}]" if data["tags"] else ""
    place = ", in the bin" if data["archived"] else ""
    note = f"\n{data['note']}" if data["note"] else ""
    return f"{data['run_id']}: {data['title']}{tags}{place}{note}"


@click.command("rename")
@click.argument("run_id", metavar="ID")
@click.argument("name")
@click.pass_obj
@answers(_tell)
def rename_command(workspace: Workspace, run_id: str, name: str) -> dict[str, Any]:
    """Give a training another name."""
    return labels_of(describe(workspace, run_id, name=name))


@click.command("note")
@click.argument("run_id", metavar="ID")
@click.argument("text")
@click.pass_obj
@answers(_tell)
def note_command(workspace: Workspace, run_id: str, text: str) -> dict[str, Any]:
    """Note something about a training; "" removes the note."""
    return labels_of(describe(workspace, run_id, note=text))


@click.command("tag")
@click.argument("run_id", metavar="ID")
@click.argument("tags", nargs=-1)
@click.option("--remove", is_flag=True, help="Take these tags away instead.")
@click.pass_obj
@answers(_tell)
def tag_command(workspace: Workspace, run_id: str, tags: tuple[str, ...], remove: bool) -> dict[str, Any]:
    """Add tags to a training, or take them away; without tags, tell those that it has."""
    record = Registry(workspace).get(run_id)
    if not tags:
        return labels_of(record)
    if remove:
        gone = {tag.casefold() for tag in tags}
        return labels_of(describe(workspace, run_id, tags=[tag for tag in record.tags if tag.casefold() not in gone]))
    return labels_of(describe(workspace, run_id, tags=[*record.tags, *tags]))


@click.command("archive")
@click.argument("run_id", metavar="ID")
@click.pass_obj
@answers(_tell)
def archive_command(workspace: Workspace, run_id: str) -> dict[str, Any]:
    """Put a training that has ended into the bin; `restore` takes it out again."""
    return labels_of(archive(workspace, run_id))


@click.command("restore")
@click.argument("what", metavar="ID|ZIP")
@click.option("--name", default="Brought back", show_default=True, help="What to call a model from a zip.")
@click.pass_obj
@answers(lambda data: f"Run {data['run_id']} is back.")
def restore_command(workspace: Workspace, what: str, name: str) -> dict[str, Any]:
    """Take a training out of the bin by its id; or bring back a model from a zip that `export` wrote."""
    path = Path(what).expanduser().absolute()
    if path.is_file():
        return follow_run(
            workspace, submit(workspace, "restore", {"path": str(path), "name": name}, f"Bring back {path.name}")
        )
    if path.suffix.lower() == ".zip" or path.name != what:
        raise RunError("There is no such zip", value=what, hint="Give a run's id, or the path of a downloaded model.")
    return labels_of(restore(workspace, what))


@click.command("empty-bin")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
@answers(lambda data: f"{len(data['deleted'])} runs are gone.")
def empty_bin_command(workspace: Workspace, yes: bool) -> dict[str, Any]:
    """Delete every training in the bin for good, with its model and report."""
    there = Registry(workspace).list("train", archived=True)
    if there and not yes:
        click.confirm(f"Delete {len(there)} trainings in the bin with their models and reports?", abort=True, err=True)
    return {"deleted": empty_bin(workspace)}


COMMANDS: Final = (rename_command, note_command, tag_command, archive_command, restore_command, empty_bin_command)
