"""A worker's heartbeat: when it last made progress, by a clock that stands still while the computer sleeps.

A file's own time would not do: after a night's sleep it is eight hours old, and a clock that is set back puts it into
the future. The monotonic clock is one for all processes of a running computer, and a worker never outlives that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_EVERY_SECONDS: Final = 1.0
_LENGTH: Final = 48  # always the same, so that writing it anew needs no room on a full disk


@dataclass(frozen=True)
class Pulse:
    """What a heartbeat tells.

    Attributes:
        silence: Seconds since the worker last made progress.
        longest: The longest silence, in seconds, that it has come back from.
    """

    silence: float
    longest: float


class Heartbeat:
    """The worker's end.

    Args:
        path: The file.
        monotonic: Seconds.
    """

    def __init__(self, path: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._monotonic = monotonic
        self._last = self._written = float("-inf")
        self._longest = 0.0

    def beat(self) -> None:
        """Notes that progress was made. Cheap: the file is written once a second at most."""
        now = self._monotonic()
        if self._last > float("-inf"):
            self._longest = max(self._longest, now - self._last)
        self._last = now
        if now - self._written < _EVERY_SECONDS:
            return
        self._written = now
        line = f"{now:.1f} {self._longest:.1f}".ljust(_LENGTH - 1) + "\n"
        with self._path.open("r+b" if self._path.exists() else "wb", buffering=0) as file:
            file.write(line.encode("ascii"))


def read_pulse(path: Path, monotonic: Callable[[], float] = time.monotonic) -> Pulse | None:
    """What the heartbeat at `path` tells; None where there is none, or one that this version can't read."""
    try:
        last, longest = (float(word) for word in path.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return None
    return Pulse(max(monotonic() - last, 0.0), longest)
