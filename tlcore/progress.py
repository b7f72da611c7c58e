"""How long work tells what it is doing: the seam between whatever works and whoever watches."""

from __future__ import annotations

from typing import Any, Protocol


class Stopped(Exception):
    """Raised inside long work when somebody asked it to stop."""


class Reporter(Protocol):
    """Receives what long work has to tell. The worker writes it to the run's events; a test keeps a list."""

    def event(self, kind: str, **values: Any) -> None:
        """Tells one thing that happened; `values` is plain JSON data."""
        ...

    def progress(self, task: str, done: int, total: int) -> None:
        """Tells that `done` of `total` units of `task` are finished. Cheap: call it as often as you like."""
        ...

    def stop_requested(self) -> bool:
        """Whether somebody asked to stop. Cheap: call it for every batch."""
        ...


class Silence:
    """A reporter that nobody listens to."""

    def event(self, kind: str, **values: Any) -> None:
        """Drops the event."""

    def progress(self, task: str, done: int, total: int) -> None:
        """Drops the progress."""

    def stop_requested(self) -> bool:
        """Nobody asks."""
        return False


class DeafReporter:
    """Passes on what is told, and heeds no stop: for work that would lose something if it ended halfway."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def event(self, kind: str, **values: Any) -> None:
        """Passes the event on."""
        self._reporter.event(kind, **values)

    def progress(self, task: str, done: int, total: int) -> None:
        """Passes the progress on."""
        self._reporter.progress(task, done, total)

    def stop_requested(self) -> bool:
        """Never."""
        return False
