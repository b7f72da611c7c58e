"""Real workers that are killed, with the kernel's evidence and without; one killed by the kernel itself."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tlcore.config import RunConfig
from tlcore.control_group import MemoryGroup
from tlcore.jobs import service
from tlcore.jobs.local import LocalExecutor
from tlcore.jobs.out_of_memory import KillCounts, count_kills, lacked_memory
from tlcore.jobs.retry import begin_second_attempt
from tlcore.jobs.supervisor import Supervisor
from tlcore.runs.events import EventWriter, read_events
from tlcore.runs.folder import RunFolder
from tlcore.runs.rebuild import run_in
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.runs.view import RunView
from tlcore.workspace import HOME_VARIABLE, Workspace

InsteadOfTraining = Callable[[str], None]
Until = Callable[[Callable[[], object]], None]

KILL_ME = "os.kill(os.getpid(), signal.SIGKILL)"
KILL_LARGE_BATCHES = f"""
context.reporter.event("phase", phase="frozen", epochs=3, batches=10, trainable=5)
if context.payload["batch_size"] > 16:
    {KILL_ME}
return {{"batch_size": context.payload["batch_size"]}}
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's counts are Linux's")


def one_more() -> KillCounts:
    """The kernel's counts as they would be after it killed one more process."""
    now = count_kills()
    return replace(
        now,
        in_group=None if now.in_group is None else now.in_group + 1,
        on_machine=None if now.on_machine is None else now.on_machine + 1,
    )


def submit(workspace: Workspace, batch_size: int = 32, kind: str = "train") -> RunFolder:
    config = RunConfig.build(dataset="sample/textures", image_size=64, batch_size=batch_size)
    job_id = service.submit(workspace, kind, config.to_json(), "Textures", config.dataset)
    return RunFolder.find(workspace, job_id)


@pytest.fixture
def serve(
    workspace: Workspace, idle_queue: None, until: Until
) -> Callable[..., tuple[JobRecord, tuple[dict[str, object], ...]]]:
    """serve(folder, kills): works until the queue is empty, with these as the kernel's counts; how the job ended."""

    def serve(folder: RunFolder, kills: Callable[[], KillCounts]) -> tuple[JobRecord, tuple[dict[str, object], ...]]:
        executor = LocalExecutor(workspace)
        supervisor = Supervisor(workspace, executor, kills)
        until(lambda: not supervisor.step() and not executor.working())
        return Registry(workspace).get(folder.id), read_events(folder.events).events

    return serve


Serve = Callable[..., tuple[JobRecord, tuple[dict[str, object], ...]]]


@linux
def test_a_training_killed_for_memory_is_tried_again_in_half_batches(
    workspace: Workspace, instead_of_training: InsteadOfTraining, serve: Serve
) -> None:
    instead_of_training(KILL_LARGE_BATCHES)
    folder = submit(workspace, batch_size=32)
    record, events = serve(folder, one_more)
    assert record.state is State.COMPLETED, record.error
    assert record.error is None
    assert folder.read_result() == {"batch_size": 16}
    assert folder.read_config()["batch_size"] == 32
    assert [event["kind"] for event in events] == ["retry", "started", "phase", "ended"]
    assert (events[0]["attempt"], events[0]["phase"], events[0]["batch_size"]) == (2, "frozen", 16)
    assert "a batch size of 16 instead of 32" in str(events[0]["why"])
    first = read_events(folder.path / "events-1.jsonl").events
    assert [event["kind"] for event in first] == ["started", "phase"]
    view = RunView.open(workspace, folder.id)
    assert [(note.level, "ran out of memory" in note.text) for note in view.notes] == [("warning", True)]
    assert not list(folder.path.glob(".spare"))


