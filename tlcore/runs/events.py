"""The events of a run: one JSON line each, one writer, any number of readers that remember how far they have read."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

from tlcore.runs.identity import Clock, utc_now

logger = logging.getLogger(__name__)

Event = dict[str, Any]

# Kinds that come many times a second: they are collected and written together.
_FREQUENT = frozenset({"batch", "progress"})
_FLUSH_SECONDS = 0.5
_TAIL_BYTES = 64 * 1024


class EventWriter:
    """Appends events to a run's file. Safe to use from several threads of the one process that writes.

    Batch and progress events are collected for up to half a second; every other event is written at once, with those
    collected before it.

    Args:
        path: The events file; made where missing, appended to where not.
        clock: Gives the time written into each event.
        monotonic: Seconds, for the half second.
    """

    def __init__(self, path: Path, clock: Clock = utc_now, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._lock = Lock()
        self._pending: list[bytes] = []
        self._flushed = monotonic()
        torn = _ends_torn(path)
        self._file = path.open("ab", buffering=0)
        if torn:
            # A writer that was killed left half a line; close it so that only that line is lost.
            self._pending.append(b"\n")

    def write(self, kind: str, **values: Any) -> None:
        """Appends one event; `values` is plain JSON data, with NumPy scalars allowed and NaN written as null.

        Raises:
            OSError: The disk is full. What could not be written is kept, and written with the next event.
        """
        line = _encode({"time": self._clock().isoformat(), "kind": kind, **values})
        with self._lock:
            self._pending.append(line)
            if kind not in _FREQUENT or self._monotonic() - self._flushed >= _FLUSH_SECONDS:
                self._flush()

    def flush_if_due(self) -> None:
        """Writes what was collected if half a second has passed; cheap otherwise."""
        if self._pending and self._monotonic() - self._flushed >= _FLUSH_SECONDS:
            with self._lock:
                self._flush()

    def flush(self) -> None:
        """Writes what was collected."""
        with self._lock:
            self._flush()

    def close(self) -> None:
        """Writes what is left, makes it durable and closes the file."""
        with self._lock:
            if self._file.closed:
                return
            try:
                self._flush()
                os.fsync(self._file.fileno())
            finally:
                self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _flush(self) -> None:
        left = b"".join(self._pending)
        try:
            while left:
                left = left[self._file.write(left) :]
        finally:
            # On a disk that became full, part of a line may stand there already: its rest comes first next time.
            self._pending = [left] if left else []
        self._flushed = self._monotonic()


@dataclass(frozen=True)
class EventPage:
    """Some events, and the byte offset to go on reading from."""

    events: tuple[Event, ...]
    offset: int


def read_events(path: Path, offset: int = 0) -> EventPage:
    """The events in `path` from byte `offset` on.

    A last line that is still being written is left for the next call; a line that was torn by a killed writer is
    skipped. A file that does not exist yet has no events.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return EventPage((), offset)
    whole = data[: data.rfind(b"\n") + 1]
    events = tuple(event for line in whole.splitlines() if (event := _decode(line, path)) is not None)
    return EventPage(events, offset + len(whole))


def file_number(path: Path) -> int:
    """Tells apart the files that `path` names one after another: a new attempt has a new one. 0 while there is none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def last_event(path: Path) -> Event | None:
    """The last whole event in `path`, without reading all of a long file; None when there is none."""
    try:
        with path.open("rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES)
            file.seek(start)
            data = file.read()
    except FileNotFoundError:
        return None
    begin = data.find(b"\n") + 1 if start else 0
    lines = data[begin : data.rfind(b"\n") + 1].splitlines()
    return next((event for line in reversed(lines) if (event := _decode(line, path)) is not None), None)


def _ends_torn(path: Path) -> bool:
    if not path.exists() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def _encode(event: Event) -> bytes:
    try:
        text = json.dumps(event, allow_nan=False, default=_scalar)
    except ValueError:
        # A diverged training has losses that are not numbers, which JSON can't say.
        text = json.dumps(_without_nan(event), allow_nan=False)
    return text.encode() + b"\n"


def _scalar(value: Any) -> Any:
    """A NumPy scalar as Python's."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"an event can't hold a {type(value).__name__}")


def _without_nan(value: Any) -> Any:
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return value


def _decode(line: bytes, path: Path) -> Event | None:
    try:
        event = json.loads(line) if line.strip() else None
    except ValueError:
        logger.warning("skipped a damaged line of %s", path)
        return None
    return event if isinstance(event, dict) and "kind" in event else None
