"""What a killed program or a person left behind, and what is put right when the app or a supervisor starts."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from tlcore.files import write_json
from tlcore.jobs import service
from tlcore.jobs.start_up import put_right
from tlcore.locks import take_lock
from tlcore.runs.events import EventWriter, last_event
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.repairs import read_repairs
from tlcore.runs.states import State
from tlcore.workspace import Workspace

pytestmark = pytest.mark.usefixtures("idle_queue")


@pytest.fixture
def folder(workspace: Workspace) -> RunFolder:
    return RunFolder.find(workspace, service.submit(workspace, "train", {}, "Cats & dogs"))


def half_written(folder: RunFolder) -> list[Path]:
    paths = [
        folder.path / "saving-model.keras",
        folder.checkpoints / ".frozen.tmp",
        folder.path / ".report.json.ab.tmp",
    ]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text("half")
    return paths


def told(workspace: Workspace) -> str:
    return "\n".join(repair.text for repair in read_repairs(workspace))


def aged(path: Path, seconds: float) -> Path:
    path.write_text("half")
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def test_nothing_is_told_where_nothing_was_wrong(workspace: Workspace, folder: RunFolder) -> None:
    kept = [folder.config, folder.meta]
    put_right(workspace)
    assert read_repairs(workspace) == ()
    assert all(path.exists() for path in kept)


def test_what_a_killed_worker_left_half_written_goes(workspace: Workspace, folder: RunFolder) -> None:
    paths = half_written(folder)
    put_right(workspace)
    assert not any(path.exists() for path in paths)
    assert "3 half-written files were removed" in told(workspace)
    assert folder.id in told(workspace)


def test_what_a_worker_writes_now_stays(workspace: Workspace, folder: RunFolder) -> None:
    paths = half_written(folder)
    lock = take_lock(folder.lock)
    assert lock is not None
    put_right(workspace)
    lock.release()
    assert all(path.exists() for path in paths)
    assert told(workspace) == ""


def test_what_pages_write_is_judged_by_its_age_also_after_the_clock_was_set_back(
    workspace: Workspace, folder: RunFolder
) -> None:
    (workspace.datasets / "own" / "pets").mkdir(parents=True)
    places = (folder.path, workspace.drafts, workspace.root, workspace.datasets / "own" / "pets")
    now = [aged(place / ".meta.json.1.tmp", 0) for place in places]
    old = [aged(place / ".meta.json.2.tmp", 100) for place in places]
    later = [aged(place / ".meta.json.3.tmp", -5000) for place in places]
    registry = aged(workspace.root / ".registry-ab.sqlite", 100)
    put_right(workspace)
    assert all(path.exists() for path in (*now, registry))
    assert not any(path.exists() for path in (*old, *later))


def test_a_deletion_that_was_cut_short_is_finished(workspace: Workspace) -> None:
    for parent in (workspace.runs, workspace.jobs):
        write_json_in(parent / ".deleted-a1-0000")
    put_right(workspace)
    assert "deletion of 2 runs or jobs" in told(workspace)
    assert [*workspace.runs.iterdir(), *workspace.jobs.iterdir()] == []


def write_json_in(folder: Path) -> None:
    folder.mkdir()
    write_json(folder / "config.json", {})


def test_a_run_whose_folder_was_removed_by_hand_is_no_longer_listed(workspace: Workspace, folder: RunFolder) -> None:
    registry = Registry(workspace)
    waiting = service.submit(workspace, "train", {}, "Waiting")
    registry.move(folder.id, State.RUNNING)
    shutil.rmtree(folder.path)
    shutil.rmtree(workspace.runs / waiting)
    put_right(workspace)
    assert len(registry.list()) == 2  # their end is the supervisor's to tell
    registry.move(folder.id, State.INTERRUPTED)
    put_right(workspace)
    assert [record.id for record in registry.list()] == [waiting]
    assert "Cats & dogs" in told(workspace)


def kill_while_preparing(folder: RunFolder, aside: Path) -> None:
    """Leaves the folder as a process does that is killed before it queues the run again."""
    with folder.prepared_again():
        shutil.copytree(folder.path, aside)
    shutil.rmtree(folder.path)
    aside.rename(folder.path)


def end(workspace: Workspace, folder: RunFolder, state: State, result: bool) -> None:
    Registry(workspace).move(folder.id, State.RUNNING)
    with EventWriter(folder.events) as events:
        events.write("ended", state=state.value, error=None)
    if result:
        write_json(folder.result, {"good": True})
    Registry(workspace).move(folder.id, state)


@pytest.mark.parametrize(("state", "result"), [(State.COMPLETED, True), (State.STOPPED, False)])
def test_what_was_put_away_for_an_attempt_that_was_never_queued_comes_back(
    workspace: Workspace, folder: RunFolder, tmp_path: Path, state: State, result: bool
) -> None:
    end(workspace, folder, state, result)
    kill_while_preparing(folder, tmp_path / "aside")
    assert not folder.events.exists()
    assert not folder.result.exists()
    lock = take_lock(folder.lock)
    assert lock is not None
    put_right(workspace)
    assert not folder.events.exists(), "whoever holds the lock may be at it"
    lock.release()
    put_right(workspace)
    assert (last_event(folder.events) or {})["state"] == state.value
    assert folder.result.exists() is result
    assert sorted(path.name for path in folder.path.glob("*-*.json*")) == []
    assert told(workspace).count("(" + folder.id + ") again was cut short") == 1


def test_what_was_stopped_while_it_waited_for_its_next_attempt_stays_as_it_is(
    workspace: Workspace, folder: RunFolder
) -> None:
    end(workspace, folder, State.STOPPED, result=True)
    folder.prepare_again()
    registry = Registry(workspace)
    registry.move(folder.id, State.QUEUED)
    put_right(workspace)
    assert registry.ask_to_stop(folder.id).state is State.STOPPED
    put_right(workspace)
    assert not folder.events.exists()
    assert told(workspace) == ""


def test_locks_left_by_the_dead_block_nobody(workspace: Workspace, folder: RunFolder) -> None:
    folder.lock.write_text("12345")
    lock = take_lock(folder.lock)
    assert lock is not None
    lock.release()


@pytest.mark.parametrize("content", [None, b"this was a list once" * 100])
def test_a_list_that_was_made_anew_is_told(workspace: Workspace, folder: RunFolder, content: bytes | None) -> None:
    with EventWriter(folder.events) as events:
        events.write("started", pid=1)
        events.write("ended", state="completed", error=None)
    workspace.registry.unlink()
    if content is not None:
        workspace.registry.write_bytes(content)
    assert Registry(workspace).get(folder.id).state is State.COMPLETED
    assert "was made anew from the run folders: 1 found." in told(workspace)
    assert len(list(workspace.root.glob("registry-damaged-2*.sqlite"))) == (content is not None)