@linux
def test_a_training_that_runs_out_of_memory_twice_fails_with_advice(
    workspace: Workspace, instead_of_training: InsteadOfTraining, serve: Serve
) -> None:
    instead_of_training(KILL_ME)
    folder = submit(workspace)
    record, events = serve(folder, one_more)
    assert record.state is State.FAILED
    assert "ran out of memory twice, the second time with a batch size of 16" in str(record.error)
    assert "smaller backbone" in str(record.error)
    assert [event["kind"] for event in events] == ["retry", "started", "ended"]
    assert len(list(folder.path.glob("events*.jsonl"))) == 2
    assert record.state.can_resume


@linux
@pytest.mark.parametrize("counts", [True, False], ids=["nothing counted", "no counts"])
def test_a_plain_kill_interrupts_as_ever(
    workspace: Workspace, instead_of_training: InsteadOfTraining, serve: Serve, counts: bool
) -> None:
    instead_of_training(KILL_ME)
    folder = submit(workspace)

    def kills() -> KillCounts:
        """As the worker found them: another test's processes may be killed for memory right now."""
        (started,) = (event for event in read_events(folder.events).events if event["kind"] == "started")
        return KillCounts(**started["kills"]) if counts else KillCounts()

    record, events = serve(folder, kills)
    assert record.state is State.INTERRUPTED
    assert "signal 9" in str(record.error)
    assert ("not for want of memory" in str(record.error)) is counts
    assert [event["kind"] for event in events] == ["started", "ended"]


@linux
def test_batches_of_one_can_not_be_halved(
    workspace: Workspace, instead_of_training: InsteadOfTraining, serve: Serve
) -> None:
    instead_of_training(KILL_ME)
    record, events = serve(submit(workspace, batch_size=1), one_more)
    assert record.state is State.FAILED
    assert str(record.error).startswith("The computer ran out of memory. Choose a smaller")
    assert [event["kind"] for event in events] == ["started", "ended"]


@linux
def test_a_stop_that_was_asked_for_is_not_overruled(
    workspace: Workspace, instead_of_training: InsteadOfTraining, serve: Serve
) -> None:
    instead_of_training(f"context.folder.stop_flag.touch()\n{KILL_ME}")
    record, events = serve(submit(workspace), one_more)
    assert record.state is State.FAILED
    assert "retry" not in [event["kind"] for event in events]


@linux
def test_a_program_that_kills_before_the_kernel_does_is_recognised_by_what_was_left(
    workspace: Workspace, instead_of_training: InsteadOfTraining, serve: Serve
) -> None:
    instead_of_training(
        "context.reporter.event('memory', anonymous=990, available=10)\n"
        f"if context.payload['batch_size'] > 16:\n    {KILL_ME}\nreturn {{}}"
    )
    record, events = serve(submit(workspace), count_kills)
    assert record.state is State.COMPLETED
    assert events[0]["kind"] == "retry"


@linux
def test_an_abort_of_cpp_for_memory_is_recognised(
    workspace: Workspace, instead_of_training: InsteadOfTraining, serve: Serve
) -> None:
    words = "terminate called after throwing an instance of 'std::bad_alloc'\\n"
    instead_of_training(f'os.write(2, b"{words}")\nos.abort()')
    record, _ = serve(submit(workspace), count_kills)
    assert record.state is State.FAILED
    assert "ran out of memory twice" in str(record.error)


@linux
def test_another_abort_is_not(workspace: Workspace, instead_of_training: InsteadOfTraining, serve: Serve) -> None:
    instead_of_training("os.abort()")
    record, _ = serve(submit(workspace), one_more)
    assert record.state is State.INTERRUPTED
    assert "SIGABRT" in str(record.error)


def told(folder: RunFolder, kills: KillCounts) -> RunFolder:
    with EventWriter(folder.events) as events:
        events.write("started", pid=1, kills=kills.to_json())
    return folder


