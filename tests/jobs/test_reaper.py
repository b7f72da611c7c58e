"""What becomes of jobs whose worker is gone: real workers that end before they began, and what others left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tlcore.jobs import service
from tlcore.jobs.local import LocalExecutor
from tlcore.jobs.out_of_memory import count_kills
from tlcore.jobs.reaper import Reaper
from tlcore.jobs.supervisor import Supervisor
from tlcore.runs.events import EventWriter, last_event
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def left_running(workspace: Workspace, idle_queue: None) -> Callable[..., RunFolder]:
    """A job whose row says running and whose worker is gone, with the events it left."""

    def make(*events: dict[str, object]) -> RunFolder:
        job_id = service.submit(workspace, "prepare", {"dataset": "sample/digits"}, "Left")
        Registry(workspace).move(job_id, State.RUNNING)
        folder = RunFolder.find(workspace, job_id)
        with EventWriter(folder.events) as writer:
            for event in events:
                writer.write(**event)  # type: ignore[arg-type]
        return folder

    return make


def test_after_a_crash_the_dead_are_marked(workspace: Workspace, left_running: Callable[..., RunFolder]) -> None:
    folder = left_running({"kind": "started"})
    folder.events.write_bytes(folder.events.read_bytes() + b'{"kind": "epo')
    Reaper(workspace, count_kills).reap(Registry(workspace).get(folder.id), folder, None)
    record = Registry(workspace).get(folder.id)
    assert record.state is State.INTERRUPTED
    assert "from outside" in str(record.error)
    last = last_event(folder.events)
    assert last is not None
    assert (last["kind"], last["state"]) == ("ended", "interrupted")


def test_a_worker_that_ended_well_but_could_not_say_so_is_believed(
    workspace: Workspace, left_running: Callable[..., RunFolder]
) -> None:
    folder = left_running({"kind": "started"}, {"kind": "ended", "state": "failed", "error": "no pictures"})
    Reaper(workspace, count_kills).reap(Registry(workspace).get(folder.id), folder, None)
    record = Registry(workspace).get(folder.id)
    assert (record.state, record.error) == (State.FAILED, "no pictures")


def test_what_somebody_else_settled_meanwhile_is_left_as_it_is(
    workspace: Workspace, left_running: Callable[..., RunFolder]
) -> None:
    folder = left_running({"kind": "started"})
    record = Registry(workspace).get(folder.id)
    Registry(workspace).move(folder.id, State.STOPPED)
    Reaper(workspace, count_kills).reap(record, folder, -9)
    assert Registry(workspace).get(folder.id).state is State.STOPPED


def test_a_worker_that_never_begins_fails_its_job(
    workspace: Workspace, idle_queue: None, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHOME", str(workspace.root))  # no Python can start from here
    job_id = service.submit(workspace, "prepare", {"dataset": "sample/digits"}, "Never")
    supervisor = Supervisor(workspace, LocalExecutor(workspace))
    until(lambda: not supervisor.step())
    record = Registry(workspace).get(job_id)
    assert record.state is State.FAILED
    assert "could not start (E-" in str(record.error)
    assert RunFolder.find(workspace, job_id).log.stat().st_size > 0


@pytest.mark.parametrize(("deaths", "state"), [(1, State.COMPLETED), (9, State.FAILED)])
def test_a_worker_that_was_ended_before_it_began_gets_one_more_try(
    workspace: Workspace,
    idle_queue: None,
    until: Until,
    tmp_path: Path,
    instead_of_training: Callable[[str], None],
    deaths: int,
    state: State,
) -> None:
    instead_of_training("return {}")
    started = tmp_path / "started"
    start = tmp_path / "in-place-of-training" / "sitecustomize.py"
    start.write_text(
        f"{start.read_text()}import os, signal\nfrom pathlib import Path\npath = Path({str(started)!r})\n"
        "path.open('a').write('x')\n"
        f"if len(path.read_text()) <= {deaths}:\n    os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    job_id = service.submit(workspace, "train", {"batch_size": 32}, "Begins late")
    executor = LocalExecutor(workspace)
    supervisor = Supervisor(workspace, executor)
    until(lambda: not supervisor.step() and not executor.working())
    record = Registry(workspace).get(job_id)
    assert record.state is state, record.error
    assert started.read_text() == "xx"
    assert state is State.COMPLETED or "could not start" in str(record.error)
