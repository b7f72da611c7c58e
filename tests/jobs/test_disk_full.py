"""A disk that fills up while a worker is at work: the job fails with a reason, and nobody crashes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import FinishedRun
from tlcore.config import RunConfig
from tlcore.errors import WorkspaceError
from tlcore.files import is_disk_full
from tlcore.jobs import service
from tlcore.jobs.executor import WorkerEnd
from tlcore.jobs.last_words import NO_ROOM
from tlcore.jobs.local import LocalExecutor
from tlcore.jobs.preflight import preflight
from tlcore.jobs.supervisor import Supervisor
from tlcore.runs.events import EventWriter, read_events
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import HOME_VARIABLE, Workspace

pytestmark = pytest.mark.usefixtures("idle_queue")

Until = Callable[[Callable[[], object]], None]
FILL = """
context.reporter.event("note", text="before")
with (context.folder.path / "large").open("wb") as file:
    while True:
        file.write(os.urandom(4096))
        file.flush()
"""


def submit(workspace: Workspace) -> RunFolder:
    job_id = service.submit(workspace, "train", {"batch_size": 32}, "Full")
    return RunFolder.find(workspace, job_id)


def test_a_quota_on_files_fails_the_job_with_a_reason(
    workspace: Workspace, instead_of_training: Callable[[str], None], until: Until
) -> None:
    instead_of_training(f"resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))\n{FILL}")
    folder = submit(workspace)
    executor = LocalExecutor(workspace)
    supervisor = Supervisor(workspace, executor)
    until(lambda: not supervisor.step() and not executor.working())
    record = Registry(workspace).get(folder.id)
    assert record.state is State.FAILED
    assert "The disk is full, or a quota is used up." in str(record.error)
    assert [event["kind"] for event in read_events(folder.events).events] == ["started", "note", "ended"]
    assert (folder.path / "large").stat().st_size == 2_000_000  # what was done is kept


def test_without_room_for_the_last_words_the_supervisor_says_them(
    workspace: Workspace, instead_of_training: Callable[[str], None], until: Until
) -> None:
    # Events count as well: they have less room than one of them needs.
    instead_of_training(
        "resource.setrlimit(resource.RLIMIT_FSIZE, (context.folder.events.stat().st_size + 9, resource.RLIM_INFINITY))"
        "\ncontext.reporter.event('note', text='does not fit')"
    )
    folder = submit(workspace)
    executor = LocalExecutor(workspace)
    supervisor = Supervisor(workspace, executor)
    until(lambda: not supervisor.step() and not executor.working())
    record = Registry(workspace).get(folder.id)
    assert record.state is State.FAILED
    assert "The disk is full" in str(record.error)
    events = read_events(folder.events).events  # the torn line is skipped
    assert [event["kind"] for event in events] == ["started", "ended"]


def test_a_supervisor_without_room_tries_on_and_starts_nothing_meanwhile(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = submit(workspace)
    started: list[str] = []

    class Executor(LocalExecutor):
        def submit(self, job_id: str, _slot: object = None) -> None:
            started.append(job_id)

        def poll(self) -> tuple[WorkerEnd, ...]:
            return ends.pop() if ends else ()

    ends = [(WorkerEnd(folder.id, NO_ROOM),)]
    supervisor = Supervisor(workspace, Executor(workspace))
    move = Registry.move

    def full(*_: object, **__: object) -> None:
        raise WorkspaceError("The list of runs can't be written: database or disk is full")

    monkeypatch.setattr(Registry, "move", full)
    assert supervisor.step()
    assert supervisor.step()
    assert started == []
    monkeypatch.setattr(Registry, "move", move)
    assert not supervisor.step()
    record = Registry(workspace).get(folder.id)
    assert (record.state, started) == (State.FAILED, [])
    assert "The disk is full" in str(record.error)


def test_a_second_attempt_that_finds_no_room_to_begin_is_not_begun_again(workspace: Workspace) -> None:
    folder = submit(workspace)
    with EventWriter(folder.events) as events:
        events.write("retry", attempt=2, phase="frozen", batch_size=16, why="memory")
    Registry(workspace).move(folder.id, State.RUNNING, pid=1)
    starts: list[str] = []
    ends = [(WorkerEnd(folder.id, NO_ROOM),)]

    class Executor(LocalExecutor):
        def submit(self, job_id: str, _slot: object = None) -> None:
            starts.append(job_id)

        def poll(self) -> tuple[WorkerEnd, ...]:
            return ends.pop() if ends else ()

    supervisor = Supervisor(workspace, Executor(workspace))
    supervisor.step()
    assert starts == []
    assert Registry(workspace).get(folder.id).state is State.FAILED


def test_a_supervisor_that_can_not_even_read_waits_for_room(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[WorkspaceError | bool] = [WorkspaceError("database or disk is full"), False, False]
    clock = iter(range(100))

    def step(_: Supervisor) -> bool:
        answer = steps.pop(0)
        if isinstance(answer, WorkspaceError):
            raise answer
        return answer

    monkeypatch.setattr(Supervisor, "step", step)
    supervisor = Supervisor(workspace, LocalExecutor(workspace))
    supervisor.serve(sleep=lambda _: None, monotonic=lambda: float(next(clock)))
    assert steps == [False]
    steps[:] = [WorkspaceError("The list of runs was written by a newer version")]
    with pytest.raises(WorkspaceError, match="newer version"):
        supervisor.serve(sleep=lambda _: None, monotonic=lambda: float(next(clock)))


def test_events_that_found_no_room_are_written_once_there_is_some(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "events.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with EventWriter(path) as events:
        events.write("note", text="first")
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, hard))
        try:
            for text in ("second", "third"):
                with pytest.raises(OSError, match="File too large") as caught:
                    events.write("note", text=text)
                assert is_disk_full(caught.value)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        events.write("note", text="fourth")
    texts = [event["text"] for event in read_events(path).events]
    assert texts == ["first", "second", "third", "fourth"]
    assert path.read_text().count("\n") == 4


SCRIPT = """
import os, subprocess, sys, time
from pathlib import Path
home = sys.argv[1]
made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", home])
if made.returncode:
    sys.exit(77)