@pytest.mark.parametrize(
    ("before", "now", "answer"),
    [
        (KillCounts("b", "/g", 1, 5), KillCounts("b", "/g", 2, 6), True),
        # Somebody else was killed: the machine's count rose, the group's did not.
        (KillCounts("b", "/g", 1, 5), KillCounts("b", "/g", 1, 6), False),
        (KillCounts("b", "", None, 5), KillCounts("b", "", None, 6), True),
        (KillCounts("b", "/g", 1, 5), KillCounts("b", "/other", 3, 5), False),
        # The computer was started anew: the counts are others.
        (KillCounts("b", "/g", 0, 0), KillCounts("c", "/g", 2, 2), None),
        (KillCounts(), KillCounts(), None),
    ],
)
def test_the_counts_are_compared_only_where_they_can_be(
    workspace: Workspace, idle_queue: None, before: KillCounts, now: KillCounts, answer: bool | None
) -> None:
    folder = told(submit(workspace), before)
    assert lacked_memory(folder, None, now) is answer
    assert lacked_memory(folder, -signal.SIGKILL, now) is answer
    assert lacked_memory(folder, 1, now) is False


def test_a_full_disk_leaves_the_first_attempts_events(
    workspace: Workspace, idle_queue: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = told(submit(workspace), KillCounts())
    before = folder.events.read_bytes()

    def full(_writer: EventWriter, _kind: str, **_values: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(EventWriter, "write", full)
    with pytest.raises(OSError, match="No space left"):
        begin_second_attempt("train", folder)
    assert folder.events.read_bytes() == before
    assert not list(folder.path.glob("events-*"))


@linux
def test_a_supervisor_that_died_between_preparing_and_queueing_is_made_up_for(
    workspace: Workspace, idle_queue: None, instead_of_training: InsteadOfTraining, until: Until
) -> None:
    instead_of_training("return {'batch_size': context.payload['batch_size']}")
    folder = submit(workspace)
    Registry(workspace).move(folder.id, State.RUNNING)
    with EventWriter(folder.events) as events:
        events.write("retry", attempt=2, phase=None, batch_size=8, why="…")
    assert run_in(folder).record.state is State.QUEUED
    assert run_in(folder).record.started is None
    executor = LocalExecutor(workspace)
    supervisor = Supervisor(workspace, executor, count_kills)
    supervisor.recover()
    assert Registry(workspace).get(folder.id).state is State.QUEUED
    until(lambda: not supervisor.step() and not executor.working())
    assert folder.read_result() == {"batch_size": 8}


@linux
def test_other_kinds_of_jobs_are_told_what_happened_and_not_tried_again(workspace: Workspace, idle_queue: None) -> None:
    folder = submit(workspace, kind="prepare")
    Registry(workspace).move(folder.id, State.RUNNING)
    told(folder, count_kills())
    Supervisor(workspace, LocalExecutor(workspace), one_more).recover()
    record = Registry(workspace).get(folder.id)
    assert record.state is State.FAILED
    assert "ran out of memory" in str(record.error)


@linux
def test_the_kernel_itself_kills_the_worker_and_not_the_supervisor(
    workspace: Workspace,
    idle_queue: None,
    instead_of_training: InsteadOfTraining,
    small_group: Callable[[int], MemoryGroup],
) -> None:
    instead_of_training(
        "held = []\n"
        "for step in range(context.payload['batch_size'] * 20):\n"
        "    held.append(bytearray(os.urandom(1 << 20)))\n"
        "return {'batch_size': context.payload['batch_size']}"
    )
    folder = submit(workspace, batch_size=40)  # 800 MiB; 400 at the second attempt
    group = small_group(640)
    supervisor = f"{sys.executable} -m tlcore.jobs.supervisor --home {workspace.root}"
    command = f"echo $$ > {group.folder}/cgroup.procs; exec {supervisor}"
    environment = {**os.environ, HOME_VARIABLE: str(workspace.root)}
    log = workspace.logs / "supervisor.log"
    with log.open("wb") as output:
        ended = subprocess.run(
            ["/bin/sh", "-c", command],
            check=False,
            env=environment,
            stderr=output,
            timeout=300,
            cwd=Path(service.__file__).parents[2],
        )
    assert ended.returncode == 0, log.read_text()
    record = Registry(workspace).get(folder.id)
    assert record.state is State.COMPLETED, record.error
    assert folder.read_result() == {"batch_size": 20}
    assert group.kills() == 1
