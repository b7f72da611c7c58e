"""What trainings keep to go on from, as a part of the caches."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.caches.test_budget import ENTRY_BYTES, keep, keep_network, titles, with_budget
from tlcore.caches.budget import Cleared, clear, forget, list_items, reserve, room, used
from tlcore.caches.checkpoints import list_kept, remove_kept
from tlcore.errors import CacheFull
from tlcore.locks import take_lock
from tlcore.runs.events import Event, EventWriter, last_event
from tlcore.runs.folder import RunFolder, RunMeta
from tlcore.runs.states import State
from tlcore.workspace import Workspace

SIZE = ENTRY_BYTES
Kept = Callable[..., RunFolder]


@pytest.fixture
def kept(workspace: Workspace) -> Kept:
    """kept(run_id, state, days, left): the folder of a training that ended so, and kept something so many days ago.

    `left` is the file of its result; "" where it has none.
    """

    def make(
        run_id: str, state: State | None = State.COMPLETED, days: float = 0, left: str = "report.json"
    ) -> RunFolder:
        folder = RunFolder(workspace.runs / run_id)
        folder.checkpoints.mkdir(parents=True)
        folder.write_meta(RunMeta(run_id, "train", f"Run {run_id}", "my/pets", "", datetime(2026, 1, 1, tzinfo=UTC)))
        for name, size in (("standing.npz", SIZE // 2), ("best-frozen.npz", SIZE - SIZE // 2)):
            path = folder.checkpoints / name
            path.write_bytes(bytes(size))
            when = path.stat().st_mtime - days * 86_400
            os.utime(path, (when, when))
        if left:
            (folder.path / left).write_text("{}")
        with EventWriter(folder.events) as events:
            events.write("started", pid=1)
            if state is not None:
                events.write("ended", state=state.value, error=None)
        return folder

    return make


def test_they_are_listed_by_their_run_and_count(workspace: Workspace, kept: Kept) -> None:
    kept("a1", days=2)
    kept("b2", State.INTERRUPTED, days=1)
    (workspace.runs / "c3" / "checkpoints").mkdir(parents=True)  # nothing was kept yet
    items = list_items(workspace)
    assert [(item.kind, item.title, item.dataset, item.bytes, item.in_use) for item in items] == [
        ("checkpoints", "Run a1 (a1)", "my/pets", SIZE, False),
        ("checkpoints", "Run b2 (b2)", "my/pets", SIZE, True),
    ]
    assert used(items) == 2 * SIZE


@pytest.mark.parametrize("state", State)
def test_only_what_left_a_model_may_lose_them_whatever_the_registry_says(
    workspace: Workspace, kept: Kept, state: State
) -> None:
    folder = kept("a1", state if state.ended else None)
    workspace.registry.write_bytes(b"no database" * 100)
    gone = state in (State.COMPLETED, State.STOPPED)
    assert clear(workspace, ["checkpoints"]) == (Cleared(1, SIZE, 0) if gone else Cleared(0, 0, 1))
    assert folder.checkpoints.exists() is not gone


@pytest.mark.parametrize(("left", "gone"), [("", False), ("report.json", True), ("model.keras", True)])
def test_what_was_stopped_before_it_left_a_model_keeps_them(
    workspace: Workspace, kept: Kept, left: str, gone: bool
) -> None:
    folder = kept("a1", State.STOPPED, left=left)  # killed after some rounds, queued again and stopped there
    assert list_items(workspace)[0].in_use is not gone
    assert remove_kept(folder.checkpoints) is gone
    assert folder.checkpoints.exists() is not gone


def test_what_was_stopped_goes_only_when_it_is_cleared(
    workspace: Workspace, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = with_budget(workspace, 2 * SIZE)
    stopped, done = kept("a1", State.STOPPED, days=9), kept("b2", days=1)
    assert (room(small), room(small, later=True)) == (SIZE, SIZE)
    with pytest.raises(CacheFull, match=r"stopped or interrupted, or failed, keep.*let them go on"):
        reserve(small, {workspace.cache: SIZE + 1})
    assert done.checkpoints.exists()
    reserve(small, {workspace.cache: SIZE})
    assert titles(small) == ["Run a1 (a1)"]
    # It was listed as completed, learned for longer and was stopped before it was removed.
    with monkeypatch.context() as patch:
        patch.setattr("tlcore.caches.budget.makes_way", lambda _: True)
        with pytest.raises(CacheFull):
            reserve(small, {workspace.cache: 2 * SIZE})
    assert stopped.checkpoints.exists()
    assert clear(small, ["checkpoints"]) == Cleared(1, SIZE, 0)
    assert room(small) == 2 * SIZE


@pytest.mark.parametrize("state", [State.FAILED, State.INTERRUPTED, State.STOPPED])
def test_what_lies_in_the_bin_makes_way(workspace: Workspace, kept: Kept, state: State) -> None:
    small = with_budget(workspace, SIZE)
    folder = kept("a1", state, left="")
    assert room(small) == 0
    folder.write_meta(replace(folder.read_meta(), archived=True))
    assert room(small) == SIZE
    reserve(small, {workspace.cache: SIZE})
    assert not folder.checkpoints.exists()


def test_files_being_written_do_not_count_and_those_that_vanish_do_no_harm(
    workspace: Workspace, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = kept("a1")
    (folder.checkpoints / ".standing.npz.tmp").write_bytes(b"half of it")
    iterdir = Path.iterdir

    def also_what_vanished(path: Path) -> Iterator[Path]:
        yield from iterdir(path)
        yield path / "gone.npz"

    monkeypatch.setattr(Path, "iterdir", also_what_vanished)
    assert [kept_one.bytes for kept_one in list_kept(workspace)] == [SIZE]


def test_events_are_read_only_where_something_is_kept(
    workspace: Workspace, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    here, empty, being_written = kept("a1"), kept("b2"), kept("c3")
    for folder in (empty, being_written):
        for path in folder.checkpoints.iterdir():
            path.unlink()
    (being_written.checkpoints / ".standing.npz.tmp").write_bytes(b"half of it")

    def note(path: Path) -> Event | None:
        read.append(path.parent.name)
        return last_event(path)

    monkeypatch.setattr("tlcore.caches.checkpoints.last_event", note)
    assert [kept_one.folder for kept_one in list_kept(workspace)] == [here.checkpoints]
    assert read == ["a1"]


def test_what_is_queued_again_or_has_a_worker_needs_them(workspace: Workspace, kept: Kept) -> None:
    queued, at_work = kept("a1"), kept("b2")
    queued.prepare_again()
    lock = take_lock(at_work.lock)
    assert lock is not None
    assert clear(workspace, ["checkpoints"]) == Cleared(0, 0, 2)
    lock.release()
    # It was listed as free, and is let go on before it is removed.
    assert not remove_kept(queued.checkpoints)
    assert clear(workspace, ["checkpoints"]) == Cleared(1, SIZE, 1)
    assert (queued.checkpoints / "standing.npz").exists()


def test_they_make_way_after_all_that_can_be_made_again(workspace: Workspace, kept: Kept) -> None:
    small = with_budget(workspace, 4 * SIZE + 30)
    old, older = kept("a1", days=5), kept("b2", days=9)
    keep(small, "rows")
    keep_network(small, "network", 10)
    reserve(small, {workspace.cache: SIZE})
    assert set(titles(small)) == {"rows", "network", "Run a1 (a1)", "Run b2 (b2)"}
    reserve(small, {workspace.cache: 2 * SIZE})
    assert set(titles(small)) == {"network", "Run a1 (a1)", "Run b2 (b2)"}
    reserve(small, {workspace.cache: 3 * SIZE})
    assert titles(small) == ["Run a1 (a1)"]
    assert old.checkpoints.exists()
    assert not older.checkpoints.exists()


def test_what_is_needed_leaves_less_room_also_later(workspace: Workspace, kept: Kept) -> None:
    small = with_budget(workspace, 3 * SIZE)
    kept("a1", State.FAILED)
    kept("b2")
    assert (room(small), room(small, later=True)) == (2 * SIZE, 2 * SIZE)
    with pytest.raises(CacheFull):
        reserve(small, {workspace.cache: 3 * SIZE})
    assert len(list_items(small)) == 2


def test_only_who_names_them_clears_them_and_a_deleted_dataset_leaves_them(workspace: Workspace, kept: Kept) -> None:
    kept("a1")
    keep(workspace, "rows")
    assert clear(workspace) == Cleared(1, ENTRY_BYTES, 0)
    keep(workspace, "rows")
    forget(workspace, "my/pets")
    assert titles(workspace) == ["Run a1 (a1)"]
    assert clear(workspace, ["checkpoints"], "my/other") == Cleared(0, 0, 0)
    assert clear(workspace, ["checkpoints"], "my/pets") == Cleared(1, SIZE, 0)


def test_what_was_half_removed_goes_with_the_next_look(workspace: Workspace, kept: Kept) -> None:
    folder = kept("a1")
    half: Path = folder.path / ".gone-1"
    half.mkdir()
    (half / "best-frozen.npz").write_bytes(b"half")
    clear(workspace, ["checkpoints"])
    assert sorted(path.name for path in folder.path.iterdir()) == [
        "events.jsonl",
        "meta.json",
        "report.json",
        "worker.lock",
    ]


def test_a_run_without_its_description_is_told_by_its_id(workspace: Workspace, kept: Kept) -> None:
    kept("a1").meta.write_text("{")
    assert [(item.title, item.dataset) for item in list_items(workspace)] == [("a1", "")]