from tlcore.errors import WorkspaceError
from tlcore.jobs import service
from tlcore.runs.events import last_event
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.workspace import Workspace
workspace = Workspace.open(Path(home))
job_id = service.submit(workspace, "train", {"batch_size": 32}, "Full")
for _ in range(1000):
    try:
        record = service.wait(workspace, job_id, timeout=120)
        break
    except WorkspaceError:  # SQLite needs a little room to read, and for a moment there is none
        time.sleep(0.1)
folder = RunFolder.find(workspace, job_id)
free = os.statvfs(home).f_bavail * os.statvfs(home).f_frsize
print(record.state, (last_event(folder.events) or {}).get("state"), free < 300_000, record.error, sep="\\n")
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs a mount of its own")
def test_a_disk_that_is_really_full(
    workspace: Workspace, tmp_path: Path, instead_of_training: Callable[[str], None]
) -> None:
    instead_of_training(FILL)
    script, home = tmp_path / "script.py", tmp_path / "small"
    script.write_text(SCRIPT)
    home.mkdir()
    package = Path(service.__file__).parents[2]
    path = os.pathsep.join((os.environ["PYTHONPATH"], str(package)))
    ran = subprocess.run(
        ["unshare", "--map-root-user", "--mount", sys.executable, script, home],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path, HOME_VARIABLE: str(home)},
    )
    if ran.returncode in (1, 77) and "Traceback" not in ran.stderr:
        pytest.skip(f"no mount of its own: {ran.stderr}")
    assert ran.returncode == 0, ran.stderr
    state, last, full, error = ran.stdout.splitlines()
    assert (state, last, full) == ("failed", "failed", "True")
    assert "The disk is full" in error


def test_a_real_training_that_finds_no_room_for_its_model(workspace: Workspace, finished_run: FinishedRun) -> None:
    # The converted network is there, and its features are small.
    shutil.copytree(finished_run.workspace.engines, workspace.engines, dirs_exist_ok=True)
    config = RunConfig.build(dataset="sample/textures", image_size=64, epochs=1)
    job_id = service.submit(
        workspace, "train", preflight(workspace, config).config.to_json(), "Textures", config.dataset
    )
    supervisor = f"{sys.executable} -m tlcore.jobs.supervisor --home {workspace.root}"
    subprocess.run(
        ["/bin/sh", "-c", f"ulimit -f 3000; exec {supervisor}"],  # 1.5 million bytes; the model has 14
        check=True,
        stderr=subprocess.DEVNULL,
        cwd=Path(service.__file__).parents[2],
    )
    record = Registry(workspace).get(job_id)
    folder = RunFolder.find(workspace, job_id)
    assert record.state is State.FAILED
    assert "disk is full" in str(record.error)
    assert "Traceback" not in str(record.error)
    assert [event["kind"] for event in read_events(folder.events).events if event["kind"] in ("epoch", "ended")] == [
        "epoch",
        "ended",
    ]
    assert not folder.model.exists()
    assert not folder.report.exists()
