from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from tlcore.errors import RunError, WorkspaceError
from tlcore.runs.events import EventWriter
from tlcore.runs.folder import RunFolder
from tlcore.runs.locks import take_lock
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import MOVES, State
from tlcore.workspace import Workspace

MakeFolder = Callable[..., RunFolder]
MakeRecord = Callable[..., JobRecord]

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def registry(workspace: Workspace) -> Registry:
    return Registry(workspace, clock=lambda: NOON)


def test_a_record_comes_back_as_it_was(registry: Registry, make_record: MakeRecord) -> None:
    record = make_record("a1")
    assert registry.add(record) == "a1"
    assert registry.get("a1") == record
    assert record.to_json()["created"] == "2026-11-21T09:45:00+00:00"


def test_an_unknown_id_lists_the_recent_ones(registry: Registry, make_record: MakeRecord) -> None:
    registry.add(make_record("20261121-a"))
    with pytest.raises(RunError, match="20261121-a"):
        registry.get("20261121-b")


def test_lists_newest_first_and_by_kind(registry: Registry, make_record: MakeRecord) -> None:
    registry.add(make_record("a1", "train", second=1))
    registry.add(make_record("b2", "import", second=2))
    registry.add(make_record("c3", "train", second=3))
    assert [record.id for record in registry.list()] == ["c3", "b2", "a1"]
    assert [record.id for record in registry.list("train")] == ["c3", "a1"]
    assert registry.list("predict") == ()


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("to", list(State))
def test_only_the_moves_that_are_allowed(registry: Registry, make_record: MakeRecord, state: State, to: State) -> None:
    registry.add(make_record("a1", state=state))
    if to in MOVES[state]:
        assert registry.move("a1", to).state is to
        return
    with pytest.raises(RunError, match=f"{state} can't become {to}"):
        registry.move("a1", to)
    assert registry.get("a1").state is state


def test_moves_note_what_belongs_to_them(registry: Registry, make_record: MakeRecord) -> None:
    registry.add(make_record("a1"))
    running = registry.move("a1", State.RUNNING, pid=42)
    assert (running.started, running.pid, running.ended) == (NOON, 42, None)
    failed = registry.move("a1", State.FAILED, error="no pictures")
    assert (failed.ended, failed.error) == (NOON, "no pictures")
    registry.mark_announced("a1")
    again = registry.move("a1", State.QUEUED)
    assert (again.started, again.ended, again.pid, again.error, again.announced) == (None, None, None, None, False)
    assert again.queued == NOON


def test_one_token_is_one_job_even_from_two_threads(registry: Registry, make_record: MakeRecord) -> None:
    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(lambda name: registry.add(make_record(name), "press-1"), ["a1", "b2", "c3", "d4"]))
    assert len(ids) == 1
    assert {record.id for record in registry.list()} == ids
    assert registry.id_of_token("press-1") in ids
    assert registry.id_of_token("press-2") is None
    assert registry.add(make_record("e5")) == "e5"
    assert registry.add(make_record("f6")) == "f6"


def test_stopping_is_one_step(registry: Registry, make_record: MakeRecord) -> None:
    registry.add(make_record("a1"))
    registry.add(make_record("b2"))
    registry.move("b2", State.RUNNING)
    assert registry.ask_to_stop("a1").state is State.STOPPED
    assert registry.ask_to_stop("b2").state is State.STOPPING
    assert registry.ask_to_stop("b2").state is State.STOPPING
    with pytest.raises(RunError, match="nothing to stop"):
        registry.ask_to_stop("a1")


def test_an_end_is_news_until_it_was_told(registry: Registry, make_record: MakeRecord) -> None:
    registry.add(make_record("a1", state=State.RUNNING))
    registry.add(make_record("b2", state=State.RUNNING))
    assert registry.unannounced() == ()
    registry.move("a1", State.COMPLETED)
    assert [record.id for record in registry.unannounced()] == ["a1"]
    registry.mark_announced("a1")
    assert registry.unannounced() == ()


def test_the_queue_is_served_in_the_order_of_joining(registry: Registry, make_record: MakeRecord) -> None:
    for second, name in enumerate(("a1", "b2", "c3")):
        registry.add(make_record(name, second=second))
    registry.move("a1", State.FAILED)
    registry.move("a1", State.QUEUED)
    assert [record.id for record in registry.unfinished()] == ["b2", "c3", "a1"]
    times = [record.queued for record in registry.unfinished()]
    assert all(first < second for first, second in pairwise(times))


