"""Real supervisors, real workers, real imports; some of them killed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tlcore.errors import DatasetError
from tlcore.jobs import again, service
from tlcore.jobs import supervisor as supervisor_module
from tlcore.jobs.executor import WorkerEnd
from tlcore.jobs.local import LocalExecutor
from tlcore.jobs.supervisor import LOCK_NAME, Supervisor, supervise
from tlcore.runs.events import read_events
from tlcore.runs.folder import RunFolder
from tlcore.runs.locks import is_held, take_lock
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

Until = Callable[[Callable[[], object]], None]
Running = Callable[[str], JobRecord]
StartSupervisor = Callable[[], subprocess.Popen[bytes]]

HeldAt = Callable[[str], Path]

PATIENCE_SECONDS = 120.0


def submit_import(workspace: Workspace, pictures: Path, name: str = "leaves") -> str:
    return service.submit(workspace, "import", {"path": str(pictures), "name": name}, f"Import {name}")


def supervisor_log(workspace: Workspace) -> str:
    return (workspace.logs / "supervisor.log").read_text()


def test_a_job_runs_and_the_supervisor_leaves(workspace: Workspace, pictures: Path, until: Until) -> None:
    told: list[str] = []
    job_id = submit_import(workspace, pictures)
    record = service.wait(workspace, job_id, lambda event: told.append(event["kind"]), timeout=PATIENCE_SECONDS)
    assert record.state is State.COMPLETED, record.error
    assert told[0] == "started"
    assert told[-1] == "ended"
    result = service.read_result(workspace, job_id)
    assert result["classes"] == {"rough": 200, "smooth": 200}
    assert (result["name"], result["rejected"], result["duplicates"]) == ("leaves", [], 0)
    until(lambda: "leaving: nothing to do" in supervisor_log(workspace))
    until(lambda: not is_held(workspace.root / LOCK_NAME))


def test_a_bad_job_fails_with_its_reason(workspace: Workspace) -> None:
    job_id = service.submit(workspace, "prepare", {"dataset": "sample/nothing"}, "Nothing")
    record = service.wait(workspace, job_id, timeout=PATIENCE_SECONDS)
    assert record.state is State.FAILED
    assert "sample/digits" in str(record.error)
    assert isinstance(service.read_error(workspace, job_id), DatasetError)
    assert "Traceback" not in str(record.error)


def test_a_killed_worker_is_interrupted_and_can_be_resumed(
    workspace: Workspace, pictures: Path, running: Running, until: Until, held_at: HeldAt
) -> None:
    held = held_at("/000004.jpg")  # the fifth picture that it writes
    job_id = submit_import(workspace, pictures)
    worker = psutil.Process(running(job_id).pid)
    events = RunFolder.find(workspace, job_id).events
    until(lambda: any(event["kind"] == "progress" for event in read_events(events).events))
    worker.kill()
    record = service.wait(workspace, job_id, timeout=PATIENCE_SECONDS)
    assert record.state is State.INTERRUPTED
    assert "signal 9" in str(record.error)
    assert not list(workspace.datasets.rglob("*.jpg"))
    held.unlink()
    again.resume(workspace, job_id)
    record = service.wait(workspace, job_id, timeout=PATIENCE_SECONDS)
    assert record.state is State.COMPLETED, record.error
    assert record.error is None


def test_a_worker_outlives_its_supervisor_and_the_next_takes_it_over(
    workspace: Workspace,
    pictures: Path,
    running: Running,
    until: Until,
    start_supervisor: StartSupervisor,
    held_at: HeldAt,
) -> None:
    held = held_at("/000004.jpg")
    supervisor = start_supervisor()
    until(lambda: is_held(workspace.root / LOCK_NAME))
    job_id = submit_import(workspace, pictures)
    worker = running(job_id).pid
    supervisor.kill()
    supervisor.wait()
    assert is_held(RunFolder.find(workspace, job_id).lock)
    start_supervisor()
    until(lambda: "taking over" in supervisor_log(workspace))
    assert Registry(workspace).get(job_id).state is State.RUNNING
    held.unlink()
    record = service.wait(workspace, job_id, timeout=PATIENCE_SECONDS)
    assert record.state is State.COMPLETED, record.error
    assert record.pid == worker


def test_a_stop_reaches_a_running_job(workspace: Workspace, pictures: Path, running: Running, held_at: HeldAt) -> None:
    # Where it reads its first picture: it looks for a stop after that, and then only now and then.
    held = held_at("/rough/000.jpg")
    job_id = submit_import(workspace, pictures)
    running(job_id)
    assert service.request_stop(workspace, job_id).state is State.STOPPING
    held.unlink()
    assert service.wait(workspace, job_id, timeout=PATIENCE_SECONDS).state is State.STOPPED
    assert not list(workspace.datasets.rglob("*.jpg"))


def test_of_two_supervisors_one_leaves(
    workspace: Workspace,
    idle_queue: None,
    until: Until,
    start_supervisor: StartSupervisor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The first one has a job to watch, and so does not leave for want of work.
    job_id = service.submit(workspace, "prepare", {"dataset": "sample/digits"}, "At work")
    Registry(workspace).move(job_id, State.RUNNING)
    at_work = take_lock(RunFolder.find(workspace, job_id).lock)
    assert at_work is not None
    first = start_supervisor()
    until(lambda: is_held(workspace.root / LOCK_NAME))
    monkeypatch.setattr(supervisor_module, "_LOCK_SECONDS", 0.1)
    assert supervise(workspace) is False
    assert first.poll() is None
    at_work.release()


def test_a_job_submitted_while_the_supervisor_leaves_is_not_lost(
    workspace: Workspace, idle_queue: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted: list[str] = []

    def serve(supervisor: Supervisor) -> None:
        if submitted:
            service.request_stop(workspace, submitted[0])
        else:
            # As if it came after the last look at the queue: the submitter saw the lock held and started nobody.
            assert is_held(workspace.root / LOCK_NAME)
            submitted.append(service.submit(workspace, "prepare", {"dataset": "sample/digits"}, "Late"))

    monkeypatch.setattr(Supervisor, "serve", serve)
    assert supervise(workspace) is True
    assert Registry(workspace).get(submitted[0]).state is State.STOPPED


def test_a_job_whose_folder_vanished_does_not_stop_the_queue(workspace: Workspace, idle_queue: None) -> None:
    running = service.submit(workspace, "prepare", {"dataset": "sample/digits"}, "Running")
    Registry(workspace).move(running, State.RUNNING)
    RunFolder.find(workspace, running).path.rename(workspace.root / "elsewhere")
    waiting = service.submit(workspace, "import", {"path": "x", "name": "x"}, "Waiting")
    RunFolder.find(workspace, waiting).path.rename(workspace.root / "elsewhere-too")
    supervisor = Supervisor(workspace, LocalExecutor(workspace))
    supervisor.recover()
    assert supervisor.step()
    assert not supervisor.step()
    assert Registry(workspace).get(running).state is State.INTERRUPTED
    assert Registry(workspace).get(waiting).state is State.FAILED


def test_a_folder_without_a_row_is_found_and_half_deleted_ones_are_swept(
    workspace: Workspace, idle_queue: None
) -> None:
    job_id = service.submit(workspace, "import", {"path": "x", "name": "x"}, "Lost")
    Registry(workspace).delete(job_id)
    rest = workspace.runs / ".deleted-a1-0000"
    rest.mkdir()
    Supervisor(workspace, LocalExecutor(workspace)).recover()
    assert Registry(workspace).get(job_id).state is State.QUEUED
    assert not rest.exists()


def test_a_folder_that_is_removed_from_under_a_worker_is_told(
    workspace: Workspace, idle_queue: None, until: Until, instead_of_training: Callable[[str], None]
) -> None:
    instead_of_training(
        "import shutil\nshutil.rmtree(context.folder.path)\ncontext.reporter.event('note', text='x')\n1/0"
    )
    job_id = service.submit(workspace, "train", {"batch_size": 32}, "Pulled away")
    executor = LocalExecutor(workspace)
    supervisor = Supervisor(workspace, executor)
    until(lambda: not supervisor.step() and not executor.working())
    record = Registry(workspace).get(job_id)
    assert record.state.ended
    assert "folder of this run" in str(record.error)
    Supervisor(workspace, executor).recover()
    assert Registry(workspace).list() == ()


def test_a_job_queued_again_while_its_last_worker_was_still_ending_is_started_again(
    workspace: Workspace, idle_queue: None
) -> None:
    job_id = service.submit(workspace, "train", {}, "x")
    registry = Registry(workspace)
    started: list[str] = []
    ends: list[WorkerEnd] = []

    class Executor(LocalExecutor):
        def submit(self, job_id: str, slot: object = None) -> None:  # noqa: ARG002 - the protocol's
            started.append(job_id)

        def working(self) -> frozenset[str]:
            return frozenset(started if len(started) == 1 and not ends else ())

        def poll(self) -> tuple[WorkerEnd, ...]:
            return tuple(ends)

    supervisor = Supervisor(workspace, Executor(workspace))
    supervisor.step()
    registry.move(job_id, State.RUNNING)
    registry.move(job_id, State.STOPPED)
    again.resume(workspace, job_id)
    supervisor.step()
    assert started == [job_id]  # its process is still there
    ends.append(WorkerEnd(job_id, 0))
    supervisor.step()
    assert started == [job_id, job_id]
    assert registry.get(job_id).state is State.QUEUED
    # The second one ends without a word.
    supervisor.step()
    assert registry.get(job_id).state is State.FAILED
