"""A real worker that hangs, and a person who ends it."""

from __future__ import annotations

from collections.abc import Callable

import psutil
import pytest

from tlcore.errors import RunError
from tlcore.jobs import again, service
from tlcore.jobs.ending import end_worker
from tlcore.jobs.last_words import ENDED_BY_PERSON
from tlcore.jobs.local import LocalExecutor
from tlcore.jobs.resuming import waits_to_go_on
from tlcore.jobs.supervisor import Supervisor
from tlcore.locks import is_held
from tlcore.runs.folder import RunFolder
from tlcore.runs.heartbeat import read_pulse
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.runs.view import RunView
from tlcore.workspace import Workspace

Until = Callable[[Callable[[], object]], None]

HANG = "import time\ncontext.reporter.progress('Reading pictures', 5, 10)\ntime.sleep(600)"


def test_a_worker_that_hangs_is_told_left_alone_and_ended_by_a_person(
    workspace: Workspace,
    idle_queue: None,
    instead_of_training: Callable[[str], None],
    running: Callable[[str], JobRecord],
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tlcore.jobs.ending.ensure_supervisor", lambda _: None)
    instead_of_training(HANG)
    folder = RunFolder.find(workspace, service.submit(workspace, "train", {"batch_size": 32}, "Hangs"))
    executor = LocalExecutor(workspace)
    supervisor = Supervisor(workspace, executor)
    supervisor.step()
    worker = psutil.Process(running(folder.id).pid)
    # It tells its progress first, and that it is alive after that.
    until(lambda: RunView.open(workspace, folder.id).task and read_pulse(folder.heartbeat))
    with pytest.raises(RunError, match="press Stop"):
        end_worker(workspace, folder.id)
    assert worker.is_running()

    # As if it had told nothing for an hour.
    folder.heartbeat.write_text("-3600 1.0")
    view = RunView.open(workspace, folder.id)
    assert view.responding is False
    assert supervisor.step()
    assert is_held(folder.lock)  # nobody ended it, and no second worker writes there
    assert executor.working() == {folder.id}

    assert end_worker(workspace, folder.id).state is State.RUNNING
    until(lambda: not supervisor.step())
    record = Registry(workspace).get(folder.id)
    assert (record.state, record.error) == (State.INTERRUPTED, ENDED_BY_PERSON)
    assert not waits_to_go_on(folder)
    assert end_worker(workspace, folder.id) == record  # a second press
    assert again.resume(workspace, folder.id).state is State.QUEUED


def test_a_number_that_became_another_process_is_left_alone(workspace: Workspace, idle_queue: None) -> None:
    job_id = service.submit(workspace, "train", {}, "Long gone")
    bystander = psutil.Process()
    Registry(workspace).move(job_id, State.RUNNING, pid=bystander.pid)
    with pytest.raises(RunError, match="not found on this computer"):
        LocalExecutor(workspace).end(job_id)
    assert bystander.is_running()
