"""What happens while many people use the app: times, errors, and whether anybody ever sees what is another's."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

_MOST_TOLD: Final = 50
_LONGEST: Final = 500


@dataclass
class Record:
    """Everything that all visitors met.

    Attributes:
        began: When the first of them came, on the monotonic clock.
        times: Seconds of each thing that was done, by its name.
        done: How often something was brought to its end, by its name.
        requests: What visitors sent, by its kind: HTTP requests, and messages over the websocket.
        refused: How often a page said no in plain words, as where a queue is full.
        errors: Whatever should not have happened.
        foreign: Names of others' datasets that somebody saw: each once for each visitor and place.
    """

    began: float = field(default_factory=time.monotonic)
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    done: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    errors: list[dict[str, Any]] = field(default_factory=list)
    foreign: list[dict[str, Any]] = field(default_factory=list)
    _seen: set[tuple[str, str, str]] = field(default_factory=set)

    def error(self, visitor: str, kind: str, text: str) -> None:
        """Notes what should not have happened."""
        self.errors.append(self._told(visitor, kind, text))

    def look(self, visitor: str, own: str, where: str, text: str, names: re.Pattern[str]) -> None:
        """Looks for others' names in what somebody sees.

        Args:
            visitor: Who sees it.
            own: The name that may be there.
            where: The page.
            text: All that is on it, with its address.
            names: Finds every visitor's name.
        """
        for name in set(names.findall(text)) - {own}:
            if (visitor, where, name) not in self._seen:
                self._seen.add((visitor, where, name))
                self.foreign.append(self._told(visitor, where, name))

    def summary(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {
            "requests": sum(self.requests.values()),
            "requests_by_kind": dict(self.requests),
            "errors": len(self.errors),
            "foreign_data_seen": len(self.foreign),
            "page_seconds": {"sessions": self._pages("session"), "browsers": self._pages("browser")},
            "seconds": {name: percentiles(found) for name, found in sorted(self.times.items())},
            "done": dict(self.done),
            "refused": dict(self.refused),
            "errors_by_kind": dict(Counter(one["kind"] for one in self.errors)),
            "first_errors": self.errors[:_MOST_TOLD],
            "first_foreign": self.foreign[:_MOST_TOLD],
        }

    def _pages(self, kind: str) -> dict[str, Any]:
        """Changes of pages by one kind of visitors."""
        start = f"{kind} page "
        return percentiles([one for name, found in self.times.items() if name.startswith(start) for one in found])

    def _told(self, visitor: str, kind: str, text: str) -> dict[str, Any]:
        return {
            "second": round(time.monotonic() - self.began, 1),
            "visitor": visitor,
            "kind": kind,
            "text": text[:_LONGEST],
        }


def percentiles(seconds: list[float]) -> dict[str, Any]:
    """How many, the middle one, what 95 in 100 stay below, and the longest."""
    if not seconds:
        return {"count": 0}
    ordered = sorted(seconds)
    middle, high = (round(ordered[min(int(share * len(ordered)), len(ordered) - 1)], 3) for share in (0.5, 0.95))
    return {"count": len(ordered), "p50": middle, "p95": high, "most": round(ordered[-1], 3)}
