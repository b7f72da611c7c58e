"""`datasets`."""

from __future__ import annotations

from typing import Any

import click

from tlcore.cli.audit import audit_command
from tlcore.cli.follow import follow_run
from tlcore.cli.importing import COMMANDS, describe_import
from tlcore.cli.output import ListByDefault, answers, table
from tlcore.cli.parcels import DATASET_COMMANDS
from tlcore.data.catalog import find_dataset, info_of_entry, list_datasets
from tlcore.data.dataset import DatasetInfo
from tlcore.data.tfds.catalogue import CatalogueEntry, find_entry, search_catalogue
from tlcore.data.tfds.directory import state_of
from tlcore.data.tfds.fetching import manual_folder
from tlcore.jobs.removal import delete_unused_dataset
from tlcore.jobs.service import submit
from tlcore.workspace import Workspace

_COLUMNS = ("id", "name", "source", "classes", "pictures", "state")
_MOST_CLASSES = 6


def describe_dataset(workspace: Workspace, info: DatasetInfo) -> dict[str, Any]:
    """One dataset as plain data."""
    here = info.source != "tfds" or state_of(workspace, info.id) in ("ready", "on disk")
    return {
        "id": info.id,
        "name": info.name,
        "source": info.source,
        "classes": list(info.class_names),
        "pictures": info.pictures,
        "state": "available" if here else "needs a download",
    }


def _describe_entry(workspace: Workspace, entry: CatalogueEntry) -> dict[str, Any]:
    known = {"download_bytes": entry.download_bytes, "by_hand": bool(entry.manual), "beginner": entry.beginner}
    return describe_dataset(workspace, info_of_entry(entry)) | {"pictures": entry.pictures} | known


def _in_brief(rows: list[dict[str, Any]]) -> str:
    """The rows as a table, with the number of classes where there are many."""
    brief = [
        row | {"classes": row["classes"] if len(row["classes"]) <= _MOST_CLASSES else f"{len(row['classes']):,}"}
        for row in rows
    ]
    return table(brief, _COLUMNS)


def _describe_prepared(result: dict[str, Any]) -> str:
    if "dataset_id" in result:
        return describe_import(result)
    return f"{result['run_id']}: {result['state']}."


@click.group(cls=ListByDefault)
def datasets() -> None:
    """List, import, prepare, show, pack and delete datasets."""


for _command in (*COMMANDS, *DATASET_COMMANDS, audit_command):
    datasets.add_command(_command)


@datasets.command("list")
@click.option("--catalogue", is_flag=True, help="List what TensorFlow Datasets offers, on this machine or not.")
@click.option("--search", default="", metavar="TEXT", help="Only those with these words in id, name or description.")
@click.pass_obj
@answers(_in_brief)
def list_command(workspace: Workspace, catalogue: bool, search: str) -> list[dict[str, Any]]:
    """All datasets of the workspace, and those of TensorFlow Datasets that are on this machine."""
    if catalogue:
        return [_describe_entry(workspace, entry) for entry in search_catalogue(search)]
    words = search.casefold().split()
    return [
        describe_dataset(workspace, info)
        for info in list_datasets(workspace)
        if all(word in f"{info.id} {info.name} {info.description}".casefold() for word in words)
    ]


@datasets.command("prepare")
@click.argument("dataset")
@click.option(
    "--splits",
    type=click.Choice(["own", "ours"]),
    help="For TensorFlow Datasets: the makers' training, validation and test parts, or all divided anew.",
)
@click.option("--detach", is_flag=True, help="Return at once; the work goes on.")
@click.option("--no-audit", is_flag=True, help="Don't check the pictures afterwards.")
@click.pass_obj
@answers(_describe_prepared)
def prepare_command(
    workspace: Workspace, dataset: str, splits: str | None, detach: bool, no_audit: bool
) -> dict[str, Any]:
    """Make a dataset ready for use: a sample, or one of TensorFlow Datasets by its name."""
    info = find_dataset(workspace, dataset)
    payload = {"dataset": info.id, "split": splits, "audit": not no_audit}
    job = submit(workspace, "prepare", payload, f"Prepare {info.name}", info.id)
    if detach:
        return {"run_id": job, "state": "queued"}
    return follow_run(workspace, job)


@datasets.command("show")
@click.argument("dataset")
@click.pass_obj
@answers(lambda info: "\n".join(f"{key}: {value}" for key, value in info.items() if value not in (None, "", [], {})))
def show_command(workspace: Workspace, dataset: str) -> dict[str, Any]:
    """Everything that is known of one dataset."""
    info = find_dataset(workspace, dataset)
    known = describe_dataset(workspace, info) | info.model_dump(mode="json") | {"pictures": info.pictures}
    if info.source != "tfds":
        return known
    entry = find_entry(info.id)
    of_tfds: dict[str, Any] = {"tfds_state": state_of(workspace, info.id)}
    if entry is not None:
        known["pictures"] = info.pictures or entry.pictures
        of_tfds |= {"download_bytes": entry.download_bytes, "manual": entry.manual}
        of_tfds |= {"manual_folder": str(manual_folder())} if entry.manual else {}
    return known | of_tfds


@datasets.command("delete")
@click.argument("dataset")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
@answers(lambda result: f"{result['deleted']} is gone.")
def delete_command(workspace: Workspace, dataset: str, yes: bool) -> dict[str, Any]:
    """Delete one of your own datasets, or what is known here of one of TensorFlow Datasets; its files then stay."""
    info = find_dataset(workspace, dataset)
    if not yes:
        what = "its index; the pictures stay where they are" if info.source == "tfds" else f"{info.pictures} pictures"
        click.confirm(f"Delete {info.id} ({what})?", abort=True, err=True)
    delete_unused_dataset(workspace, info.id)
    return {"deleted": info.id}
