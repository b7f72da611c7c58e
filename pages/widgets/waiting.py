"""How long a queued job waits, in words: its place among everybody's, and about when its turn comes."""

from __future__ import annotations

from typing import Final

from pages.widgets.shell import workspace
from pages.widgets.time_left import foretold_in_words
from pages.widgets.views import run_view
from tlcore.jobs.waiting import Wait, wait_of

_SOON_SECONDS: Final = 3


def waiting(run_id: str) -> Wait | None:
    """Place and time of a queued job; None when it is not queued (any more)."""
    return wait_of(workspace(), run_id, run_view)


def before_it(wait: Wait | None) -> str:
    """How many come first, and how long they take where that is known: "2 before it, its turn comes in about 5 min"."""
    if wait is None or wait.position == 1:
        return f"it is next{_when(wait)}"
    return f"{wait.position - 1} before it{_when(wait)}"


def number_in_queue(wait: Wait | None) -> str:
    """The same for a list: "number 3 in the queue, its turn comes in about 5 min"; "" when it is not queued."""
    return "" if wait is None else f"number {wait.position} in the queue{_when(wait)}"


def _when(wait: Wait | None) -> str:
    if wait is None or wait.seconds is None or wait.seconds < _SOON_SECONDS:
        return ""
    return f", its turn comes in {foretold_in_words(wait.seconds, measured=False)}"
