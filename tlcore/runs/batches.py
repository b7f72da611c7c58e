"""The curve of a training by batch: each batch once, also where it was done again, and never too many."""

from __future__ import annotations

from typing import Any, Final

from tlcore.runs.events import Event

MOST: Final = 5_000
"""More rows than these are evenly thinned."""

_ORDER: Final = {"scratch": 0, "frozen": 1, "fine_tune": 2}


class BatchCurve:
    """Collects the figures of batches.

    A batch takes the place of whatever stood there or later: an epoch that was cut off is done again, and a phase that
    ran out of memory may begin again.

    Attributes:
        rows: The `batch` events' figures, in the order of the training, evenly thinned to at most `MOST`.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._stride = 1
        self._seen = 0

    def copy(self) -> BatchCurve:
        """One that can go on from here by itself."""
        other = BatchCurve()
        other.rows, other._stride, other._seen = list(self.rows), self._stride, self._seen
        return other

    def add(self, event: Event) -> None:
        """Takes in a `batch` event; one whose figures were no numbers leaves no row."""
        self._keep_before(_place(event))
        if self._seen % self._stride == 0 and event["loss"] is not None and event["accuracy"] is not None:
            self.rows.append({key: value for key, value in event.items() if key not in ("time", "kind")})
        self._seen += 1
        if len(self.rows) > MOST:
            self.rows = self.rows[::2]
            self._stride *= 2

    def keep_until(self, phase: str, epoch: int) -> None:
        """Forgets what came after that epoch of that phase."""
        self._keep_before(_place({"phase": phase, "epoch": epoch + 1, "batch": 0}))

    def _keep_before(self, place: tuple[int, int, int]) -> None:
        while self.rows and _place(self.rows[-1]) >= place:
            self.rows.pop()


def _place(row: dict[str, Any]) -> tuple[int, int, int]:
    return _ORDER.get(row["phase"], len(_ORDER)), row["epoch"], row["batch"]