def test_a_clock_that_was_set_back_lets_nobody_jump_the_queue(registry: Registry, make_record: MakeRecord) -> None:
    registry.add(make_record("a1", second=50))
    registry.add(make_record("b2", second=10))
    registry.add(make_record("c3", second=20))
    assert [record.id for record in registry.unfinished()] == ["a1", "b2", "c3"]
    assert registry.get("b2").created.second == 10


def test_nor_does_one_that_joins_it_again(workspace: Workspace, make_record: MakeRecord) -> None:
    registry = Registry(workspace, clock=lambda: NOON.replace(hour=9))  # earlier than the others joined
    registry.add(make_record("a1", second=50))
    registry.move("a1", State.FAILED)
    registry.add(make_record("b2", second=55))
    registry.move("a1", State.QUEUED)
    assert [record.id for record in registry.unfinished()] == ["b2", "a1"]


def test_a_second_attempt_keeps_its_place_in_the_queue(workspace: Workspace, make_record: MakeRecord) -> None:
    registry = Registry(workspace)
    for second, name in enumerate(("a1", "b2")):
        registry.add(make_record(name, second=second))
    registry.move("a1", State.RUNNING, pid=5)
    again = registry.move("a1", State.QUEUED)
    assert [record.id for record in registry.unfinished()] == ["a1", "b2"]
    assert (again.started, again.pid) == (None, None)


def test_a_deleted_registry_is_rebuilt_from_the_folders(
    workspace: Workspace, registry: Registry, make_folder: MakeFolder
) -> None:
    make_folder("a-queued", "train", "press-1")
    with EventWriter(make_folder("b-completed").events) as events:
        events.write("started", pid=7)
        events.write("ended", state="completed", error=None)
    with EventWriter(make_folder("c-failed", "import").events) as events:
        events.write("started", pid=8)
        events.write("ended", state="failed", error="an empty zip")
    with EventWriter(make_folder("d-interrupted").events) as events:
        events.write("started", pid=9)
    running = make_folder("e-running")
    with EventWriter(running.events) as events:
        events.write("started", pid=10)
    (workspace.runs / "f-never-submitted").mkdir()
    broken = make_folder("g-broken")
    broken.meta.write_text("{")
    lock = take_lock(running.lock)
    assert lock is not None
    assert len(registry.list()) == 5
    workspace.registry.unlink()
    states = {record.id: record.state.value for record in registry.list()}
    lock.release()
    assert states == {
        "a-queued": "queued",
        "b-completed": "completed",
        "c-failed": "failed",
        "d-interrupted": "interrupted",
        "e-running": "running",
    }
    failed = registry.get("c-failed")
    assert (failed.kind, failed.error, failed.pid, failed.owner) == ("import", "an empty zip", 8, "ada")
    assert registry.id_of_token("press-1") == "a-queued"
    assert registry.unannounced() == ()


def test_rebuilding_adds_rows_and_changes_none(
    registry: Registry, make_folder: MakeFolder, make_record: MakeRecord
) -> None:
    registry.add(make_record("a1", state=State.COMPLETED))
    make_folder("a1")
    make_folder("b2")
    assert registry.rebuild() == 1
    assert registry.get("a1").state is State.COMPLETED
    assert registry.get("b2").state is State.QUEUED
    assert registry.rebuild() == 0


@pytest.mark.parametrize("content", [b"", b"this was a registry once" * 100])
def test_a_damaged_registry_is_kept_aside_and_rebuilt(
    workspace: Workspace, registry: Registry, make_folder: MakeFolder, content: bytes
) -> None:
    make_folder("a1")
    workspace.registry.write_bytes(content)
    with ThreadPoolExecutor(4) as pool:
        lists = set(pool.map(lambda _: tuple(record.id for record in registry.list()), range(8)))
    assert lists == {("a1",)}
    kept = list(workspace.root.glob("registry-damaged-*.sqlite"))
    assert [path.read_bytes() for path in kept] == [content]


def test_damage_in_the_middle_is_told_once_and_then_mended(
    workspace: Workspace, registry: Registry, make_folder: MakeFolder
) -> None:
    make_folder("a1")
    registry.list()
    page = 4096
    data = bytearray(workspace.registry.read_bytes())
    data[page:] = b"\xff" * (len(data) - page)
    workspace.registry.write_bytes(data)
    with pytest.raises(WorkspaceError, match="can't be read"):
        registry.list()
    assert [record.id for record in registry.list()] == ["a1"]


def test_a_newer_registry_is_left_alone(workspace: Workspace, registry: Registry) -> None:
    registry.list()
    connection = sqlite3.connect(workspace.registry)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(WorkspaceError, match="newer version"):
        registry.list()
    assert not list(workspace.root.glob("registry-damaged-*"))
