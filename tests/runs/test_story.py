from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tlcore.runs.story import RunStory

START = datetime(2026, 11, 21, 12, tzinfo=UTC)


def tell(story: RunStory, second: float, kind: str, **values: Any) -> None:
    story.add({"time": (START + timedelta(seconds=second)).isoformat(), "kind": kind, **values})


def tell_epoch(story: RunStory, second: float, epoch: int, seconds: float, phase: str = "frozen") -> None:
    figures = {"loss": 0.5, "accuracy": 0.8, "val_loss": 0.6, "val_accuracy": 0.7, "learning_rate": 1e-3}
    tell(story, second, "epoch", phase=phase, epoch=epoch, seconds=seconds, **figures)


def tell_batch(story: RunStory, second: float, batch: int, epoch: int = 1, loss: float | None = 0.5) -> None:
    tell(story, second, "batch", phase="frozen", epoch=epoch, batch=batch, loss=loss, accuracy=0.8)


def tell_phase(story: RunStory, second: float, epochs: int, batches: int, phase: str = "frozen") -> None:
    tell(story, second, "phase", phase=phase, epochs=epochs, batches=batches, trainable=1281)


def test_phases_follow_each_other_and_epochs_count_in_each() -> None:
    story = RunStory()
    tell_phase(story, 0, 2, 10)
    tell_epoch(story, 1, 1, 1.0)
    tell_epoch(story, 2, 2, 1.0)
    tell_phase(story, 3, 5, 10, "fine_tune")
    tell_epoch(story, 9, 1, 6.0, "fine_tune")
    assert [(phase.name, phase.done, phase.epochs) for phase in story.phases] == [("frozen", 2, 2), ("fine_tune", 1, 5)]
    assert [(row["phase"], row["epoch"]) for row in story.history] == [("frozen", 1), ("frozen", 2), ("fine_tune", 1)]
    assert "time" not in story.history[0]


def test_a_resumed_phase_goes_on_where_it_was() -> None:
    story = RunStory()
    tell(story, 0, "phase", phase="frozen", epochs=10, batches=4, trainable=1, start_epoch=7)
    assert story.phase is not None
    assert story.phase.fraction == pytest.approx(0.6)


def test_seconds_left_come_from_batches_then_from_epochs() -> None:
    story = RunStory()
    tell_phase(story, 0, epochs=4, batches=10)
    assert story.phase is not None
    assert story.phase.seconds_left() is None
    tell_batch(story, 10, batch=5)
    assert story.phase.seconds_left() == pytest.approx(35 * 2)
    assert story.phase.fraction == pytest.approx(0.125)
    tell_epoch(story, 22, 1, seconds=22.0)
    assert story.phase.seconds_left() == pytest.approx(3 * 22)
    tell_batch(story, 30, batch=5, epoch=2)
    assert story.phase.seconds_left() == pytest.approx(2.5 * 22)


def test_a_task_has_a_pace_once_it_moved() -> None:
    story = RunStory()
    tell(story, 0, "task", task="Reading pictures")
    tell(story, 5, "progress", task="Reading pictures", done=20, total=100)
    assert story.task is not None
    assert story.task.seconds_left() is None
    tell(story, 7, "progress", task="Reading pictures", done=60, total=100)
    assert story.task.seconds_left() == pytest.approx(2.0)
    tell_phase(story, 8, 1, 1)
    assert story.task is None


def test_many_batches_are_thinned_evenly() -> None:
    story = RunStory()
    tell_phase(story, 0, 1, 30_000)
    for batch in range(1, 30_001):
        tell_batch(story, batch / 100, batch)
    numbers = [row["batch"] for row in story.batches]
    assert 2_500 <= len(numbers) <= 5_000
    steps = {second - first for first, second in pairwise(numbers)}
    assert steps == {8}


def test_figures_that_were_no_numbers() -> None:
    story = RunStory()
    tell_phase(story, 0, 1, 2)
    tell_batch(story, 1, 1, loss=None)
    tell_batch(story, 2, 2)
    tell(story, 3, "epoch", phase="frozen", epoch=1, loss=None, accuracy=0.5, seconds=1.0)
    assert [row["batch"] for row in story.batches] == [2]
    assert math.isnan(story.history[0]["loss"])


def test_memory_is_the_most_that_was_told() -> None:
    story = RunStory()
    assert story.memory is None
    for second, anonymous in enumerate((500, 900, 700)):
        tell(story, second, "memory", anonymous=anonymous, available=10_000)
    assert story.memory == 900


def test_a_second_attempt_says_why() -> None:
    story = RunStory()
    tell(story, 0, "retry", attempt=2, phase="frozen", batch_size=16, why="It ran out of memory.")
    assert [(note.text, note.level) for note in story.notes] == [("It ran out of memory.", "warning")]


def test_unknown_events_are_left_out() -> None:
    story = RunStory()
    tell(story, 0, "from the future", anything=1)
    tell(story, 1, "note", text="GPU found", level="info")
    tell(story, 2, "baseline", loss=2.3, accuracy=0.1)
    assert [note.text for note in story.notes] == ["GPU found"]
    assert story.baseline == {"loss": 2.3, "accuracy": 0.1}
    assert story.phase is None


def test_a_phase_that_is_repeated_is_not_counted_twice() -> None:
    story = RunStory()
    tell_phase(story, 0, 2, 10)
    tell_epoch(story, 1, 1, 1.0)
    tell_epoch(story, 2, 2, 1.0)
    tell_phase(story, 3, 5, 10, "fine_tune")
    for epoch in (1, 2):
        tell(story, 8, "batch", phase="fine_tune", epoch=epoch, batch=1, loss=0.5, accuracy=0.8)
        tell_epoch(story, 9, 1, 6.0, "fine_tune") if epoch == 1 else None
    tell(story, 10, "retry", phase="fine_tune", batch_size=16, why="Memory was short: 16 instead of 32.")
    assert [phase.name for phase in story.phases] == ["frozen"]
    tell_phase(story, 11, 5, 20, "fine_tune")
    tell_epoch(story, 20, 1, 9.0, "fine_tune")
    assert [(row["epoch"], row["batch"]) for row in story.batches] == [(1, 1)]  # it goes on after its whole epoch
    assert [(row["phase"], row["epoch"]) for row in story.history] == [("frozen", 1), ("frozen", 2), ("fine_tune", 1)]
    assert [phase.name for phase in story.phases] == ["frozen", "fine_tune"]
    assert [(note.level, note.text) for note in story.notes] == [("warning", "Memory was short: 16 instead of 32.")]
