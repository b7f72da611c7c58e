"""What trainings kept after each whole round (epoch), to go on from: it takes room, and can't be made again.

What a training keeps that was completed makes way when room is needed: its model stays. What one keeps that was stopped
goes only when somebody clears it, and only where there is a model, too. What a training needs that waits, is at work,
was interrupted or failed never goes, unless it lies in the bin. Which of these it is, its own folder tells, also while
the registry is damaged.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from tlcore.errors import StudioError
from tlcore.locks import take_lock
from tlcore.runs.events import last_event
from tlcore.runs.folder import RunFolder, RunMeta
from tlcore.runs.rebuild import ended_state
from tlcore.runs.states import State
from tlcore.workspace import Workspace

_GONE: Final = ".gone-"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """What one training keeps.

    Attributes:
        folder: Where it lies, in the training's folder.
        title: Which training, in words.
        dataset: What it learned from.
        bytes: What it takes on the disk.
        last_used: When something was kept last.
        needed: Whether the training goes on, or may have to go on, from it.
    """

    folder: Path
    title: str
    dataset: str
    bytes: int
    last_used: datetime
    needed: bool


def list_kept(workspace: Workspace) -> Iterator[Kept]:
    """Of every training that keeps something, in no special order. Takes no lock: it is as it was a moment ago."""
    for path in workspace.runs.glob("[!.]*/checkpoints"):
        folder = RunFolder(path.parent)
        try:
            facts = _facts(path)
            if not facts:
                continue
            needed = not _may_go(folder)
        except OSError as error:  # it goes right now, or can't be read
            _log.info("what %s keeps can't be read now: %s", folder.id, error)
            continue
        meta = _meta(folder)
        title, dataset = (f"{meta.name} ({folder.id})", meta.dataset) if meta else (folder.id, "")
        used = datetime.fromtimestamp(max(one.st_mtime for one in facts), UTC)
        yield Kept(path, title, dataset, sum(one.st_size for one in facts), used, needed)


def makes_way(path: Path) -> bool:
    """Whether what a training keeps may be removed without being asked: it is done, or lies in the bin."""
    try:
        return _may_go(RunFolder(path.parent), asked=False)
    except OSError as error:
        _log.info("whether %s makes way can't be read now: %s", path, error)
        return False


def has_left_model(folder: RunFolder) -> bool:
    """Whether a training has a result. One that was stopped in the queue may have none."""
    return folder.report.is_file() or folder.model.is_file()


def remove_kept(path: Path, asked: bool = True) -> bool:
    """Removes what a training keeps, unless the training needs it after all; whether it did.

    Args:
        path: Where it lies.
        asked: Whether a person wants it; else only what makes way by itself is removed.

    Raises:
        OSError: It can't be removed.
    """
    folder = RunFolder(path.parent)
    # Whoever lets a training go on, and its worker, hold this lock.
    lock = take_lock(folder.lock)
    if lock is None:
        return False
    gone = path.with_name(f"{_GONE}{uuid4().hex}")
    try:
        if not _may_go(folder, asked):
            return False
        path.rename(gone)  # half of it must not look like all of it
    finally:
        lock.release()
    shutil.rmtree(gone, ignore_errors=True)
    return True


def sweep_kept(workspace: Workspace) -> None:
    """Finishes what killed processes began to remove."""
    for path in workspace.runs.glob(f"*/{_GONE}*"):
        shutil.rmtree(path, ignore_errors=True)


def _facts(path: Path) -> list[os.stat_result]:
    """Of every file there, but for those being written (their names begin with a dot) and those that go right now."""
    facts = []
    for file in path.iterdir():
        if not file.name.startswith("."):
            with suppress(FileNotFoundError):
                facts.append(file.stat())
    return facts


def _may_go(folder: RunFolder, asked: bool = True) -> bool:
    """Whether the training does without. Queued again, it has no last event, or one that tells of no end."""
    state = ended_state(last_event(folder.events))
    if state is None or not state.ended:
        return False
    wanted = state.can_extend if asked else state is State.COMPLETED
    return (wanted and has_left_model(folder)) or _in_bin(folder)


def _in_bin(folder: RunFolder) -> bool:
    meta = _meta(folder)
    return meta is not None and meta.archived


def _meta(folder: RunFolder) -> RunMeta | None:
    try:
        return folder.read_meta()
    except StudioError:  # damaged, which is told where the run is opened
        return None
