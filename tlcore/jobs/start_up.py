"""What is put right in a workspace when the app or a supervisor starts. All of it may be done by several at once.

Locks are never stale: they are the operating system's, and free the moment their process ends.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from tlcore.errors import RunError
from tlcore.jobs.leftovers import sweep_leftovers
from tlcore.jobs.share_leftovers import sweep_shared
from tlcore.locks import seems_held, take_lock
from tlcore.runs.attempts import earlier_files
from tlcore.runs.events import last_event
from tlcore.runs.folder import RunFolder
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.repairs import note_repair
from tlcore.workspace import Workspace

# Small files are written within a second, a new registry within a minute: what is older was left by a killed process.
_SMALL_SECONDS: Final = 60.0
_REGISTRY_SECONDS: Final = 600.0

# Written by pages too, which hold no lock.
_SHARED: Final = (".config.json.", ".meta.json.")

_log = logging.getLogger(__name__)


def put_right(workspace: Workspace) -> None:
    """Finishes cut-short deletions, brings back what was put away, removes what is half-written or lost; logs it.

    Raises:
        WorkspaceError: The registry can't be read or written.
    """
    deleted = _sweep_deleted(workspace)
    if deleted:
        note_repair(workspace, f"The deletion of {deleted} runs or jobs was cut short, and is finished now.")
    removed = [path for path in (*_half_written_in_runs(workspace), *_half_written_elsewhere(workspace)) if _drop(path)]
    if removed:
        names = ", ".join(sorted({_place(workspace, path) for path in removed})[:5])
        note_repair(workspace, f"{len(removed)} half-written files were removed, in: {names}.")
    before = _count(workspace.incoming)
    sweep_leftovers(workspace)
    left = before - _count(workspace.incoming)
    if left > 0:
        note_repair(workspace, f"{left} half-made datasets or uploads that ended jobs had left were removed.")
    shared = sweep_shared(workspace)
    if shared:
        note_repair(workspace, f"{shared} things that jobs which were cut short had left half shared were removed.")
    _bring_back_put_away(workspace)
    _forget_lost(workspace)


def _sweep_deleted(workspace: Workspace) -> int:
    found = [path for parent in (workspace.runs, workspace.jobs) for path in parent.glob(".deleted-*")]
    for path in found:
        shutil.rmtree(path, ignore_errors=True)
    return sum(not path.exists() for path in found)


def _half_written_in_runs(workspace: Workspace) -> Iterator[Path]:
    """Those of workers that are gone: of their models, checkpoints, reports and bundles."""
    for folder in RunFolder.all_in(workspace):
        found = [
            path
            for place in (folder.path, folder.checkpoints, folder.bundle)
            for pattern in ("saving-*", ".*.tmp")
            for path in place.glob(pattern)
        ]
        if found and not seems_held(folder.lock):
            yield from (path for path in found if not path.name.startswith(_SHARED) or _is_older(path, _SMALL_SECONDS))


def _half_written_elsewhere(workspace: Workspace) -> Iterator[Path]:
    for place in (workspace.root, workspace.drafts, workspace.logs, *workspace.datasets.glob("*/*")):
        yield from (path for path in place.glob(".*.tmp") if _is_older(path, _SMALL_SECONDS))
    yield from (path for path in workspace.root.glob(".registry-*.sqlite*") if _is_older(path, _REGISTRY_SECONDS))


def _is_older(path: Path, seconds: float) -> bool:
    """Whether nobody can be writing it any more. After the clock was set back a file may lie in the future."""
    try:
        return abs(time.time() - path.stat().st_mtime) > seconds
    except FileNotFoundError:
        return False


def _drop(path: Path) -> bool:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return not path.exists()
    try:
        path.unlink()
    except OSError:
        return False  # somebody else was faster, or it may not be removed: it harms nobody
    return True


def _bring_back_put_away(workspace: Workspace) -> None:
    """Gives ended runs back their events and result, where whoever prepared another attempt was killed meanwhile."""
    records = {record.id: record for record in Registry(workspace).list() if record.state.ended}
    for folder in RunFolder.all_in(workspace):
        if folder.id not in records or not _is_put_away(folder, records[folder.id]):
            continue
        lock = take_lock(folder.lock)
        if lock is None:
            continue  # it is being prepared now
        try:
            record = Registry(workspace).get(folder.id)
            if not (record.state.ended and _is_put_away(folder, record)):
                continue
            if folder.result_before.exists() and not folder.result.exists():
                folder.result_before.replace(folder.result)
            earlier_files(folder)[-1].replace(folder.events)
        except (OSError, RunError):
            _log.exception("what was put away in %s can't be brought back", folder.id)
        else:
            note_repair(workspace, f'Starting "{record.title}" ({folder.id}) again was cut short; it is as it was.')
        finally:
            lock.release()


def _is_put_away(folder: RunFolder, record: JobRecord) -> bool:
    """Whether the events of the attempt that the row tells of are put away.

    They may be so rightly: of a run that was stopped while it waited for its next attempt, which has not begun.
    """
    if folder.events.exists() or not (earlier := earlier_files(folder)):
        return False
    if folder.result_before.exists():
        return True
    last = last_event(earlier[-1])
    return record.started is not None and last is not None and datetime.fromisoformat(last["time"]) >= record.started


def _forget_lost(workspace: Workspace) -> None:
    """Removes the rows of ended runs whose folder somebody removed by hand: there is nothing left to show of them."""
    registry = Registry(workspace)
    there = {folder.id for folder in RunFolder.all_in(workspace)}
    for record in registry.list():
        if record.state.ended and record.id not in there and not _is_there(workspace, record.id):
            registry.delete(record.id)
            note_repair(workspace, f'The folder of "{record.title}" ({record.id}) is gone, so it is no longer listed.')


def _is_there(workspace: Workspace, run_id: str) -> bool:
    """Looked at once more: a run may have been brought in since the folders were listed."""
    return any((parent / run_id).is_dir() for parent in (workspace.runs, workspace.jobs))


def _place(workspace: Workspace, path: Path) -> str:
    return str(path.parent.relative_to(workspace.root))


def _count(folder: Path) -> int:
    return sum(1 for path in folder.iterdir() if path.suffix != ".lock")
