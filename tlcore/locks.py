"""File locks: who holds one is alive, whatever a process id or an old timestamp may say.

A lock is the operating system's, so it is free the moment its process ends, however that happens.
"""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock, Timeout, lock_descriptor

# Looking at a lock takes it for an instant. A second look in that instant must not report "held".
_LOOK_SECONDS = 0.02


def take_lock(path: Path, timeout: float = 0.0) -> FileLock | None:
    """The lock at `path`, held from now on, or None when another process still has it after `timeout` seconds.

    Keep the returned object: the lock is given back by its `release()` or by the end of the process.
    """
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=timeout, poll_interval=0.005)
    except Timeout:
        return None
    return lock


def take_open(path: Path) -> int | None:
    """The lock at `path` as an open file, whose lock a process that inherits it holds too; None when it is taken.

    Close the file to give it back here.

    Raises:
        OSError: The file can't be made or opened.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    if lock_descriptor(descriptor, blocking=False):
        return descriptor
    os.close(descriptor)
    return None


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock at `path`. A lock that was never taken is not held."""
    return _is_taken(path, _LOOK_SECONDS)


def seems_held(path: Path) -> bool:
    """Like `is_held` at no cost, for looking at many: a lock that somebody else looks at right now counts as held."""
    return _is_taken(path, 0.0)


def _is_taken(path: Path, patience: float) -> bool:
    if not path.exists():
        return False
    lock = take_lock(path, patience)
    if lock is None:
        return True
    lock.release()
    return False
