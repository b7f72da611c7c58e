from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tlcore.runs.attempts import earlier_files, learning_events, story_after_earlier
from tlcore.runs.events import EventWriter
from tlcore.runs.folder import RunFolder

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
Told = tuple[float, str, dict[str, Any]]


@pytest.fixture
def folder(make_folder: Callable[..., RunFolder]) -> RunFolder:
    return make_folder("a1")


def attempt(folder: RunFolder, *told: Told) -> None:
    """One more attempt, the one before put away."""
    folder.prepare_again()
    moments = iter(NOON + timedelta(seconds=second) for second, _, _ in told)
    with EventWriter(folder.events, clock=lambda: next(moments)) as events:
        for _, kind, values in told:
            events.write(kind, **values)


def phase(second: float, name: str = "frozen") -> Told:
    return second, "phase", {"phase": name, "epochs": 3, "batches": 1, "trainable": 5}


def batch(second: float, epoch: int, name: str = "frozen") -> Told:
    return second, "batch", {"phase": name, "epoch": epoch, "batch": 1, "loss": 0.5, "accuracy": 0.5}


def epoch(second: float, number: int, name: str = "frozen") -> Told:
    return second, "epoch", {"phase": name, "epoch": number, "loss": 0.5, "accuracy": 0.5, "seconds": 1.0}


def resumed(second: float, number: int, name: str = "frozen") -> Told:
    return second, "resumed", {"phase": name, "epoch": number}


FIRST = ((0, "started", {}), phase(5), batch(6, 1), epoch(7, 1), batch(8, 2), epoch(9, 2))
SECOND = ((100, "started", {}), resumed(104, 1), phase(104), epoch(104, 1), batch(106, 2), epoch(107, 2))


def test_the_tenth_attempt_comes_after_the_ninth(folder: RunFolder) -> None:
    for number in (10, 2, 1):
        (folder.path / f"events-{number}.jsonl").touch()
    assert [path.stem for path in earlier_files(folder)] == ["events-1", "events-2", "events-10"]


def test_one_that_was_killed_before_it_learned_is_passed_over(folder: RunFolder) -> None:
    attempt(folder, *FIRST)
    attempt(folder, (50, "started", {}), (53, "task", {"task": "Building the model"}))
    attempt(folder, *SECOND)
    folder.prepare_again()
    story = story_after_earlier(folder)
    assert [row["epoch"] for row in story.batches] == [row["epoch"] for row in story.history] == [1, 2]
    assert story.spent_before.total == 9 + 3 + 7
    assert story.phase is None


def test_a_pace_is_read_as_if_nothing_had_happened_between(folder: RunFolder) -> None:
    attempt(folder, *FIRST)
    attempt(folder, (50, "started", {}), (53, "task", {"task": "Building the model"}))
    attempt(folder, *SECOND)
    seconds = [
        (event["kind"], event.get("epoch"), (datetime.fromisoformat(event["time"]) - NOON).total_seconds())
        for event in learning_events(folder)
    ]
    assert seconds == [
        ("started", None, 0),
        ("phase", None, 5),
        ("batch", 1, 6),
        ("epoch", 1, 7),
        ("batch", 2, 7 + 2),
        ("epoch", 2, 7 + 3),
    ]


def test_one_that_begins_anew_is_read_alone(folder: RunFolder) -> None:
    attempt(folder, *FIRST)
    attempt(folder, (50, "started", {}), phase(55), batch(56, 1))
    assert [event["kind"] for event in learning_events(folder)] == ["started", "phase", "batch"]


def test_without_what_it_went_on_from_there_is_no_pace(folder: RunFolder) -> None:
    attempt(folder, *SECOND)
    assert learning_events(folder) == ()
