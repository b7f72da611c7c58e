"""Medians and ratios."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from typing import Any


def median_of(runs: Iterable[dict[str, Any]], value: Callable[[dict[str, Any]], float]) -> float:
    """The median of a value over the runs, to three places."""
    return round(statistics.median(value(one) for one in runs), 3)


def ratio(slow: float | None, fast: float | None) -> float | None:
    """How many times as long `slow` takes; None where one of them was not measured."""
    return None if slow is None or not fast else round(slow / fast, 2)
