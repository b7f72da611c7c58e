from __future__ import annotations

import getpass
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tlcore.errors import InputError, RunError
from tlcore.jobs import again, service
from tlcore.jobs.tickets import STARTING_NAME
from tlcore.runs.events import EventWriter, last_event, read_events
from tlcore.runs.folder import RunFolder
from tlcore.runs.locks import take_lock
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

pytestmark = pytest.mark.usefixtures("idle_queue")

Submit = Callable[..., str]


@pytest.fixture
def submit(workspace: Workspace) -> Submit:
    def run(kind: str = "train", token: str | None = None) -> str:
        return service.submit(workspace, kind, {"seed": 1}, "My run", "sample/digits", token=token)

    return run


@pytest.fixture
def registry(workspace: Workspace) -> Registry:
    return Registry(workspace)


def test_submitting_writes_the_folder_and_the_row(workspace: Workspace, submit: Submit, registry: Registry) -> None:
    job_id = submit()
    folder = RunFolder.find(workspace, job_id)
    assert folder.path == workspace.runs / job_id
    assert folder.read_config() == {"seed": 1}
    record = registry.get(job_id)
    assert (record.state, record.title, record.dataset) == (State.QUEUED, "My run", "sample/digits")
    meta = folder.read_meta()
    assert (meta.name, meta.owner, meta.created) == ("My run", getpass.getuser(), record.created)


