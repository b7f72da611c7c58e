"""Deleting for good: a dataset without pulling it from under a job, and what lies in the bin."""

from __future__ import annotations

from contextlib import suppress

from tlcore.data.catalog import delete_dataset
from tlcore.errors import DatasetError, RunError, WorkspaceError
from tlcore.jobs.service import delete_run
from tlcore.runs.folder import RunFolder
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.workspace import Workspace


def delete_unused_dataset(workspace: Workspace, dataset_id: str) -> None:
    """Deletes one of the person's own datasets; finished runs keep their models and reports.

    Raises:
        DatasetError: There is no such dataset, it is a sample, or a job that has not ended uses it.
    """
    users = [record.title for record in Registry(workspace).unfinished() if dataset_id in _datasets(workspace, record)]
    if users:
        raise DatasetError(
            "This dataset is in use",
            value=f"{dataset_id}, by {', '.join(users)}",
            hint="Wait until it has ended, or stop it; then delete the dataset.",
        )
    delete_dataset(workspace, dataset_id)


def empty_bin(workspace: Workspace) -> list[str]:
    """Deletes every training in the bin and returns their ids.

    Raises:
        WorkspaceError: The registry can't be written.
    """
    deleted = []
    for record in Registry(workspace).list("train", archived=True):
        with suppress(RunError):  # somebody else was faster, or has started it again
            delete_run(workspace, record.id)
            deleted.append(record.id)
    return deleted


def _datasets(workspace: Workspace, record: JobRecord) -> tuple[str, ...]:
    """What a job reads: its dataset, and a training's separate test set."""
    try:
        payload = RunFolder.find(workspace, record.id).read_config()
    except (RunError, WorkspaceError):  # its folder is gone or damaged: its supervisor will end it
        return (record.dataset,)
    return (record.dataset, str(payload.get("test_dataset")))
