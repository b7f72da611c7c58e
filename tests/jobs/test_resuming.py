"""Real workers that are ended from outside, and whether their trainings go on by themselves."""

from __future__ import annotations

import signal
from collections.abc import Callable

import psutil
import pytest

from tlcore.errors import RunError, WorkspaceError
from tlcore.jobs import again, resuming, service
from tlcore.jobs import supervisor as supervisor_module
from tlcore.jobs.local import LocalExecutor
from tlcore.jobs.resuming import RESUME_VARIABLE, Resumer, any_waits, decide, go_on, resume_policy, waits_to_go_on
from tlcore.jobs.supervisor import Supervisor, is_work_left
from tlcore.locks import take_lock
from tlcore.runs.database import RegistryBusyError
from tlcore.runs.events import Event, EventWriter, last_event, read_events
from tlcore.runs.folder import RunFolder
from tlcore.runs.rebuild import run_in
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.runs.view import RunView
from tlcore.workspace import Workspace

pytestmark = pytest.mark.usefixtures("idle_queue")

Until = Callable[[Callable[[], object]], None]
Running = Callable[[str], JobRecord]
InsteadOfTraining = Callable[[str], None]

# Learns one more epoch in each attempt than in the one before, and is killed after it; the third attempt ends well.
LEARN_AND_DIE = """
attempt = 1 + len(list(context.folder.path.glob("events-*.jsonl")))
context.reporter.event("phase", phase="frozen", epochs=3, batches=1, trainable=5)
for epoch in range(1, attempt + 1):
    context.reporter.event("epoch", phase="frozen", epoch=epoch, loss=0.1, accuracy=1.0, seconds=0.1)
if attempt < 3:
    os.kill(os.getpid(), signal.SIGKILL)
return {}
"""
DIE = "os.kill(os.getpid(), signal.SIGKILL)"
WORK_ON = """
import time
while True:
    context.reporter.progress("Reading pictures", 5, 10)
    time.sleep(0.01)
"""


@pytest.fixture
def folder(workspace: Workspace) -> RunFolder:
    return RunFolder.find(workspace, service.submit(workspace, "train", {"batch_size": 32}, "Textures"))


