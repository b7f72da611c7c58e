"""Uploads in the workspace's incoming folder: each belongs to one job, and goes when that job ends, however it ends."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tlcore.data.incoming import sweep_incoming
from tlcore.errors import ImportRefused, RunError
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.workspace import Workspace

_KINDS = ("import", "add")
_PATHS = ("path", "labels")

_log = logging.getLogger(__name__)


@contextmanager
def consumed(workspace: Workspace, *uploads: Path) -> Iterator[None]:
    """Removes uploads after the block, whatever happens in it.

    Raises:
        ImportRefused: One lies elsewhere, or is no longer there; nothing is removed.
    """
    for path in uploads:
        if not is_upload(workspace, path):
            raise ImportRefused("An upload must lie in the workspace's incoming folder", value=path)
    missing = next((path for path in uploads if not path.exists()), None)
    try:
        if missing is not None:
            raise ImportRefused(
                "What was uploaded is not there any more", value=missing.name, hint="Upload it once more."
            )
        yield
    finally:
        for path in uploads:
            _remove(path)


def is_upload(workspace: Workspace, path: Path) -> bool:
    """Whether a path lies in the workspace's incoming folder, and so may be removed."""
    incoming = workspace.incoming.resolve()
    return path.resolve() != incoming and path.resolve().is_relative_to(incoming)


def sweep_leftovers(workspace: Workspace) -> None:
    """Removes what killed jobs left in the incoming folder: half-made datasets, downloads, and their uploads.

    Uploads that no job was submitted for yet are left alone, and so are those of jobs that have not ended.
    """
    sweep_incoming(workspace)
    if not any(workspace.incoming.iterdir()):
        return
    registry = Registry(workspace)
    ended, waiting = set[Path](), set[Path]()
    for kind in _KINDS:
        for record in registry.list(kind):
            (ended if record.state.ended else waiting).update(_uploads(workspace, record.id))
    for path in ended - waiting:
        if path.exists():
            _log.info("removing what an ended job left: %s", path.name)
            _remove(path)


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
