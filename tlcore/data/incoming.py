"""What is on its way into the workspace: uploads that wait, and folders in which something is made out of sight.

Whoever makes such a folder holds its lock: what a killed process left is told from what a living one works on.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

from filelock import FileLock, Timeout

from tlcore.errors import WorkspaceError
from tlcore.workspace import Workspace

BUILDING: Final = "dataset-"
FETCHING: Final = "kaggle-"
MOVING: Final = "run-"

DELETED: Final = "deleted-"
"""Start of the names of folders in `incoming` that only wait to be removed."""

UPLOAD: Final = "upload-"
"""Start of the names of uploads."""

_NUMBER: Final = re.compile(rf"^{UPLOAD}[0-9a-f]{{12}}-")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME: Final = 60
_LONGEST_ENDING: Final = 6


def upload_path(workspace: Workspace, name: str) -> Path:
    """A free path for an upload; the file's own name comes from outside, and what is plain of it stays."""
    given = Path(name)
    plain = _UNSAFE.sub("-", given.stem).strip("-.")[:_LONGEST_NAME] or "archive"
    ending = _UNSAFE.sub("", given.suffix.lower())[:_LONGEST_ENDING]
    return workspace.incoming / f"{UPLOAD}{uuid4().hex[:12]}-{plain}{ending}"


def called(path: Path) -> str:
    """What a person calls a file: an upload's name without what tells it from others like it."""
    return _NUMBER.sub("", path.name)


def lock_path(folder: Path) -> Path:
    """The lock of a folder: beside it, not in it, since a folder is renamed away while its lock is held."""
    return folder.with_name(f"{folder.name}.lock")


@contextmanager
def private_folder(workspace: Workspace, prefix: str) -> Iterator[Path]:
    """An empty folder in the workspace's incoming folder; whatever happens, nothing of it is left after the block.

    Raises:
        WorkspaceError: It can't be made.
    """
    folder = workspace.incoming / f"{prefix}{uuid4().hex}"
    lock = FileLock(lock_path(folder))
    try:
        # The lock comes before the folder: whoever sweeps must never see the folder without its lock.
        try:
            lock.acquire()
            folder.mkdir()
        except OSError as error:
            raise WorkspaceError(
                f"The workspace can't be written: {error.strerror}",
                value=workspace.incoming,
                hint="Free some disk space, or set TLCORE_HOME to a folder with more room that you may write to.",
            ) from error
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock_path(folder).unlink(missing_ok=True)
        lock.release()


def sweep_incoming(workspace: Workspace) -> None:
    """Removes the half-made datasets, runs and downloads that killed processes left; what a living one holds stays."""
    names = {path.stem for prefix in (BUILDING, FETCHING, MOVING) for path in workspace.incoming.glob(f"{prefix}*")}
    for name in sorted(names):
        folder = workspace.incoming / name
        lock = FileLock(lock_path(folder))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        shutil.rmtree(folder, ignore_errors=True)
        lock_path(folder).unlink(missing_ok=True)
        lock.release()
    for folder in workspace.incoming.glob(f"{DELETED}*"):
        shutil.rmtree(folder, ignore_errors=True)
