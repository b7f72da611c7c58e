from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tlcore.errors import InputError, RunError, WorkspaceError
from tlcore.files import write_json
from tlcore.runs.folder import RunFolder
from tlcore.workspace import Workspace

MakeFolder = Callable[..., RunFolder]


def test_meta_survives_the_round_trip(make_folder: MakeFolder) -> None:
    folder = make_folder("a1", "train", "press-1")
    meta = replace(folder.read_meta(), tags=("leaves", "first"), notes="ümlaut")
    folder.write_meta(meta)
    assert folder.read_meta() == meta


@pytest.mark.parametrize("text", ["", "[1, 2]", '{"id": "a1"}', '{"id": 1, "created": "yesterday", "tags": []}'])
def test_damaged_meta_is_told(make_folder: MakeFolder, text: str) -> None:
    folder = make_folder("a1")
    folder.meta.write_text(text)
    with pytest.raises(WorkspaceError, match=r"meta\.json"):
        folder.read_meta()


def test_finds_runs_and_jobs_but_nothing_outside(workspace: Workspace, make_folder: MakeFolder) -> None:
    run, job = make_folder("a1", "train"), make_folder("b2", "import")
    assert RunFolder.find(workspace, "a1") == run
    assert RunFolder.find(workspace, "b2") == job
    with pytest.raises(RunError, match="c3"):
        RunFolder.find(workspace, "c3")
    with pytest.raises(InputError):
        RunFolder.find(workspace, "../runs/a1")


def test_folders_being_deleted_are_not_listed(workspace: Workspace, make_folder: MakeFolder) -> None:
    make_folder("a1")
    (workspace.runs / ".deleted-b2-0000").mkdir()
    assert [folder.id for folder in RunFolder.all_in(workspace)] == ["a1"]


def test_preparing_again_keeps_events_and_checkpoints(make_folder: MakeFolder) -> None:
    folder = make_folder("a1")
    folder.checkpoints.mkdir()
    for attempt in ("first", "second"):
        folder.events.write_text(attempt)
        write_json(folder.result, {"attempt": attempt})
        folder.request_stop()
        folder.prepare_again()
    assert (folder.path / "events-1.jsonl").read_text() == "first"
    assert (folder.path / "events-2.jsonl").read_text() == "second"
    assert not folder.events.exists()
    assert not folder.result.exists()
    assert not folder.stop_flag.exists()
    assert folder.checkpoints.is_dir()


def test_result_that_is_missing_or_damaged_is_told(make_folder: MakeFolder) -> None:
    folder = make_folder("a1")
    with pytest.raises(RunError, match="no result"):
        folder.read_result()
    folder.result.write_text("[]")
    with pytest.raises(WorkspaceError, match=r"result\.json"):
        folder.read_result()
