"""Which attempt a run's events tell of. A second one begins with a `retry` event that has a number."""

from __future__ import annotations

from collections.abc import Iterable

from tlcore.runs.events import Event


def attempt_of(events: Iterable[Event]) -> int:
    """The number of the attempt that `events`, a run's from their first, tell of: 1 where nothing else is said.

    A `retry` event without a number is a phase that was repeated within one attempt.
    """
    first = next(iter(events), None)
    return int(first.get("attempt", 1)) if first is not None and first["kind"] == "retry" else 1


def awaits_attempt(last: Event | None) -> bool:
    """Whether nothing has happened yet in the attempt that `last` is the last event of."""
    return last is None or (last["kind"] == "retry" and "attempt" in last)
