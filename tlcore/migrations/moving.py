"""Bringing a workspace from an older format to this program's, step by step.

Before a step its files are backed up and the mark says that it has begun; after it the mark holds the new format. A
migration that was killed is begun again at that step, and keeps the backup of its first beginning. A step that fails is
taken back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import tlcore
from tlcore.errors import WorkspaceError
from tlcore.locks import is_held, take_lock
from tlcore.migrations.backup import bring_back, keep
from tlcore.migrations.mark import Mark, Move, read_mark, refuse_newer, write_mark
from tlcore.migrations.steps import STEPS, Step

logger = logging.getLogger(__name__)

_LOCK: Final = "workspace.lock"
_PATIENCE_SECONDS: Final = 60.0
_HOLDS_WORK: Final = ("runs", "jobs", "datasets")


def _utc_now() -> datetime:
    return datetime.now(UTC)


def move(root: Path, steps: Sequence[Step] = STEPS, clock: Callable[[], datetime] = _utc_now) -> None:
    """Brings the workspace in `root` to the newest format; one that holds nothing yet is only marked.

    Args:
        root: The workspace's folder.
        steps: From format 1 on.
        clock: Gives the times written down.

    Raises:
        WorkspaceError: It is newer, damaged, in use by an older program, or a step failed; then it is as it was.
        OSError: The mark or a backup can't be written.
    """
    lock = take_lock(root / _LOCK, _PATIENCE_SECONDS)
    if lock is None:
        raise WorkspaceError(
            "Another process brings this workspace up to date, and this takes long", value=root, hint="Try again later."
        )
    try:
        newest = 1 + len(steps)
        mark = read_mark(root)
        if mark is None:
            mark = Mark(newest) if _is_new(root) else Mark(1, version="")
            if mark.format == newest:
                write_mark(root, mark)
        refuse_newer(root, mark, newest)
        if mark.format < newest:
            _refuse_in_use(root)
        while mark.format < newest:
            mark = _take(root, mark, steps[mark.format - 1], clock())
    finally:
        lock.release()


def _is_new(root: Path) -> bool:
    if (root / "registry.sqlite").exists():
        return False
    return not any(any((root / name).iterdir()) for name in _HOLDS_WORK if (root / name).is_dir())


def _refuse_in_use(root: Path) -> None:
    """An older program's processes would go on writing what they know."""
    locks = [root / "supervisor.lock", *(path for name in ("runs", "jobs") for path in root.glob(f"{name}/*/*.lock"))]
    if any(is_held(path) for path in locks):
        raise WorkspaceError(
            "An older version of the program is still at work in this workspace",
            value=root,
            hint="Wait until its trainings and other jobs have ended, or stop them there; then try again.",
        )


def _take(root: Path, mark: Mark, step: Step, now: datetime) -> Mark:
    to = mark.format + 1
    begun = mark.begun
    if begun is None or not (root / begun.backup).is_file():
        backup = keep(root, step.files(root), f"before-format-{to}-{now:%Y%m%dT%H%M%SZ}")
        begun = Move(to, tlcore.__version__, now.isoformat(timespec="seconds"), backup)
        write_mark(root, replace(mark, begun=begun))
    else:
        logger.warning("bringing the workspace to format %d was cut short; doing it again", to)
    try:
        step.run(root)
    except Exception as error:
        bring_back(root, begun.backup)
        write_mark(root, replace(mark, begun=None))
        raise WorkspaceError(
            f"The workspace could not be brought from format {mark.format} to format {to} ({step.what}): {error}",
            value=root,
            hint=f"Everything is as it was; a copy is in {root / begun.backup}. Look whether the disk is full, then "
            "try again, or go on with the older version.",
        ) from error
    moved = Mark(to, tlcore.__version__, (*mark.moves, begun))
    write_mark(root, moved)
    logger.warning(
        "the workspace was brought from format %d to format %d (%s); what was changed is kept in %s",
        mark.format,
        to,
        step.what,
        root / begun.backup,
    )
    return moved
