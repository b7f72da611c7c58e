"""Pictures of finished runs are found by name: a dataset that was changed since has them elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import FinishedRun
from tests.pages.app_pages import open_page, text_of
from tlcore.data.catalog import open_dataset
from tlcore.data.edits import exclude
from tlcore.data.stored import dataset_folder, read_info, read_rows
from tlcore.data.versions import write_version
from tlcore.errors import RunError
from tlcore.evaluation.report import read_test_pictures
from tlcore.jobs.quickstart import held_out_picture
from tlcore.runs.folder import RunFolder
from tlcore.workspace import Workspace

DATASET = "sample/textures"


@pytest.fixture
def own_run(finished_run: FinishedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FinishedRun:
    """A copy of the shared run that a test may change."""
    shutil.copytree(finished_run.workspace.root, tmp_path / "copy")
    monkeypatch.setenv("TLCORE_HOME", str(tmp_path / "copy"))
    return FinishedRun(Workspace.open(tmp_path / "copy"), finished_run.run_id)


def leave_out_the_first(workspace: Workspace, *keys: str) -> None:
    first = open_dataset(workspace, DATASET).keys[0]
    exclude(workspace, DATASET, {first, *keys}, "blurred")


def test_the_same_picture_is_offered_after_the_dataset_was_changed(own_run: FinishedRun) -> None:
    before = held_out_picture(own_run.workspace, own_run.run_id, 3)
    leave_out_the_first(own_run.workspace, before.key)

    assert held_out_picture(own_run.workspace, own_run.run_id, 3) == before


def test_without_any_of_its_pictures_a_run_says_so(own_run: FinishedRun) -> None:
    folder = dataset_folder(own_run.workspace, DATASET)
    keys = {
        picture.key for picture in read_test_pictures(RunFolder.find(own_run.workspace, own_run.run_id).test_pictures)
    }
    info = read_info(folder)
    rows = [row for row in read_rows(folder, info.version) if row.key not in keys]
    write_version(folder, info.model_copy(update={"version": info.version + 1}), rows, "Test part removed")

    with pytest.raises(RunError, match="is in its dataset any more"):
        held_out_picture(own_run.workspace, own_run.run_id)


def test_results_show_pictures_that_moved_or_were_left_out(own_run: FinishedRun) -> None:
    pictures = read_test_pictures(RunFolder.find(own_run.workspace, own_run.run_id).test_pictures)
    leave_out_the_first(own_run.workspace, pictures[0].key)

    said = text_of(open_page("results", run=own_run.run_id))

    assert "test pictures right" in said
    assert "was removed since" not in said
    assert "can't be read any more" not in said
