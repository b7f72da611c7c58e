from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tlcore.runs.spent import Spent, WorkClock

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LOOKING = {"task": "Looking at the pictures"}


def spent(*events: tuple[float, str, dict[str, Any]]) -> Spent:
    clock = WorkClock()
    for second, kind, values in events:
        time = NOON + timedelta(seconds=second)
        clock.add({"kind": kind, **values}, time)
    return clock.spent


ATTEMPT: list[tuple[float, str, dict[str, Any]]] = [
    (0, "resume", {"number": 1}),
    (50, "started", {}),  # it waited for its turn
    (53, "task", {"task": "Building the model"}),
    (55, "progress", LOOKING),
    (60, "memory", {}),
    (65, "progress", {"task": "Judging the test pictures"}),
    (66, "baseline", {}),
    (67, "phase", {}),
    (70, "batch", {}),
    (77, "epoch", {}),
    (79, "batch", {}),
]


def test_time_goes_to_what_the_worker_was_at() -> None:
    assert spent(*ATTEMPT) == Spent(prepare=2, features=10, train=12, evaluate=1, total=29)


def test_an_end_that_was_written_by_others_is_no_work_and_the_workers_own_is() -> None:
    assert spent(*ATTEMPT, (9999, "ended", {"state": "interrupted"})).total == 29
    assert spent(*ATTEMPT, (80, "ended", {"state": "stopped", "details": None})).total == 30


def test_attempts_add_up_and_a_clock_that_was_set_back_takes_nothing_away() -> None:
    back = spent((0, "started", {}), (10, "batch", {}), (5, "batch", {}), (8, "batch", {}))
    assert back == Spent(train=3, total=13)
    assert (back + spent(*ATTEMPT)).total == pytest.approx(42)
