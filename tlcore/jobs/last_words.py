"""What is said of a job whose worker can't tell its end: the disk is full, or it was ended from outside."""

from __future__ import annotations

from typing import Final

DISK_FULL: Final = (
    "The disk is full, or a quota is used up. Make room by deleting runs, datasets or caches that are not needed, then "
    "start again: what was done until then is kept and used."
)

NO_ROOM: Final = 74
"""A worker's exit status when it could not write down how the job ended (`EX_IOERR` of sysexits.h)."""

ENDED_MEASUREMENT: Final = "It was ended, so that a training had the computer for itself."
"""Of a measurement that was asked to stop, did not hear it, and was ended from outside."""