def test_while_a_supervisor_is_on_its_way_no_other_is_started(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    started: list[Workspace] = []
    monkeypatch.setattr(service, "start_supervisor", lambda workspace, _: started.append(workspace))
    monkeypatch.setattr(service, "leave_alone", lambda _: None)
    on_its_way = take_lock(workspace.root / STARTING_NAME)
    assert on_its_way is not None
    service.ensure_supervisor(workspace)
    assert started == []
    on_its_way.release()
    service.ensure_supervisor(workspace)
    assert started == [workspace]


def test_an_unknown_kind_leaves_nothing(workspace: Workspace, submit: Submit) -> None:
    with pytest.raises(RunError, match="import"):
        submit("importt")
    assert list(workspace.jobs.iterdir()) == []


def test_one_press_of_a_button_is_one_job(workspace: Workspace, submit: Submit, registry: Registry) -> None:
    first = submit(token="press-1")  # noqa: S106 - not a password
    assert submit(token="press-1") == first  # noqa: S106
    assert submit(token="press-2") != first  # noqa: S106
    assert len(registry.list()) == len(list(workspace.runs.iterdir())) == 2


def test_a_press_that_came_between_costs_only_its_folder(
    workspace: Workspace, submit: Submit, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = submit(token="press-1")  # noqa: S106
    monkeypatch.setattr(Registry, "id_of_token", lambda _self, _token: None)
    assert submit(token="press-1") == first  # noqa: S106
    assert [path.name for path in workspace.runs.iterdir()] == [first]


def test_two_jobs_of_the_same_second_have_two_names(workspace: Workspace) -> None:
    suffixes = iter(["aaaa", "aaaa", "bbbb"])
    ids = [
        service.submit(
            workspace, kind, {}, "x", clock=lambda: datetime(2026, 11, 21, tzinfo=UTC), suffix=lambda: next(suffixes)
        )
        for kind in ("train", "import")
    ]
    assert ids == ["20261121-000000-aaaa", "20261121-000000-bbbb"]


def test_stopping_a_queued_job_is_immediate_and_survives_a_rebuild(
    workspace: Workspace, submit: Submit, registry: Registry
) -> None:
    job_id = submit()
    assert service.request_stop(workspace, job_id).state is State.STOPPED
    workspace.registry.unlink()
    assert registry.get(job_id).state is State.STOPPED


def test_a_second_press_of_stop_changes_nothing(workspace: Workspace, submit: Submit, registry: Registry) -> None:
    job_id = submit()
    first = service.request_stop(workspace, job_id)
    events = RunFolder.find(workspace, job_id).events.read_bytes()
    assert service.request_stop(workspace, job_id) == first
    assert RunFolder.find(workspace, job_id).events.read_bytes() == events
    done = submit()
    registry.move(done, State.RUNNING)
    assert service.request_stop(workspace, done) == service.request_stop(workspace, done)
    registry.move(done, State.COMPLETED)
    with pytest.raises(RunError, match="nothing to stop"):
        service.request_stop(workspace, done)


def test_stopping_a_running_job_leaves_the_flag(workspace: Workspace, submit: Submit, registry: Registry) -> None:
    job_id = submit()
    registry.move(job_id, State.RUNNING)
    folder = RunFolder.find(workspace, job_id)
    assert service.request_stop(workspace, job_id).state is State.STOPPING
    assert folder.stop_flag.exists()
    folder.stop_flag.unlink()
    service.request_stop(workspace, job_id)
    assert folder.stop_flag.exists()
    assert last_event(folder.events) is None


@pytest.mark.parametrize("state", [State.INTERRUPTED, State.FAILED])
def test_resuming_queues_anew(workspace: Workspace, submit: Submit, registry: Registry, state: State) -> None:
    job_id = submit()
    registry.move(job_id, State.RUNNING)
    registry.move(job_id, state, error="why")
    folder = RunFolder.find(workspace, job_id)
    folder.events.write_text('{"kind": "started"}\n')
    record = again.resume(workspace, job_id)
    assert (record.state, record.error) == (State.QUEUED, None)
    assert not folder.events.exists()
    assert (folder.path / "events-1.jsonl").exists()


def test_deleting_takes_folder_and_row_but_never_one_at_work(
    workspace: Workspace, submit: Submit, registry: Registry
) -> None:
    job_id, other = submit(), submit("import")
    for state in (State.QUEUED, State.RUNNING, State.STOPPING):
        if state is not State.QUEUED:
            registry.move(job_id, state)
        with pytest.raises(RunError, match="Stop it first"):
            service.delete_run(workspace, job_id)
    registry.move(job_id, State.STOPPED)
    service.delete_run(workspace, job_id)
    assert list(workspace.runs.iterdir()) == []
    assert [record.id for record in registry.list()] == [other]
    with pytest.raises(RunError):
        service.delete_run(workspace, job_id)
    with pytest.raises(InputError):
        RunFolder.find(workspace, job_id)


def test_resuming_waits_for_the_last_worker(
    workspace: Workspace, submit: Submit, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "_WORKER_SECONDS", 0.05)
    job_id = submit()
    registry.move(job_id, State.FAILED)
    lock = take_lock(RunFolder.find(workspace, job_id).lock)
    assert lock is not None
    with pytest.raises(RunError, match="still ending"):
        again.resume(workspace, job_id)
    lock.release()
    assert again.resume(workspace, job_id).state is State.QUEUED


def test_waiting_goes_on_with_the_second_attempt(workspace: Workspace, submit: Submit, registry: Registry) -> None:
    job_id = submit()
    folder = RunFolder.find(workspace, job_id)
    told: list[str] = []
    registry.move(job_id, State.RUNNING)
    with EventWriter(folder.events) as events:
        events.write("note", text="a long line of the first attempt, so that the second file is shorter")

    def tell(event: dict[str, object]) -> None:
        told.append(str(event["text"]))
        if len(told) == 1:
            folder.prepare_again()
            with EventWriter(folder.events) as events:
                events.write("note", text="second")
        else:
            registry.move(job_id, State.COMPLETED)

    assert service.wait(workspace, job_id, tell, timeout=60).state is State.COMPLETED
    assert told[1:] == ["second"]


def test_a_run_at_work_can_not_be_resumed(workspace: Workspace, submit: Submit, registry: Registry) -> None:
    job_id = submit()
    registry.move(job_id, State.RUNNING)
    with pytest.raises(RunError, match="this one is running"):
        again.resume(workspace, job_id)


def test_waiting_ends_with_its_time(workspace: Workspace, submit: Submit) -> None:
    assert service.wait(workspace, submit(), timeout=0.2).state is State.QUEUED


def test_the_end_of_a_job_is_news_until_it_is_told(workspace: Workspace, submit: Submit, registry: Registry) -> None:
    first = submit()
    registry.move(first, State.RUNNING)
    registry.move(first, State.COMPLETED)
    assert [record.id for record in service.unannounced(workspace)] == [first]
    service.mark_announced(workspace, first)
    assert service.unannounced(workspace) == ()


def test_no_result_yet_is_told(workspace: Workspace, submit: Submit) -> None:
    job_id = submit()
    with pytest.raises(RunError, match="no result"):
        service.read_result(workspace, job_id)
    assert read_events(RunFolder.find(workspace, job_id).events).events == ()


def test_only_work_that_waits_needs_a_supervisor(
    workspace: Workspace, submit: Submit, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Workspace] = []
    monkeypatch.setattr(service, "ensure_supervisor", asked.append)
    service.keep_moving(workspace)
    assert asked == []
    job_id = submit()
    asked.clear()
    service.keep_moving(workspace)
    assert asked == [workspace]
    registry.move(job_id, State.STOPPED)
    service.keep_moving(workspace)
    assert asked == [workspace]
