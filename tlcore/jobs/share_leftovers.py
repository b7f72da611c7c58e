"""What killed jobs left among the things that people share. Light: it is looked at when a supervisor starts."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tlcore.errors import WorkspaceError
from tlcore.members import all_workspaces
from tlcore.runs.registry import Registry
from tlcore.workspace import Workspace

SHARED: Final = "shared"
"""The folder of the app in which whatever is shared has a folder."""

SHARE: Final = "share.json"
"""Says in such a folder what is shared; written last."""

GONE: Final = ".gone-"
"""Begins the name of such a folder that is taken back."""

_KIND: Final = "share"
_SECONDS: Final = 600.0


def sweep_shared(workspace: Workspace) -> int:
    """Removes what was half taken back, or half packed some minutes ago by nobody who is still at it.

    Returns:
        How many things that was.
    """
    place = workspace.host / SHARED
    found = list(place.glob(f"{GONE}*"))
    half = [path for path in place.glob("[!.]*") if not (path / SHARE).is_file() and _is_old(path)]
    if half and not _is_anybody_sharing(workspace):
        found += half
    for path in found:
        shutil.rmtree(path, ignore_errors=True)
    return sum(not path.exists() for path in found)


def _is_old(folder: Path) -> bool:
    """Whether nothing was written in it for some minutes. After the clock was set back that may lie in the future."""
    try:
        written = max(_written(folder))
    except OSError:
        return False  # it goes right now
    return abs(time.time() - written) > _SECONDS


def _written(folder: Path) -> Iterator[float]:
    yield folder.stat().st_mtime
    for path in folder.rglob("*"):
        yield path.stat().st_mtime


def _is_anybody_sharing(workspace: Workspace) -> bool:
    """A computer that slept goes on with what it packed: minutes alone don't tell."""
    try:
        return any(
            record.kind == _KIND and record.state.active
            for other in all_workspaces(workspace)
            for record in Registry(other).unfinished()
        )
    except WorkspaceError:  # somebody's list can't be read now: the next start looks again
        return True
