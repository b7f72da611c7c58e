from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tlcore.errors import RunError
from tlcore.files import write_json
from tlcore.runs.events import EventWriter
from tlcore.runs.folder import RunFolder
from tlcore.runs.heartbeat import Heartbeat
from tlcore.runs.locks import take_lock
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.runs.view import RunView
from tlcore.workspace import Workspace

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Time:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def registry(workspace: Workspace, time: Time) -> Registry:
    return Registry(workspace, time)


@pytest.fixture
def folder(
    registry: Registry, make_folder: Callable[..., RunFolder], make_record: Callable[..., JobRecord]
) -> RunFolder:
    registry.add(make_record("a1"))
    return make_folder("a1")


@pytest.fixture
def events(folder: RunFolder, time: Time) -> Iterator[EventWriter]:
    with EventWriter(folder.events, clock=time) as writer:
        yield writer


def open_view(workspace: Workspace, time: Time) -> RunView:
    return RunView.open(workspace, "a1", clock=time, monotonic=lambda: time.now.timestamp())


def test_a_queued_run_shows_its_state_and_nothing_else(workspace: Workspace, folder: RunFolder, time: Time) -> None:
    view = open_view(workspace, time)
    assert view.state is State.QUEUED
    assert (view.phase, view.epoch, view.epochs, view.seconds_left, view.fraction) == (None, 0, None, None, None)
    assert view.log_tail() == ""
    assert view.result is None
    with pytest.raises(RunError):
        RunView.open(workspace, "b2")


def test_refreshing_reads_on(workspace: Workspace, registry: Registry, events: EventWriter, time: Time) -> None:
    view = open_view(workspace, time)
    registry.move("a1", State.RUNNING, pid=42)
    events.write("phase", phase="frozen", epochs=4, batches=10, trainable=100)
    view.refresh()
    assert (view.state, view.phase, view.epochs) == (State.RUNNING, "frozen", 4)
    time.passes(10)
    events.write("epoch", phase="frozen", epoch=1, loss=0.4, accuracy=0.9, val_loss=0.5, val_accuracy=0.8, seconds=10.0)
    view.refresh()
    view.refresh()
    assert len(view.history) == 1
    assert (view.epoch, view.fraction, view.seconds_left, view.seconds_running) == (1, 0.25, 30.0, 10.0)
    time.passes(4)
    assert view.seconds_left == 26.0
    registry.move("a1", State.STOPPING)
    view.refresh()
    assert view.seconds_left is None


def test_a_run_started_anew_forgets_its_last_attempt(
    workspace: Workspace, registry: Registry, folder: RunFolder, time: Time
) -> None:
    with EventWriter(folder.events) as events:
        events.write("note", text="first attempt")
    view = open_view(workspace, time)
    assert [note.text for note in view.notes] == ["first attempt"]
    folder.prepare_again()
    with EventWriter(folder.events) as events:
        events.write("note", text="second attempt")
    view.refresh()
    assert [note.text for note in view.notes] == ["second attempt"]


def learn(events: EventWriter, time: Time, epochs: range, batches: int = 3) -> None:
    """Epochs of three batches, a second each; of the last one so many."""
    for epoch in epochs:
        for batch in range(1, batches + 1 if epoch == epochs[-1] else 4):
            time.passes(1)
            events.write("batch", phase="frozen", epoch=epoch, batch=batch, loss=0.5, accuracy=0.8)
        if batch == 3:
            events.write("epoch", phase="frozen", epoch=epoch, loss=0.4, accuracy=0.9, seconds=3.0)


def begin(events: EventWriter, resumed: int | None = None) -> None:
    events.write("started", pid=1)
    if resumed is not None:
        events.write("resumed", phase="frozen", epoch=resumed)
    events.write("phase", phase="frozen", epochs=5, batches=3, trainable=100)
    for epoch in range(1, (resumed or 0) + 1):
        events.write("epoch", phase="frozen", epoch=epoch, loss=0.4, accuracy=0.9, seconds=3.0)


def shown(view: RunView) -> list[tuple[int, int]]:
    return [(row["epoch"], row["batch"]) for row in view.batches]


def batches_of(*epochs: int) -> list[tuple[int, int]]:
    return [(epoch, batch) for epoch in epochs for batch in (1, 2, 3)]


def test_a_training_that_goes_on_shows_each_batch_once(workspace: Workspace, folder: RunFolder, time: Time) -> None:
    with EventWriter(folder.events, clock=time) as events:
        begin(events)
        learn(events, time, range(1, 4), batches=2)  # cut off in the third epoch
    folder.prepare_again()
    view = open_view(workspace, time)  # it waits for its turn
    assert shown(view) == [*batches_of(1, 2), (3, 1), (3, 2)]
    assert [row["epoch"] for row in view.history] == [1, 2]
    assert (view.phase, view.fraction) == (None, None)
    time.passes(3600)
    with EventWriter(folder.events, clock=time) as events:
        begin(events, resumed=2)
        view.refresh()
        assert shown(view) == batches_of(1, 2)
        learn(events, time, range(3, 5))
        events.flush()
        view.refresh()
        assert shown(view) == batches_of(1, 2, 3, 4)
        assert [row["epoch"] for row in view.history] == [1, 2, 3, 4]
        assert view.story.spent.total == view.story.spent.train == 8 + 6  # not the hour between
    assert shown(open_view(workspace, time)) == batches_of(1, 2, 3, 4)


