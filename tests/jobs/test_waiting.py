from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from tlcore.files import write_json
from tlcore.jobs import service
from tlcore.jobs.waiting import Wait, seconds_until_free, wait_of
from tlcore.runs.events import EventWriter
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

Queue = Callable[..., str]


@pytest.fixture
def queue(workspace: Workspace, idle_queue: None) -> Queue:
    """queue("train", 30.0): a queued job that will take so long."""

    def make(kind: str = "train", seconds: float | None = None) -> str:
        job_id = service.submit(workspace, kind, {"dataset": "sample/digits"}, "A job")
        folder = RunFolder.find(workspace, job_id)
        (folder.path / "foretold.json").unlink(missing_ok=True)
        if seconds is not None:
            write_json(folder.path / "foretold.json", {"seconds": seconds})
        return job_id

    return make


def test_one_waits_for_those_of_the_same_slot_that_came_before(workspace: Workspace, queue: Queue) -> None:
    first, light, second, third = queue("train", 30), queue("prepare"), queue("train", 20), queue("train", 10)
    waits = [wait_of(workspace, job) for job in (first, second, third, light)]
    assert waits == [Wait(1, 0.0), Wait(2, 30.0), Wait(3, 50.0), Wait(1, 0.0)]


def test_what_takes_nobody_knows_how_long_makes_the_time_unknown(workspace: Workspace, queue: Queue) -> None:
    queue("train", 30), queue("train")
    assert wait_of(workspace, queue()) == Wait(3, None)


def test_the_rest_of_a_run_at_work_counts_by_its_own_word(workspace: Workspace, queue: Queue) -> None:
    at_work, waiting = queue("train", 1000), queue()
    registry = Registry(workspace)
    began = registry.move(at_work, State.RUNNING).started
    assert began is not None
    later = began + timedelta(seconds=100)
    assert wait_of(workspace, at_work) is None
    assert wait_of(workspace, waiting, clock=lambda: later) == Wait(1, 900.0)
    with EventWriter(RunFolder.find(workspace, at_work).events, clock=lambda: began) as events:
        events.write("forecast", steps=[{"name": "frozen", "seconds": 10_000.0, "units": 0}], basis="measured")
    told = wait_of(workspace, waiting, clock=lambda: later)
    assert told is not None
    assert told.seconds is not None
    assert told.seconds > 9000


def test_who_is_not_queued_does_not_wait(workspace: Workspace, queue: Queue) -> None:
    job_id = queue()
    service.request_stop(workspace, job_id)
    assert wait_of(workspace, job_id) is None
    assert wait_of(workspace, "nobody") is None


@pytest.mark.parametrize(
    ("jobs", "slots", "at_work", "seconds"),
    [
        ([], 1, 0, 0.0),
        ([5.0], 1, 1, 5.0),
        ([5.0], 2, 1, 0.0),
        ([5.0, 9.0], 2, 2, 5.0),
        ([5.0, 9.0, 10.0], 2, 2, 9.0),
        ([None], 1, 1, None),
        ([None], 2, 1, 0.0),
    ],
)
def test_a_job_begins_when_a_slot_is_free(
    jobs: list[float | None], slots: int, at_work: int, seconds: float | None
) -> None:
    assert seconds_until_free(jobs, slots, at_work) == seconds


def test_a_training_tells_how_long_it_will_take_when_it_is_queued(workspace: Workspace, idle_queue: None) -> None:
    from tlcore.config import RunConfig

    config = RunConfig.build(dataset="sample/digits", epochs=3).to_json()
    for _ in range(2):
        job_id = service.submit(workspace, "train", config, "Digits", "sample/digits")
    wait = wait_of(workspace, job_id)
    assert wait is not None
    assert wait.seconds is not None
    assert 1 < wait.seconds < 3600
    assert isinstance(Registry(workspace).get(job_id).queued, datetime)
