"""What leaves the machine, made by a real training in an account that has secrets, tells none of them."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.conftest import FinishedRun
from tests.planted import ACCOUNT, WORDS, found_in, planted
from tests.processes import end_processes_of
from tlcore.data.dataset_parcel import pack_dataset
from tlcore.data.importer import import_pictures
from tlcore.data.notes import write_notes
from tlcore.diagnostics import diagnostics
from tlcore.evaluation.report import Report
from tlcore.export.history_csv import history_csv
from tlcore.export.keras_zip import write_keras_zip
from tlcore.members import Person, person_workspace
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.run_parcel import pack_run
from tlcore.workspace import Workspace

ANN = Person("https://login.example.org", "planted-subject", "Ann Planted", "ann.planted@example.org")


def test_the_search_finds_what_is_packed_in_a_pack() -> None:
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", f"in {WORDS[0]}")
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("model.keras", inner.getvalue())
    assert found_in("x", outer.getvalue()) == [f"x/model.keras/config.json: {WORDS[0]}"]


@pytest.fixture
def at_rest(finished_run: FinishedRun) -> FinishedRun:
    """The finished run; no process that other tests started in its workspace makes or removes files any more."""
    end_processes_of(finished_run.workspace.root)
    return finished_run


@pytest.fixture
def of_ann(at_rest: FinishedRun, tmp_path: Path) -> Workspace:
    """A person's workspace in an app of a team, below the account's home folder, with the finished run."""
    with planted(tmp_path) as home:
        team = Workspace.open(home / "studio", {"TLCORE_MODE": "team"})
        ann = person_workspace(team, ANN, {})
    shutil.copytree(at_rest.workspace.runs, ann.runs, dirs_exist_ok=True)
    # As its worker would have written it there.
    folder = RunFolder(ann.runs / at_rest.run_id)
    report = Report.model_validate_json(folder.report.read_bytes())
    old, new = str(Path(report.artifacts.model).parent).encode(), str(folder.path).encode()
    for path in folder.path.rglob("*.json"):
        path.write_bytes(path.read_bytes().replace(old, new))
    Registry(ann).rebuild()
    return ann


def test_runs_and_models_that_leave_tell_no_secret(
    of_ann: Workspace, finished_run: FinishedRun, tmp_path: Path
) -> None:
    folder = RunFolder.find(of_ann, finished_run.run_id)
    words = (*WORDS, of_ann.root.name, str(of_ann.host), ANN.subject, ANN.name, ANN.email)
    assert found_in("report", folder.report.read_bytes(), words)  # here it says where its files are
    report = Report.model_validate_json(folder.report.read_bytes())
    leaving = {
        "run.zip": pack_run(of_ann, folder.id, tmp_path / "run.zip").read_bytes(),
        "model.zip": write_keras_zip(folder.path, tmp_path / "model.zip").read_bytes(),
        "report.json": report.without_places().model_dump_json().encode(),
        "history.csv": history_csv(report.history).encode(),
    }
    for name, data in leaving.items():
        assert found_in(name, data, words) == []


def test_what_a_training_leaves_tells_no_secret(at_rest: FinishedRun) -> None:
    secrets = tuple(word for word in WORDS if word != ACCOUNT)  # whose it is stands there, and doesn't leave
    for path in at_rest.workspace.root.rglob("*"):
        if path.is_file():
            assert found_in(path.name, path.read_bytes(), secrets) == []
    assert found_in("diagnostics.zip", diagnostics(at_rest.workspace)) == []


def test_a_dataset_that_leaves_tells_no_secret(tmp_path: Path, picture_folder: Path) -> None:
    with planted(tmp_path) as home:
        team = Workspace.open(home / "studio", {"TLCORE_MODE": "team"})
        ann = person_workspace(team, ANN, {})
        shutil.copytree(picture_folder, home / "pictures")
        info = import_pictures(ann, home / "pictures", "pets")
        write_notes(ann, "my/pets", "taken in May")
        packed = pack_dataset(ann, "my/pets", tmp_path / "pets.zip")
    assert info is not None
    assert found_in("pets.zip", packed.read_bytes(), (*WORDS, ann.root.name, ANN.subject, ANN.name, ANN.email)) == []