@pytest.fixture
def serve(workspace: Workspace, until: Until, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Serves the queue until it stays empty, with no wait before a training goes on."""
    monkeypatch.setattr(resuming, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(resuming, "_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(supervisor_module, "_IDLE_SECONDS", 0.3)

    def run() -> None:
        executor = LocalExecutor(workspace)
        supervisor = Supervisor(workspace, executor)
        # Held up in its sleep, a supervisor takes itself for idle while it has work: `supervise` too looks again.
        until(lambda: supervisor.serve() or not is_work_left(workspace))
        until(lambda: executor.poll() or not executor.working())

    return run


def attempt(folder: RunFolder, *epochs: int, ended: State = State.INTERRUPTED) -> None:
    """The events of one more attempt, the one before put away."""
    folder.prepare_again()
    with EventWriter(folder.events) as events:
        events.write("started", pid=1)
        for epoch in epochs:
            events.write("epoch", phase="frozen", epoch=epoch)
        events.write("ended", state=ended.value, error="Why, and more.", reason="Why.")


def interrupted(workspace: Workspace, folder: RunFolder) -> None:
    registry = Registry(workspace)
    registry.move(folder.id, State.RUNNING)
    registry.move(folder.id, State.INTERRUPTED, error="Why, and more.")


def kinds(events: tuple[Event, ...]) -> list[str]:
    return [event["kind"] for event in events]


def test_a_training_that_gets_on_goes_on_each_time_and_tells_why_and_how_often(
    workspace: Workspace, folder: RunFolder, instead_of_training: InsteadOfTraining, serve: Callable[[], None]
) -> None:
    instead_of_training(LEARN_AND_DIE)
    serve()
    record = Registry(workspace).get(folder.id)
    assert (record.state, record.error) == (State.COMPLETED, None)
    first, second = (read_events(folder.path / f"events-{number}.jsonl").events for number in (1, 2))
    assert (first[-1]["state"], "signal 9" in first[-1]["reason"]) == ("interrupted", True)
    assert first[-1]["error"] == f"{first[-1]['reason']} {resuming.GOES_ON}"
    assert (kinds(second)[:2], second[0]["number"]) == (["resume", "started"], 1)
    notes = [note.text for note in RunView.open(workspace, folder.id).notes]
    assert len(notes) == 1
    assert "went on by itself (time 2)" in notes[0]
    assert "signal 9" in notes[0]
    assert not waits_to_go_on(folder)


def test_a_training_that_gets_nowhere_is_not_started_for_ever(
    workspace: Workspace, folder: RunFolder, instead_of_training: InsteadOfTraining, serve: Callable[[], None]
) -> None:
    instead_of_training(DIE)
    serve()
    record = Registry(workspace).get(folder.id)
    assert record.state is State.INTERRUPTED
    assert str(record.error).endswith(resuming.GIVES_UP)
    assert len(list(folder.path.glob("events*.jsonl"))) == 2
    assert not any_waits(workspace)


def test_a_worker_that_the_system_ends_is_interrupted_at_once_and_its_training_goes_on(
    workspace: Workspace, folder: RunFolder, instead_of_training: InsteadOfTraining, running: Running, until: Until
) -> None:
    instead_of_training(WORK_ON)
    executor = LocalExecutor(workspace)
    executor.submit(folder.id)
    psutil.Process(running(folder.id).pid).send_signal(signal.SIGTERM)  # the worker's, never this process's own
    until(executor.poll)
    # No supervisor had a part in it: at the next start of the computer there is only what the worker left.
    record = Registry(workspace).get(folder.id)
    assert record.state is State.INTERRUPTED
    assert "shut down or restarted" in str(record.error)
    assert waits_to_go_on(folder)
    assert any_waits(workspace)
    assert not folder.result.exists()
    last = last_event(folder.events)
    assert last is not None
    assert (last["state"], last["reason"] in last["error"]) == ("interrupted", True)


def test_a_stop_stays_a_stop_when_the_computer_is_shut_down(
    workspace: Workspace, folder: RunFolder, instead_of_training: InsteadOfTraining, running: Running, until: Until
) -> None:
    instead_of_training(WORK_ON)
    executor = LocalExecutor(workspace)
    executor.submit(folder.id)
    worker = psutil.Process(running(folder.id).pid)
    service.request_stop(workspace, folder.id)
    worker.send_signal(signal.SIGTERM)
    until(executor.poll)
    assert Registry(workspace).get(folder.id).state is State.INTERRUPTED
    assert not waits_to_go_on(folder)


def test_it_waits_a_little_first_and_a_person_may_decide_otherwise(workspace: Workspace, folder: RunFolder) -> None:
    interrupted(workspace, folder)
    attempt(folder, 1)
    assert decide(workspace, "train", folder) == resuming.GOES_ON
    seconds = [100.0]
    resumer = Resumer(workspace, lambda: seconds[0])
    assert resumer.step()
    seconds[0] += resuming.WAIT_SECONDS - 1
    assert resumer.step()
    assert service.request_stop(workspace, folder.id).state is State.INTERRUPTED
    seconds[0] += 100
    assert not resumer.step()
    assert Registry(workspace).get(folder.id).state is State.INTERRUPTED
    decide(workspace, "train", folder)
    seconds[0] += 1
    assert resumer.step()
    seconds[0] += resuming.WAIT_SECONDS
    assert resumer.step()
    assert Registry(workspace).get(folder.id).state is State.QUEUED
    assert run_in(folder).record.state is State.QUEUED
    seconds[0] += 1
    assert not resumer.step()


def test_one_that_a_person_started_meanwhile_is_started_once(workspace: Workspace, folder: RunFolder) -> None:
    interrupted(workspace, folder)
    attempt(folder, 1)
    decide(workspace, "train", folder)
    again.resume(workspace, folder.id)
    assert not any_waits(workspace)
    with pytest.raises(RunError, match="not interrupted any more"):
        go_on(workspace, folder.id)
    Resumer(workspace).step()
    assert not waits_to_go_on(folder)
    assert len(list(folder.path.glob("events*.jsonl"))) == 1


def test_never_while_its_last_worker_is_there(workspace: Workspace, folder: RunFolder) -> None:
    interrupted(workspace, folder)
    lock = take_lock(folder.lock)
    assert lock is not None
    with pytest.raises(RunError, match="still ending"):
        go_on(workspace, folder.id)
    lock.release()
    assert Registry(workspace).get(folder.id).state is State.INTERRUPTED


@pytest.mark.parametrize(
    ("attempts", "goes_on"),
    [
        ([()], True),
        ([(), ()], False),
        ([(1,), (1, 2)], True),
        # What an attempt tells of earlier ones is nothing new.
        ([(1, 2), (1, 2), (1, 2)], False),
        ([(), (1,), (1,)], True),
        ([(1,), (1,), (1, 2), (1, 2)], True),
    ],
)
def test_the_guard_counts_new_epochs_only(
    workspace: Workspace, folder: RunFolder, attempts: list[tuple[int, ...]], goes_on: bool
) -> None:
    for epochs in attempts:
        attempt(folder, *epochs)
    assert decide(workspace, "train", folder) == (resuming.GOES_ON if goes_on else resuming.GIVES_UP)
    assert waits_to_go_on(folder) is goes_on


def test_smaller_batches_stay_small(workspace: Workspace, folder: RunFolder) -> None:
    interrupted(workspace, folder)
    with EventWriter(folder.events) as events:
        events.write("retry", attempt=2, phase="frozen", batch_size=8, why="memory")
        events.write("started", pid=1)
        events.write("ended", state="interrupted", error="Why.", reason="Why.")
    go_on(workspace, folder.id)
    events_now = read_events(folder.events).events
    assert kinds(events_now) == ["retry", "resume"]
    assert (events_now[0]["attempt"], events_now[0]["batch_size"]) == (2, 8)


def test_who_asks_is_asked_and_other_jobs_never_go_on(
    workspace: Workspace, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert decide(workspace, "import", folder) == ""
    monkeypatch.setenv(RESUME_VARIABLE, "ask")
    assert decide(workspace, "train", folder) == ""
    assert not waits_to_go_on(folder)


@pytest.mark.parametrize(
    ("mode", "asked", "policy"),
    [
        ("local", None, "auto"),
        ("team", "", "auto"),
        ("demo", None, "ask"),
        ("demo", "auto", "auto"),
        ("local", "ask", "ask"),
    ],
)
def test_the_setting(workspace: Workspace, mode: str, asked: str | None, policy: str) -> None:
    place = Workspace(workspace.root, mode=mode)  # type: ignore[arg-type]
    assert resume_policy(place, {} if asked is None else {RESUME_VARIABLE: asked}) == policy


def test_an_unknown_setting_is_told_before_anything_starts(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RESUME_VARIABLE, "yes")
    with pytest.raises(WorkspaceError, match=r"TLCORE_RESUME.*Received: yes.*auto"):
        service.start_supervisor(workspace)


def test_where_the_list_can_not_be_written_it_waits_on_with_its_events(
    workspace: Workspace, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RegistryBusyError("locked")

    interrupted(workspace, folder)
    attempt(folder, 1)
    before = folder.events.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Registry, "move", refuse)
        with pytest.raises(RegistryBusyError):
            go_on(workspace, folder.id)
    assert folder.events.read_bytes() == before
    assert list(folder.path.glob("events-*")) == []
    go_on(workspace, folder.id)
    assert "Why." in str(read_events(folder.events).events[0]["why"])
