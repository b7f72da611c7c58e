"""What is said of a job whose disk is full, by its worker or, when even that finds no room, by the supervisor."""

from __future__ import annotations

from typing import Final

DISK_FULL: Final = (
    "The disk is full, or a quota is used up. Make room by deleting runs, datasets or caches that are not needed, then "
    "start again: what was done until then is kept and used."
)

NO_ROOM: Final = 74
"""A worker's exit status when it could not write down how the job ended (`EX_IOERR` of sysexits.h)."""
