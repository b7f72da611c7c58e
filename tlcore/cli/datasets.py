"""`datasets`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tlcore.cli.follow import follow_run
from tlcore.cli.output import ListByDefault, answers, table
from tlcore.data.catalog import find_dataset, is_prepared, list_datasets
from tlcore.data.dataset import DatasetInfo
from tlcore.jobs.removal import delete_unused_dataset
from tlcore.jobs.service import submit
from tlcore.workspace import Workspace

_COLUMNS = ("id", "name", "source", "classes", "pictures", "state")


def describe_dataset(workspace: Workspace, info: DatasetInfo) -> dict[str, Any]:
    """One dataset as plain data."""
    return {
        "id": info.id,
        "name": info.name,
        "source": info.source,
        "classes": list(info.class_names),
        "pictures": info.pictures,
        "state": "available" if info.source == "sample" or is_prepared(workspace, info.id) else "needs a download",
    }


def _describe_import(result: dict[str, Any]) -> str:
    counts = ", ".join(f"{name} {count}" for name, count in result["classes"].items())
    lines = [f"{result['dataset_id']}: {counts}."]
    if result["duplicates"]:
        lines.append(f"{result['duplicates']} pictures are exact copies of others.")
    lines += [f"Left out: {item['file']}: {item['reason']}" for item in result["rejected"]]
    return "\n".join(lines)


@click.group(cls=ListByDefault)
def datasets() -> None:
    """List, import, prepare, show and delete datasets."""


@datasets.command("list")
@click.pass_obj
@answers(lambda rows: table(rows, _COLUMNS))
def list_command(workspace: Workspace) -> list[dict[str, Any]]:
    """All datasets of the workspace."""
    return [describe_dataset(workspace, info) for info in list_datasets(workspace)]


@datasets.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="What to call it; its id becomes my/NAME.")
@click.pass_obj
@answers(_describe_import)
def import_command(workspace: Workspace, path: Path, name: str) -> dict[str, Any]:
    """Import PATH: a zip or a folder of class folders, or of train/validation/test with class folders."""
    absolute = path.expanduser().absolute()
    job = submit(workspace, "import", {"path": str(absolute), "name": name}, f"Import of {path.name}")
    return follow_run(workspace, job)


@datasets.command("prepare")
@click.argument("dataset")
@click.pass_obj
@answers(_describe_import)
def prepare_command(workspace: Workspace, dataset: str) -> dict[str, Any]:
    """Make a dataset ready for use."""
    info = find_dataset(workspace, dataset)
    return follow_run(workspace, submit(workspace, "prepare", {"dataset": info.id}, f"Prepare {info.name}", info.id))


@datasets.command("show")
@click.argument("dataset")
@click.pass_obj
@answers(lambda info: "\n".join(f"{key}: {value}" for key, value in info.items() if value not in (None, "", [], {})))
def show_command(workspace: Workspace, dataset: str) -> dict[str, Any]:
    """Everything that is known of one dataset."""
    info = find_dataset(workspace, dataset)
    return describe_dataset(workspace, info) | info.model_dump(mode="json") | {"pictures": info.pictures}


@datasets.command("delete")
@click.argument("dataset")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
@answers(lambda result: f"{result['deleted']} is gone.")
def delete_command(workspace: Workspace, dataset: str, yes: bool) -> dict[str, Any]:
    """Delete one of your own datasets."""
    info = find_dataset(workspace, dataset)
    if not yes:
        click.confirm(f"Delete {info.id} with its {info.pictures} pictures?", abort=True, err=True)
    delete_unused_dataset(workspace, info.id)
    return {"deleted": info.id}
