"""Another program keeps the list of runs locked: a plain message, and nothing is lost meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from types import SimpleNamespace

import pytest

from tlcore.jobs import service
from tlcore.jobs import supervisor as supervisor_module
from tlcore.jobs.local import LocalExecutor
from tlcore.jobs.supervisor import Supervisor
from tlcore.runs import database
from tlcore.runs.database import RegistryBusyError
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

pytestmark = pytest.mark.usefixtures("idle_queue")


@pytest.fixture
def other(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """Another program's connection; ours wait for it a moment only."""
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.05)
    Registry(workspace).list()
    with closing(sqlite3.connect(workspace.registry, isolation_level=None)) as connection:
        yield connection


def test_it_is_told_plainly_and_nothing_is_set_aside(workspace: Workspace, other: sqlite3.Connection) -> None:
    job_id = service.submit(workspace, "train", {}, "Waits")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RegistryBusyError, match=r"keeps the list of runs locked.*Close whatever has this file open"):
        service.request_stop(workspace, job_id)
    assert Registry(workspace).get(job_id).state is State.QUEUED  # looking goes on
    other.execute("COMMIT")
    assert service.request_stop(workspace, job_id).state is State.STOPPED
    assert not list(workspace.root.glob("registry-damaged-*"))


def test_the_supervisor_waits_for_it_and_the_worker_loses_nothing(
    workspace: Workspace,
    other: sqlite3.Connection,
    instead_of_training: Callable[[str], None],
    until: Callable[[Callable[[], object]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    instead_of_training("return {'done': True}")
    job_id = service.submit(workspace, "train", {"batch_size": 32}, "Locked")
    folder = RunFolder.find(workspace, job_id)
    executor = LocalExecutor(workspace)
    executor.submit(job_id)
    until(lambda: executor.poll())
    assert Registry(workspace).get(job_id).state is State.COMPLETED
    # The worker had ended before its row could be written: what stands in its events is believed, later.
    with closing(sqlite3.connect(workspace.registry)) as connection, connection:
        connection.execute("UPDATE jobs SET state = 'running' WHERE id = ?", (job_id,))
    other.execute("BEGIN IMMEDIATE")
    supervisor = Supervisor(workspace, executor)
    tries: list[float] = []

    def sleep(seconds: float) -> None:
        tries.append(seconds)
        if len(tries) == 2:
            other.execute("COMMIT")

    # Not `time.sleep` itself: other threads of the tests' process may sleep, too.
    monkeypatch.setattr(supervisor_module, "time", SimpleNamespace(sleep=sleep))
    supervisor_module._recover(supervisor)
    assert len(tries) == 2
    assert Registry(workspace).get(job_id).state is State.COMPLETED
    assert folder.read_result() == {"done": True}


def test_a_supervisor_at_work_waits_for_it_too(workspace: Workspace, other: sqlite3.Connection) -> None:
    job_id = service.submit(workspace, "train", {}, "Waits")
    (RunFolder.find(workspace, job_id).path).rename(workspace.root / "elsewhere")  # its row has to be written
    supervisor = Supervisor(workspace, LocalExecutor(workspace))
    other.execute("BEGIN IMMEDIATE")
    sleeps: list[float] = []

    def sleep(seconds: float) -> None:
        sleeps.append(seconds)
        if len(sleeps) == 2:
            assert Registry(workspace).get(job_id).state is State.QUEUED
            other.execute("COMMIT")

    clock = iter(range(100))
    supervisor.serve(sleep=sleep, monotonic=lambda: float(next(clock)))
    assert Registry(workspace).get(job_id).state is State.FAILED
