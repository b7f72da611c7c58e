from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tlcore.jobs.queue import startable
from tlcore.runs.record import JobRecord
from tlcore.runs.states import State

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def job(name: str, kind: str, state: State = State.QUEUED) -> JobRecord:
    return JobRecord(name, kind, name, "", state, NOW, "ada", NOW)


def names(jobs: tuple[JobRecord, ...]) -> list[str]:
    return [record.id for record in jobs]


def test_one_training_at_a_time_and_an_import_beside_it() -> None:
    waiting = [job("t1", "train"), job("t2", "train"), job("i1", "import")]
    assert names(startable(waiting, working=())) == ["t1", "i1"]


@pytest.mark.parametrize("state", [State.RUNNING, State.STOPPING])
def test_a_second_training_waits_for_the_first(state: State) -> None:
    jobs = [job("t1", "train", state), job("t2", "train"), job("i1", "import")]
    assert names(startable(jobs, working=("t1",))) == ["i1"]


def test_a_training_does_not_wait_for_imports() -> None:
    jobs = [job(name, "import", State.RUNNING) for name in ("i1", "i2")]
    assert names(startable([*jobs, job("p1", "prepare"), job("t1", "train")], working=("i1", "i2"))) == ["t1"]


def test_a_started_worker_counts_before_its_row_says_running() -> None:
    jobs = [job("t1", "train"), job("t2", "train")]
    assert startable(jobs, working=("t1",)) == ()


def test_kinds_of_another_version_do_not_stop_the_queue() -> None:
    assert names(startable([job("x1", "from the future"), job("t1", "train")], working=())) == ["x1", "t1"]
