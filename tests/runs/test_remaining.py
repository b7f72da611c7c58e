from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tlcore.runs.remaining import seconds_to_end
from tlcore.runs.story import RunStory

BEGAN = datetime(2026, 5, 4, 12, tzinfo=UTC)
FORETOLD = [("start", 5.0), ("features", 20.0), ("frozen", 10.0), ("fine_tune", 30.0), ("finish", 4.0)]
STEPS = [{"name": name, "seconds": seconds} for name, seconds in FORETOLD]


def story(*events: tuple[float, str, dict[str, Any]]) -> RunStory:
    told = RunStory()
    for seconds, kind, values in events:
        told.add({"time": (BEGAN + timedelta(seconds=seconds)).isoformat(), "kind": kind, **values})
    return told


def left(told: RunStory, seconds: float) -> float | None:
    return seconds_to_end(told, BEGAN + timedelta(seconds=seconds))


FORECAST = (0.0, "forecast", {"steps": STEPS})
FROZEN = (25.0, "phase", {"phase": "frozen", "epochs": 4, "batches": 10, "trainable": 1})


def epoch(number: int, at: float, seconds: float) -> tuple[float, str, dict[str, Any]]:
    return (at, "epoch", {"epoch": number, "seconds": seconds, "loss": 1.0, "accuracy": 0.5})


def test_before_the_first_word_all_of_it_is_left() -> None:
    assert left(story(FORECAST), 0) == pytest.approx(69)


def test_without_a_forecast_nothing_is_told() -> None:
    assert left(story(FROZEN), 26) is None


def test_a_task_counts_down_as_foretold_until_it_has_a_pace_of_its_own() -> None:
    looking = {"task": "Looking at the pictures", "total": 100}
    young = story(FORECAST, (5, "progress", looking | {"done": 0}), (5.5, "progress", looking | {"done": 5}))
    assert left(young, 6) == pytest.approx(19 + 44)
    steady = story(FORECAST, (5, "progress", looking | {"done": 0}), (9, "progress", looking | {"done": 50}))
    assert left(steady, 9) == pytest.approx(4 + 44)


def test_a_phase_takes_its_own_pace_after_the_second_round() -> None:
    first = story(FORECAST, FROZEN, epoch(1, 30, 5.0))
    assert left(first, 30) == pytest.approx(5 + 34)
    second = story(FORECAST, FROZEN, epoch(1, 30, 5.0), epoch(2, 31, 1.0))
    assert left(second, 31) == pytest.approx(2 * 1.0 + 34)


def test_later_steps_are_counted_and_earlier_ones_are_not() -> None:
    tuning = (40.0, "phase", {"phase": "fine_tune", "epochs": 5, "batches": 10, "trainable": 1})
    assert left(story(FORECAST, FROZEN, tuning), 50) == pytest.approx(20 + 4)
    ending = story(FORECAST, FROZEN, tuning, epoch(5, 70, 6.0), (71, "task", {"task": "Keeping the model"}))
    assert left(ending, 72) == pytest.approx(3)


LOOKED = 100
COPIED = [
    {"name": "start", "seconds": 5.0},
    {"name": "features", "seconds": 4.0, "units": 40},
    {"name": "copies", "seconds": 10.0, "units": 3 * LOOKED},
    {"name": "frozen", "seconds": 10.0},
    {"name": "finish", "seconds": 4.0},
]


def test_copies_that_are_still_to_come_are_counted_and_nothing_jumps_between_them() -> None:
    events = [(0.0, "forecast", {"steps": COPIED})]
    at = 5.0
    for copy in (1, 2, 3):
        for done in range(0, LOOKED + 1, 10):
            task = {"task": f"Looking at changed copy {copy} of 3", "done": done, "total": LOOKED}
            events.append((at, "progress", task))
            at += 1.0
    seen = []
    for number, (seconds, _, values) in enumerate(events[2:], start=3):
        if values["done"] > values["total"] // 2:  # its pace is settled
            found = left(story(*events[:number]), seconds)
            assert found is not None
            seen.append(found)
            truly = at - 1 - seconds
            assert found == pytest.approx(truly + 14, abs=3)
    assert all(later <= earlier for earlier, later in pairwise(seen))


def test_the_pictures_themselves_come_before_their_copies() -> None:
    looking = {"task": "Looking at the pictures", "total": 40}
    plain = story(
        (0.0, "forecast", {"steps": COPIED}),
        (5, "progress", looking | {"done": 0}),
        (7, "progress", looking | {"done": 20}),
    )
    assert left(plain, 7) == pytest.approx(2 + 10 + 14)


def test_it_ticks_while_the_run_starts() -> None:
    began = story((0, "started", {}), (2, "forecast", {"steps": STEPS}), (2.5, "task", {"task": "Building the model"}))
    assert left(began, 2.5) == pytest.approx(66.5)
    assert left(began, 4) == pytest.approx(65)


def test_what_was_done_in_between_does_not_lead_back_to_the_start() -> None:
    looking = {"task": "Looking at the pictures", "total": 100}
    judging = (25.0, "task", {"task": "Judging the test pictures"})
    told = story(FORECAST, (5, "progress", looking | {"done": 0}), (25, "progress", looking | {"done": 100}), judging)
    assert left(told, 25) == pytest.approx(44)


def test_the_first_round_is_not_foretold_below_the_pace_of_its_batches() -> None:
    figures = {"phase": "frozen", "epoch": 1, "loss": 1.0, "accuracy": 0.5}
    batches = [(27.0 + number, "batch", {"batch": number} | figures) for number in range(1, 6)]
    assert left(story(FORECAST, FROZEN, *batches), 32) == pytest.approx(35 * 1.0 + 34)


def test_what_an_earlier_attempt_did_is_not_foretold_again() -> None:
    done = {"phase": "frozen"}
    first = story(FROZEN, *((at, kind, values | done) for at, kind, values in (epoch(1, 30, 2.0), epoch(2, 32, 2.0))))
    second = RunStory(first)
    steps = [step | {"epochs": {"frozen": 4, "fine_tune": 5}.get(step["name"], 0)} for step in STEPS]
    for seconds, kind, values in (
        (100.0, "started", {}),
        (100.0, "forecast", {"steps": steps}),
        (105.0, "resumed", {"phase": "frozen", "epoch": 1}),
        (105.0, "phase", FROZEN[2]),
        (105.0, "epoch", epoch(1, 105, 2.0)[2] | done),
    ):
        second.add({"time": (BEGAN + timedelta(seconds=seconds)).isoformat(), "kind": kind, **values})
        if kind == "forecast":  # half of the ten seconds for the head, as long as it may go on
            assert left(second, 100) == pytest.approx(5 + 20 + 5 + 30 + 4)
    assert left(second, 106) == pytest.approx(10 * 3 / 4 - 1 + 34)


def test_a_download_counts_though_nobody_foretold_it() -> None:
    fetching = {"task": "Downloading the weights", "total": 100}
    told = story(FORECAST, (1, "progress", fetching | {"done": 0}), (11, "progress", fetching | {"done": 10}))
    assert left(told, 11) == pytest.approx(90 + 64)


def test_it_never_falls_below_nothing() -> None:
    assert left(story(FORECAST, FROZEN, (40, "task", {"task": "Keeping the model"})), 1000) == 0
