"""The jobs that take in a run or a dataset which was packed on another machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tlcore.data.dataset_parcel import unpack_dataset
from tlcore.jobs.after_import import brought_in_before, import_result, run_brought_in_before, token_of
from tlcore.jobs.context import JobContext
from tlcore.jobs.leftovers import consumed, remove_uploads, sweep_leftovers
from tlcore.runs.run_parcel import unpack_run


def unpack_the_run(context: JobContext) -> dict[str, Any]:
    """Takes in the run in `payload["path"]`; with `payload["remove_after"]` that is an upload, and goes.

    Returns:
        `{"run_id": …}` of the run as it is called here.

    Raises:
        ImportRefused, WorkspaceError: As for `unpack_run`.
    """
    run_id = run_brought_in_before(context)
    if run_id is not None:
        _use_up(context)
        return {"run_id": run_id}
    with _parcel(context) as path:
        context.reporter.event("task", task="Bringing in the run")
        owner, token = context.folder.read_meta().owner, token_of(context.folder.id)
        return {"run_id": unpack_run(context.workspace, path, owner, reporter=context.reporter, token=token)}


def unpack_the_dataset(context: JobContext) -> dict[str, Any]:
    """Takes in the dataset in `payload["path"]`; with `payload["remove_after"]` that is an upload, and goes.

    Returns:
        `import_result` of the dataset.

    Raises:
        ImportRefused, WorkspaceError, Stopped: As for `unpack_dataset`.
    """
    done = brought_in_before(context)
    if done is not None:
        _use_up(context)
        return import_result(done)
    with _parcel(context) as path:
        return import_result(unpack_dataset(context.workspace, path, context.reporter, context.folder.id))


def _use_up(context: JobContext) -> None:
    if context.payload.get("remove_after"):
        remove_uploads(context.workspace, Path(context.payload["path"]))


@contextmanager
def _parcel(context: JobContext) -> Iterator[Path]:
    path = Path(context.payload["path"])
    if not context.payload.get("remove_after"):
        yield path
        return
    with consumed(context.workspace, path):
        sweep_leftovers(context.workspace)
        yield path
