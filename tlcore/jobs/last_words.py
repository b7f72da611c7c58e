"""What is said of a job whose worker can't tell its end itself, or was asked from outside to end."""

from __future__ import annotations

from typing import Final

from tlcore.runs.folder import RunFolder

DISK_FULL: Final = (
    "The disk is full, or a quota is used up. Make room by deleting runs, datasets or caches that are not needed, then "
    "start again: what was done until then is kept and used."
)

NO_ROOM: Final = 74
"""A worker's exit status when it could not write down how the job ended (`EX_IOERR` of sysexits.h)."""

ENDED_MEASUREMENT: Final = "It was ended, so that a training had the computer for itself."
"""Of a measurement that was asked to stop, did not hear it, and was ended from outside."""

TERMINATED: Final = "The computer was shut down or restarted, or somebody ended the process (signal 15)."
"""Of any job whose worker was asked to end by the system."""

ENDED_BY_PERSON: Final = "It had told nothing for a long time, and somebody ended it."
"""Of a job whose worker did not respond; the stop flag then holds this text."""

FOLDER_GONE: Final = "The folder of this run was removed while it was at work, so there is nothing left to keep."


def was_ended_by_person(folder: RunFolder) -> bool:
    """Whether somebody ended the worker, which did not respond."""
    try:
        return folder.stop_flag.read_text(encoding="utf-8") == ENDED_BY_PERSON
    except FileNotFoundError:
        return False
