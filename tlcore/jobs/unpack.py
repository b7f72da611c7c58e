"""The jobs that take in a run or a dataset which was packed on another machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tlcore.data.dataset_parcel import unpack_dataset
from tlcore.jobs.after_import import import_result
from tlcore.jobs.context import JobContext
from tlcore.jobs.leftovers import consumed, sweep_leftovers
from tlcore.runs.run_parcel import unpack_run


def unpack_the_run(context: JobContext) -> dict[str, Any]:
    """Takes in the run in `payload["path"]`; with `payload["remove_after"]` that is an upload, and goes.

    Returns:
        `{"run_id": …}` of the run as it is called here.

    Raises:
        ImportRefused, WorkspaceError: As for `unpack_run`.
    """
    with _parcel(context) as path:
        context.reporter.event("task", task="Bringing in the run")
        owner = context.folder.read_meta().owner
        return {"run_id": unpack_run(context.workspace, path, owner, reporter=context.reporter)}


def unpack_the_dataset(context: JobContext) -> dict[str, Any]:
    """Takes in the dataset in `payload["path"]`; with `payload["remove_after"]` that is an upload, and goes.

    Returns:
        `import_result` of the dataset.

    Raises:
        ImportRefused, WorkspaceError, Stopped: As for `unpack_dataset`.
    """
    with _parcel(context) as path:
        return import_result(unpack_dataset(context.workspace, path, context.reporter))


@contextmanager
def _parcel(context: JobContext) -> Iterator[Path]:
    path = Path(context.payload["path"])
    if not context.payload.get("remove_after"):
        yield path
        return
    with consumed(context.workspace, path):
        sweep_leftovers(context.workspace)
        yield path
