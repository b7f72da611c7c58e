"""What was found damaged or half-done in a workspace and was put right: a line each, in a log of its own.

The supervisor and the app write it when they start; the System page shows it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tlcore.runs.identity import Clock, utc_now
from tlcore.workspace import Workspace

LOG_NAME: Final = "repairs.log"

_MOST_BYTES: Final = 256 * 1024
_EARLIER: Final = "repairs.1.log"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Repair:
    """Something that was put right, when, and in plain words what."""

    time: datetime
    text: str


def note_repair(workspace: Workspace, text: str, clock: Clock = utc_now) -> None:
    """Writes a line. A log that can't be written is no reason to fail: the repair itself is done."""
    logger.info("put right: %s", text)
    path = workspace.logs / LOG_NAME
    line = f"{clock().isoformat(timespec='seconds')} {' '.join(text.split())}\n"
    try:
        if path.exists() and path.stat().st_size > _MOST_BYTES:
            path.replace(workspace.logs / _EARLIER)
        with path.open("a", encoding="utf-8") as file:
            file.write(line)
    except OSError:
        logger.exception("can't write down what was put right")


def read_repairs(workspace: Workspace, most: int = 50) -> tuple[Repair, ...]:
    """What was put right last, newest first."""
    lines: list[str] = []
    for name in (_EARLIER, LOG_NAME):
        try:
            lines += (workspace.logs / name).read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            continue
    found = (_parse(line) for line in reversed(lines[-most:]))
    return tuple(repair for repair in found if repair is not None)


def _parse(line: str) -> Repair | None:
    time, _, text = line.partition(" ")
    try:
        return Repair(datetime.fromisoformat(time), text)
    except ValueError:
        return None  # a line that was cut off when its writer was ended
