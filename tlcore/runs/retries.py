"""Which attempt a run's events tell of. A second one begins with a `retry` event that has a number, one that goes on by
itself after an interruption with a `resume` event.
"""

from __future__ import annotations

from collections.abc import Iterable

from tlcore.runs.events import Event


def attempt_of(events: Iterable[Event]) -> int:
    """The number of the attempt that `events`, a run's from their first, tell of: 1 where nothing else is said.

    A `retry` event without a number is a phase that was repeated within one attempt.
    """
    first = next(iter(events), None)
    return int(first.get("attempt", 1)) if first is not None and first["kind"] == "retry" else 1


def batch_retry(events: Iterable[Event]) -> Event | None:
    """The event with which a second attempt, in smaller batches, began; None in a first one."""
    first = next(iter(events), None)
    return first if first is not None and first["kind"] == "retry" and "attempt" in first else None


def awaits_attempt(last: Event | None) -> bool:
    """Whether nothing has happened yet in the attempt that `last` is the last event of."""
    return last is None or (last["kind"] == "retry" and "attempt" in last) or last["kind"] == "resume"
