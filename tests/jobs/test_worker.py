from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from tlcore.errors import DatasetError, RunError
from tlcore.jobs import service, worker
from tlcore.jobs.kinds import JobKind
from tlcore.runs.events import read_events
from tlcore.runs.folder import RunFolder
from tlcore.runs.locks import take_lock
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import HOME_VARIABLE, Workspace

pytestmark = pytest.mark.usefixtures("idle_queue")

Work = Callable[..., tuple[int, RunFolder]]


@pytest.fixture
def work(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    """Runs the worker's main in this process on a job whose runner is the given piece of Python."""
    monkeypatch.setenv(HOME_VARIABLE, str(workspace.root))
    monkeypatch.setattr(worker, "calm_libraries", lambda: None)
    monkeypatch.setattr("faulthandler.enable", lambda: None)  # pytest's own tells crashes where they are seen
    monkeypatch.setattr(worker, "on_terminate", lambda _: None)  # a signal may end the tests' own process
    monkeypatch.syspath_prepend(tmp_path)
    made = iter(range(10))

    def run(body: str) -> tuple[int, RunFolder]:
        module = f"runner_{tmp_path.name}_{next(made)}".replace("-", "_")
        (tmp_path / f"{module}.py").write_text(
            f"import errno, os\nfrom tlcore.errors import *\n"
            f"from tlcore.progress import Stopped\ndef run(context):\n    {body}\n"
        )
        monkeypatch.setattr(worker, "find_kind", lambda name: JobKind(name, "light", f"{module}:run"))
        job_id = service.submit(workspace, "prepare", {"dataset": "sample/digits"}, "Test")
        status = worker.main([job_id])
        return status, RunFolder.find(workspace, job_id)

    return run


def state_of(workspace: Workspace, folder: RunFolder) -> State:
    return Registry(workspace).get(folder.id).state


def test_a_job_leaves_its_result_and_its_story(workspace: Workspace, work: Work) -> None:
    status, folder = work("context.reporter.progress('Reading', 1, 1); return {'seen': context.payload['dataset']}")
    assert status == 0
    assert state_of(workspace, folder) is State.COMPLETED
    assert service.read_result(workspace, folder.id) == {"seen": "sample/digits"}
    events = read_events(folder.events).events
    assert [event["kind"] for event in events] == ["started", "progress", "ended"]
    assert events[0]["versions"]["tensorflow"].startswith("2.")
    assert events[0]["pid"] == Registry(workspace).get(folder.id).pid
    assert (events[-1]["state"], events[-1]["error"]) == ("completed", None)


def test_our_own_errors_are_told_as_they_are(workspace: Workspace, work: Work) -> None:
    status, folder = work("raise DatasetError('There is no such dataset', value='x', options=['sample/digits'])")
    record = Registry(workspace).get(folder.id)
    assert (status, record.state) == (1, State.FAILED)
    assert record.error == "There is no such dataset. Received: x. Valid: sample/digits."
    error = service.read_error(workspace, folder.id)
    assert type(error) is DatasetError
    assert str(error) == record.error


def test_a_bug_is_told_under_an_id_and_its_traceback_only_in_the_log(
    workspace: Workspace, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    _, folder = work("return {'x': context.payload['missing']}")
    error = Registry(workspace).get(folder.id).error
    assert error is not None
    assert "inside the program (E-" in error
    assert "KeyError" not in error
    assert "Traceback" not in error
    error_id = error[error.index("E-") : error.index(")")]
    assert error_id in caplog.text
    assert "KeyError: 'missing'" in caplog.text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise MemoryError", "ran out of memory"),
        ("raise type('ResourceExhaustedError', (Exception,), {})('OOM when allocating')", "ran out of memory"),
        (f"raise OSError({errno.ENOSPC}, 'No space left on device')", "disk is full"),
        ("return {'not': object()}", "inside the program"),
    ],
)
def test_what_went_wrong_is_told_in_plain_words(workspace: Workspace, work: Work, body: str, words: str) -> None:
    _, folder = work(body)
    record = Registry(workspace).get(folder.id)
    assert record.state is State.FAILED
    assert words in str(record.error)
    assert not folder.result.exists()


@pytest.mark.parametrize("body", ["raise Stopped", "return {'stopped': True}"])
def test_a_stopped_job_has_not_failed(workspace: Workspace, work: Work, body: str) -> None:
    status, folder = work(body)
    assert status == 0
    assert state_of(workspace, folder) is State.STOPPED
    with pytest.raises(RunError, match="no error"):
        service.read_error(workspace, folder.id)


def test_a_job_that_is_not_queued_is_left_alone(workspace: Workspace, work: Work) -> None:
    _, folder = work("return {}")
    before = folder.events.read_bytes()
    assert worker.main([folder.id]) == 0
    assert folder.events.read_bytes() == before


def test_a_job_that_another_worker_holds_is_left_alone(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(workspace.root))
    monkeypatch.setattr(worker, "calm_libraries", lambda: None)
    monkeypatch.setattr("faulthandler.enable", lambda: None)
    monkeypatch.setattr(worker, "_LOCK_SECONDS", 0.05)
    job_id = service.submit(workspace, "prepare", {"dataset": "sample/digits"}, "Test")
    lock = take_lock(RunFolder.find(workspace, job_id).lock)
    assert lock is not None
    assert worker.main([job_id]) == 0
    lock.release()
    assert Registry(workspace).get(job_id).state is State.QUEUED