def test_earlier_attempts_are_read_once(
    workspace: Workspace, folder: RunFolder, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EventWriter(folder.events, clock=time) as events:
        begin(events)
        learn(events, time, range(1, 3))
    folder.prepare_again()
    with EventWriter(folder.events, clock=time) as events:
        begin(events, resumed=2)
        view = open_view(workspace, time)
        monkeypatch.setattr("tlcore.runs.attempts.read_events", lambda *_: pytest.fail("read again"))
        learn(events, time, range(3, 4))
        view.refresh()
    assert shown(view) == batches_of(1, 2, 3)


def test_a_training_that_begins_anew_shows_only_that(workspace: Workspace, folder: RunFolder, time: Time) -> None:
    with EventWriter(folder.events, clock=time) as events:
        begin(events)
        learn(events, time, range(1, 3))
    folder.prepare_again()
    with EventWriter(folder.events, clock=time) as events:
        events.write("started", pid=1)
        events.write("note", text="What was kept is damaged.", level="warning")
        begin(events)
        learn(events, time, range(1, 2), batches=1)
    view = open_view(workspace, time)
    assert shown(view) == [(1, 1)]
    assert view.history == []
    assert view.story.spent.total == 1


def at_work(registry: Registry, folder: RunFolder, time: Time) -> Heartbeat:
    """A run whose worker, this test, holds its lock and has just made progress."""
    registry.move("a1", State.RUNNING)
    heart = Heartbeat(folder.heartbeat, lambda: time.now.timestamp())
    heart.beat()
    return heart


def test_silence_is_told_only_while_the_worker_lives(
    workspace: Workspace, registry: Registry, folder: RunFolder, time: Time
) -> None:
    assert open_view(workspace, time).responding is None
    at_work(registry, folder, time)
    lock = take_lock(folder.lock)
    assert lock is not None
    view = open_view(workspace, time)
    time.passes(290)  # starting counts nothing: it may take long
    assert not view.not_responding
    time.passes(20)
    assert view.not_responding
    assert view.to_json()["responding"] is False
    lock.release()
    assert not view.not_responding


def test_while_pictures_are_counted_a_minute_is_long(
    workspace: Workspace, registry: Registry, folder: RunFolder, time: Time, events: EventWriter
) -> None:
    heart = at_work(registry, folder, time)
    events.write("progress", task="Reading pictures", done=5, total=100)
    events.flush()
    lock = take_lock(folder.lock)
    assert lock is not None
    view = open_view(workspace, time)
    time.passes(59)
    assert view.responding
    time.passes(2)
    assert view.responding is False
    # It was only slow, and may be so again.
    heart.beat()
    time.passes(180)
    assert view.responding
    time.passes(10)
    assert view.responding is False
    lock.release()


def test_a_night_of_sleep_is_no_silence_and_a_clock_set_back_no_trouble(
    workspace: Workspace, registry: Registry, folder: RunFolder, time: Time, events: EventWriter
) -> None:
    registry.move("a1", State.RUNNING)
    events.write("phase", phase="frozen", epochs=4, batches=10, trainable=100)
    time.passes(10)
    events.write("epoch", phase="frozen", epoch=1, loss=0.4, accuracy=0.9, val_loss=0.5, val_accuracy=0.8, seconds=10.0)
    seconds = [1000.0]
    Heartbeat(folder.heartbeat, lambda: seconds[0]).beat()
    lock = take_lock(folder.lock)
    assert lock is not None
    view = RunView.open(workspace, "a1", clock=time, monotonic=lambda: seconds[0])
    time.passes(8 * 3600)  # the monotonic clock stood still
    assert view.responding
    time.passes(-9 * 3600)
    assert view.seconds_running == 0
    assert view.seconds_left == 30.0
    lock.release()


def test_the_end_and_its_result(workspace: Workspace, registry: Registry, folder: RunFolder, time: Time) -> None:
    registry.move("a1", State.RUNNING, pid=42)
    folder.log.write_text("x" * 30_000 + "the end")
    view = open_view(workspace, time)
    write_json(folder.result, {"test": {"accuracy": 0.96}})
    assert view.result is None
    time.passes(60)
    registry.move("a1", State.COMPLETED)
    time.passes(60)
    view.refresh()
    told = view.to_json()
    assert (told["run_id"], told["state"], told["accuracy"], told["pid"]) == ("a1", "completed", 0.96, 42)
    assert view.seconds_running == 60.0
    assert view.fraction == 1.0
    assert view.log_tail(7) == "the end"


def test_a_deleted_run_is_told(workspace: Workspace, registry: Registry, folder: RunFolder, time: Time) -> None:
    view = open_view(workspace, time)
    registry.delete("a1")
    with pytest.raises(RunError, match="a1"):
        view.refresh()
