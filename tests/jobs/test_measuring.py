"""A training ends measurements, whether or not they hear it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tlcore.jobs.last_words import ENDED_MEASUREMENT
from tlcore.jobs.local import LocalExecutor
from tlcore.jobs.measuring import ENDING, KIND, end_measurements
from tlcore.jobs.service import submit
from tlcore.jobs.supervisor import Supervisor
from tlcore.progress import Stopped
from tlcore.runs.events import EventWriter
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

pytestmark = pytest.mark.usefixtures("idle_queue")

# Holds the lock of a job's folder and hears nothing, like a worker deep in a computation.
DEAF = """
import pathlib, sys, time
from tlcore.runs.locks import take_lock
lock = take_lock(pathlib.Path(sys.argv[1]), 5.0)
print("holding", flush=True)
time.sleep(120)
"""


class Listener:
    """A reporter that keeps what it is told."""

    def __init__(self, stop: bool = False) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.stop = stop

    def event(self, kind: str, **values: Any) -> None:
        self.events.append((kind, values))

    def progress(self, task: str, done: int, total: int) -> None:
        """Nothing of it matters here."""

    def stop_requested(self) -> bool:
        return self.stop


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a deaf holder of a folder's lock, whose command line ends as that of a worker of `job` does."""
    processes: list[subprocess.Popen[str]] = []

    def begin(folder: RunFolder, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", DEAF, str(folder.lock), *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        return process

    yield begin
    for process in processes:
        with process:  # closes what it wrote to, and waits
            process.kill()


def measurement(workspace: Workspace) -> RunFolder:
    return RunFolder.find(workspace, submit(workspace, KIND, {}, "Measuring", "my/pets"))


def at_work(workspace: Workspace, folder: RunFolder, pid: int) -> None:
    Registry(workspace).move(folder.id, State.RUNNING, pid=pid)
    with EventWriter(folder.events) as events:
        events.write("started", pid=pid)


def test_one_that_waits_is_stopped_without_a_word_and_other_work_goes_on(workspace: Workspace) -> None:
    folder, reporter = measurement(workspace), Listener()
    other = submit(workspace, "audit", {"dataset": "my/pets"}, "A check", "my/pets")
    end_measurements(workspace, reporter)
    assert Registry(workspace).get(folder.id).state is State.STOPPED
    assert Registry(workspace).get(other).state is State.QUEUED
    assert reporter.events == []


def test_one_that_hears_nothing_is_ended_and_that_is_no_failure(workspace: Workspace, start: Start) -> None:
    folder, reporter = measurement(workspace), Listener()
    process = start(folder, "tlcore.jobs.worker", folder.id)
    at_work(workspace, folder, process.pid)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        time.sleep(seconds)

    end_measurements(workspace, reporter, patience=0.5, sleep=sleep)
    assert sum(waited) < 1.1  # until it is asked no longer, and until it is gone
    assert process.wait(60) != 0
    assert folder.stop_flag.exists()
    assert [values["task"] for kind, values in reporter.events if kind == "task"] == [ENDING]
    Supervisor(workspace, LocalExecutor(workspace)).recover()
    record = Registry(workspace).get(folder.id)
    assert (record.state, record.error) == (State.STOPPED, ENDED_MEASUREMENT)


def test_one_that_hears_it_is_not_killed(workspace: Workspace, start: Start) -> None:
    folder = measurement(workspace)
    process = start(folder, "tlcore.jobs.worker", folder.id)
    at_work(workspace, folder, os.getpid())

    def end_at_last(_seconds: float) -> None:
        process.terminate()
        process.wait()

    end_measurements(workspace, Listener(), sleep=end_at_last)
    assert process.returncode is not None


@pytest.mark.parametrize("words", [("something-else",), ("tlcore.jobs.worker", "another-job")])
def test_a_process_that_only_has_the_same_number_is_left_alone(
    workspace: Workspace, start: Start, words: tuple[str, ...]
) -> None:
    folder = measurement(workspace)
    process = start(folder, *words)
    at_work(workspace, folder, process.pid)
    end_measurements(workspace, Listener(), patience=0.2)
    assert process.poll() is None


def test_a_stop_is_heard_while_waiting(workspace: Workspace, start: Start) -> None:
    folder, reporter = measurement(workspace), Listener(stop=True)
    at_work(workspace, folder, start(folder).pid)
    with pytest.raises(Stopped):
        end_measurements(workspace, reporter)
