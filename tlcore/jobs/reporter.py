"""The worker's end of progress: events to the run's file, a heartbeat, and a look at what others ask of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tlcore.runs.events import EventWriter
from tlcore.runs.folder import RunFolder
from tlcore.runs.heartbeat import Heartbeat

_STOP_LOOK_SECONDS = 0.2
_PROGRESS_SECONDS = 0.2


class Terminated(BaseException):
    """Raised inside work whose process was asked to end: at once, unlike a stop, which keeps and tests the model.

    Not an `Exception`: whatever goes on after errors must not go on after this.
    """


class FolderReporter:
    """Tells what a job does through its folder. Cheap enough to be called for every batch and every picture.

    Each of its methods raises `Terminated` once the process was asked to end.

    Args:
        folder: The job's folder.
        events: The writer of its events.
        monotonic: Seconds, for how often the disk is touched.
    """

    def __init__(self, folder: RunFolder, events: EventWriter, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._events = events
        self._monotonic = monotonic
        self._stop = False
        self._terminated = False
        self._heart = Heartbeat(folder.heartbeat, monotonic)
        self._looked = float("-inf")
        self._task = ""
        self._told = float("-inf")

    def event(self, kind: str, **values: Any) -> None:
        """Writes one event."""
        self._heed()
        self._events.write(kind, **values)
        self._heart.beat()

    def progress(self, task: str, done: int, total: int) -> None:
        """Writes a progress event, unless the last one of the same task is too recent and this is not its end."""
        self._heed()
        now = self._monotonic()
        beginning_or_end = task != self._task or done >= total
        if beginning_or_end or now - self._told >= _PROGRESS_SECONDS:
            self._events.write("progress", task=task, done=done, total=total)
            self._task, self._told = task, now
        if beginning_or_end:
            self._events.flush()
        self._heart.beat()

    def stop_requested(self) -> bool:
        """Whether somebody asked to stop; once true it stays true."""
        self._heed()
        now = self._monotonic()
        if not self._stop and now - self._looked >= _STOP_LOOK_SECONDS:
            self._looked = now
            self._stop = self._folder.stop_flag.exists()
        self._events.flush_if_due()
        self._heart.beat()
        return self._stop

    def terminate(self) -> None:
        """Ends the work at its next word; for a signal handler, so it only sets a flag."""
        self._terminated = True

    def _heed(self) -> None:
        if self._terminated:
            raise Terminated
