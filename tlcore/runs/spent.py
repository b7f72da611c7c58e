"""Where the time of a training went, as its events tell: for attempts whose worker can't be asked any more."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from tlcore.runs.events import Event

_LEARNING: Final = frozenset({"resumed", "phase", "batch", "epoch", "retry"})
_TASKS: Final = (
    ("Building", "prepare"),
    ("Reading pictures", "features"),
    ("Looking at", "features"),
    ("Converting", "features"),
    ("Trying", "features"),
    ("Waiting for another", "features"),
    ("Judging", "evaluate"),
    ("Checking", "evaluate"),
    ("Keeping", "evaluate"),
)


@dataclass
class Spent:
    """Seconds of work, by kind as in a report; `total` holds the rest too."""

    prepare: float = 0.0
    features: float = 0.0
    train: float = 0.0
    evaluate: float = 0.0
    total: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        mine, others = asdict(self), asdict(other)
        return Spent(**{name: mine[name] + others[name] for name in mine})


class WorkClock:
    """Gives the time between two events of one attempt to what the worker was doing in it.

    Attributes:
        spent: So far, from the worker's first event to its latest.
    """

    def __init__(self) -> None:
        self.spent = Spent()
        self._last: datetime | None = None
        self._doing = ""

    def add(self, event: Event, time: datetime) -> None:
        """Takes in an event; those before the worker's first, and an end that somebody else wrote, tell no work."""
        if self._last is None and event["kind"] != "started":
            return
        if event["kind"] == "ended" and "details" not in event:  # written when its worker was found dead, perhaps late
            return
        if self._last is not None:
            # A clock that was set back makes no time unspent.
            seconds = max((time - self._last).total_seconds(), 0.0)
            self.spent.total += seconds
            if self._doing:
                setattr(self.spent, self._doing, getattr(self.spent, self._doing) + seconds)
        self._last = time
        self._doing = _after(event, self._doing)


def _after(event: Event, doing: str) -> str:
    """The kind of work that follows an event; "" for starting and saving."""
    kind = event["kind"]
    if kind in _LEARNING:
        return "train"
    if kind in ("task", "progress"):
        return next((work for beginning, work in _TASKS if event["task"].startswith(beginning)), "")
    return "" if kind in ("started", "baseline") else doing
