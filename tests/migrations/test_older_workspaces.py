"""One workspace of each older format, made by the program of that time, opened by this one.

`tests/workspaces/format-N.zip` holds two trainings that ended, one that was stopped, a check and a dataset; models,
networks and caches were left out for their size.
"""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from pages.widgets.reports import finished_runs, ranked_test_pictures
from tests.cli.calling import tlcore
from tlcore.audit.files import read_audit
from tlcore.config import RunConfig
from tlcore.data.catalog import list_datasets, open_dataset
from tlcore.errors import BundleError, ConfigError, DatasetError, WorkspaceError
from tlcore.files import read_json, write_json
from tlcore.migrations.mark import FORMAT, read_mark
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.view import RunView
from tlcore.serving.bundle import read_info
from tlcore.workspace import Workspace

KEPT = Path(__file__).parents[1] / "workspaces"
FORMATS = range(1, FORMAT)


def unpacked(number: int, place: Path) -> Path:
    with ZipFile(KEPT / f"format-{number}.zip") as archive:
        archive.extractall(place)
    return place


@pytest.fixture(params=FORMATS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return unpacked(request.param, tmp_path / "home")


def test_everything_in_it_can_be_read(old: Path) -> None:
    workspace = Workspace.open(old)
    mark = read_mark(old)
    assert mark is not None
    assert mark.format == FORMAT
    assert (old / mark.moves[0].backup).is_file()

    runs = Registry(workspace).list("train")
    assert [run.state.value for run in runs] == ["stopped", "completed", "completed"]
    for run in runs:
        folder = RunFolder.find(workspace, run.id)
        assert folder.read_meta().archived is False
        assert RunConfig.from_json(folder.read_config()).dataset == "my/pets"
        assert RunView.open(workspace, run.id).state is run.state
    finished = finished_runs(workspace)
    assert [round(run.report.test.accuracy, 2) for run in finished] == [1.0, 1.0]
    for done in finished:
        folder = RunFolder.find(workspace, done.record.id)
        assert len(ranked_test_pictures(folder)) == 2
        assert read_info(folder.bundle).class_names == ("cat", "coffee")

    (mine,) = [info for info in list_datasets(workspace) if info.source == "own"]
    dataset = open_dataset(workspace, mine.id)
    assert (mine.counts, len(dataset)) == ({"cat": 12, "coffee": 12}, 24)
    assert dataset.read(0)[:2] == b"\xff\xd8"
    assert read_audit(workspace, mine.id) is not None


def test_a_registry_that_was_lost_is_made_from_its_folders(old: Path) -> None:
    before = Registry(Workspace.open(old)).list()
    for file in old.glob("registry.sqlite*"):
        file.unlink()
    again = Registry(Workspace.open(old)).list()
    assert [(job.id, job.state, job.owner) for job in again] == [(job.id, job.state, job.owner) for job in before]


def test_the_command_line_lists_them_and_says_what_was_done(tmp_path: Path) -> None:
    home = unpacked(1, tmp_path / "home")
    ran = tlcore(home, "runs", "--json")
    assert [row["test_accuracy"] for row in ran.json] == [None, 1.0, 1.0]
    assert "was brought from format 1 to format 2" in ran.err
    assert "before-format-2" in ran.err
    assert "brought" not in tlcore(home, "runs", "--json").err


def test_documents_of_a_newer_program_are_told_as_that(tmp_path: Path) -> None:
    workspace = Workspace.open(unpacked(1, tmp_path / "home"))
    run = finished_runs(workspace)[0].record
    folder = RunFolder.find(workspace, run.id)
    documents = (workspace.datasets / "my" / "pets" / "dataset.json", folder.bundle / "bundle.json", folder.report)
    for path in (*documents, folder.config):
        write_json(path, read_json(path) | {"schema_version": 7})

    with pytest.raises(DatasetError, match=r"This dataset was written by a newer version.*version 7"):
        open_dataset(workspace, "my/pets")
    with pytest.raises(BundleError, match=r"model was written by a newer version.*version 7"):
        read_info(folder.bundle)
    with pytest.raises(ConfigError, match=r"written by another version.*version 7"):
        RunConfig.from_json(folder.read_config())
    assert run.id not in [other.record.id for other in finished_runs(workspace)]
    from pages.widgets.reports import read_report

    with pytest.raises(WorkspaceError, match=r"report of this run was written by a newer version.*version 7"):
        read_report(folder.report)
