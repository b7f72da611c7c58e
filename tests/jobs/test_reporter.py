from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tlcore.jobs.reporter import FolderReporter, Terminated
from tlcore.runs.events import EventWriter, read_events
from tlcore.runs.folder import RunFolder


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def reporter(folder: RunFolder, seconds: Seconds) -> Iterator[FolderReporter]:
    with EventWriter(folder.events, monotonic=seconds) as events:
        yield FolderReporter(folder, events, seconds)


def test_progress_is_told_now_and_then_and_at_its_end(
    reporter: FolderReporter, folder: RunFolder, seconds: Seconds
) -> None:
    for done in range(1, 1001):
        seconds.now += 0.001
        reporter.progress("Reading pictures", done, 1000)
    told = [event["done"] for event in read_events(folder.events).events]
    assert len(told) <= 7
    assert told[0] == 1
    assert told[-1] == 1000


def test_a_new_task_is_told_at_once(reporter: FolderReporter, folder: RunFolder) -> None:
    reporter.progress("Reading", 1, 10)
    reporter.progress("Reading", 2, 10)
    reporter.progress("Writing", 1, 10)
    assert [event["task"] for event in read_events(folder.events).events] == ["Reading", "Writing"]


def test_the_heart_beats_once_a_second(reporter: FolderReporter, folder: RunFolder, seconds: Seconds) -> None:
    reporter.stop_requested()
    os.utime(folder.heartbeat, (0, 0))
    seconds.now += 0.5
    reporter.progress("Reading", 1, 10)
    assert folder.heartbeat.stat().st_mtime == 0
    seconds.now += 0.6
    reporter.stop_requested()
    assert folder.heartbeat.stat().st_mtime > 0


def test_the_stop_flag_is_seen_within_its_interval_and_stays(
    reporter: FolderReporter, folder: RunFolder, seconds: Seconds
) -> None:
    assert not reporter.stop_requested()
    folder.request_stop()
    assert not reporter.stop_requested()
    seconds.now += 0.21
    assert reporter.stop_requested()
    folder.stop_flag.unlink()
    seconds.now += 1
    assert reporter.stop_requested()


@pytest.mark.parametrize(
    "word", [lambda it: it.stop_requested(), lambda it: it.progress("Reading", 1, 2), lambda it: it.event("note")]
)
def test_a_process_that_is_to_end_ends_at_its_next_word(
    reporter: FolderReporter, folder: RunFolder, word: Callable[[FolderReporter], object]
) -> None:
    word(reporter)
    before = folder.events.read_bytes()
    reporter.terminate()
    with pytest.raises(Terminated):
        word(reporter)
    assert folder.events.read_bytes() == before
    assert not issubclass(Terminated, Exception)  # whoever goes on after errors ends too
