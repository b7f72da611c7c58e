"""What trainings kept after each whole round (epoch), to go on from: it takes room, and can't be made again.

What a training keeps that was completed or stopped may go when room is needed: its model stays. What a training needs
that waits, is at work, was interrupted or failed never goes. Which of these it is, its own folder tells, also while
the registry is damaged.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from tlcore.errors import StudioError
from tlcore.locks import take_lock
from tlcore.runs.events import last_event
from tlcore.runs.folder import RunFolder
from tlcore.runs.rebuild import ended_state
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
            facts = [file.stat() for file in path.iterdir()]
            needed = not _has_ended(folder)
        except OSError as error:  # it goes right now, or can't be read
            _log.info("what %s keeps can't be read now: %s", folder.id, error)
            continue
        if facts:
            title, dataset = _words(folder)
            used = datetime.fromtimestamp(max(one.st_mtime for one in facts), UTC)
            yield Kept(path, title, dataset, sum(one.st_size for one in facts), used, needed)


def remove_kept(path: Path) -> bool:
    """Removes what a training keeps, unless the training needs it after all; whether it did.

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
        if not _has_ended(folder):
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


def _has_ended(folder: RunFolder) -> bool:
    """Whether it has left a model. Queued again, a training has no last event, or one that tells of no end."""
    state = ended_state(last_event(folder.events))
    return state is not None and state.can_extend


def _words(folder: RunFolder) -> tuple[str, str]:
    try:
        meta = folder.read_meta()
    except StudioError:  # damaged, which is told where the run is opened
        return folder.id, ""
    return f"{meta.name} ({folder.id})", meta.dataset
