"""Uploads in the workspace's incoming folder: each belongs to one job, and goes when that job ends.

A job that was interrupted has not come to its end: it can be started again, and needs its upload for that.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from tlcore.data.incoming import sweep_incoming
from tlcore.errors import ImportRefused, RunError
from tlcore.jobs.reporter import Terminated
from tlcore.runs.folder import RunFolder
from tlcore.runs.identity import Clock, utc_now
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

_KINDS = ("import", "add", "unpack-run", "unpack-dataset")
_PATHS = ("path", "labels")
_KEPT = timedelta(days=7)

_log = logging.getLogger(__name__)


@contextmanager
def consumed(workspace: Workspace, *uploads: Path) -> Iterator[None]:
    """Removes uploads after the block, whatever happens in it; but not when the process is asked to end meanwhile.

    Raises:
        ImportRefused: One lies elsewhere, or is no longer there; nothing is removed.
    """
    for path in uploads:
        if not is_upload(workspace, path):
            raise ImportRefused("An upload must lie in the workspace's incoming folder", value=path)
    missing = next((path for path in uploads if not path.exists()), None)
    if missing is not None:
        _remove_all(uploads)
        raise ImportRefused("What was uploaded is not there any more", value=missing.name, hint="Upload it once more.")
    try:
        yield
    except Terminated:
        raise
    except BaseException:
        _remove_all(uploads)
        raise
    else:
        _remove_all(uploads)


def _remove_all(uploads: tuple[Path, ...]) -> None:
    for path in uploads:
        _remove(path)


def remove_uploads(workspace: Workspace, *paths: Path) -> None:
    """Removes those that are uploads and still there."""
    for path in paths:
        if is_upload(workspace, path) and path.exists():
            _remove(path)


def is_upload(workspace: Workspace, path: Path) -> bool:
    """Whether a path lies in the workspace's incoming folder, and so may be removed."""
    incoming = workspace.incoming.resolve()
    return path.resolve() != incoming and path.resolve().is_relative_to(incoming)


def sweep_leftovers(workspace: Workspace, clock: Clock = utc_now) -> None:
    """Removes what killed jobs left in the incoming folder: half-made datasets, downloads, and their uploads.

    Uploads that no job was submitted for yet are left alone, and so are those of jobs that have not ended, or were
    interrupted in the last days and may be started again.
    """
    sweep_incoming(workspace)
    if not any(workspace.incoming.iterdir()):
        return
    registry = Registry(workspace)
    ended, waiting = set[Path](), set[Path]()
    for kind in _KINDS:
        for record in registry.list(kind):
            (ended if _is_over(record, clock()) else waiting).update(_uploads(workspace, record.id))
    for path in ended - waiting:
        if path.exists():
            _log.info("removing what an ended job left: %s", path.name)
            _remove(path)


def _is_over(record: JobRecord, now: datetime) -> bool:
    if record.state is not State.INTERRUPTED:
        return record.state.ended
    return record.ended is not None and now - record.ended > _KEPT


def _uploads(workspace: Workspace, job_id: str) -> Iterator[Path]:
    """The uploads of a job that are still there."""
    try:
        payload = RunFolder.find(workspace, job_id).read_config()
    except RunError:
        return  # deleted, or damaged: it names nothing that could be removed
    for name in _PATHS:
        if payload.get(name) and is_upload(workspace, path := Path(payload[name])):
            yield path.resolve()


def _remove(upload: Path) -> None:
    if upload.is_dir():
        shutil.rmtree(upload)
    else:
        upload.unlink(missing_ok=True)
