"""The download: it works without the studio, and it can be brought back."""

import hashlib
import json
import runpy
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import FinishedRun
from tlcore.errors import BundleError, ImportRefused
from tlcore.export.history_csv import history_csv
from tlcore.export.keras_zip import write_keras_zip
from tlcore.images.guard import GuardedDecoder
from tlcore.jobs.predictions import predict_pictures
from tlcore.jobs.service import read_error, read_result, submit, wait
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.run_parcel import pack_run, unpack_run
from tlcore.runs.states import State
from tlcore.training.history import EpochRow
from tlcore.workspace import Workspace


@pytest.fixture(scope="module")
def download(finished_run: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = RunFolder.find(finished_run.workspace, finished_run.run_id)
    return write_keras_zip(folder.path, tmp_path_factory.mktemp("download") / "model.zip")


def test_the_how_to_works_as_written(
    download: Path,
    finished_run: FinishedRun,
    tmp_path: Path,
    crop: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with zipfile.ZipFile(download) as archive:
        assert sorted(archive.namelist()) == ["README.txt", "bundle.json", "labels.json", "model.keras", "report.json"]
        archive.extractall(tmp_path)
    (tmp_path / "picture.jpg").write_bytes(crop("cat", 1))
    monkeypatch.chdir(tmp_path)
    how_to = (tmp_path / "README.txt").read_text()
    code = "\n".join(line[4:] for line in how_to.splitlines() if line.startswith("    "))
    (tmp_path / "how_to.py").write_text(code)
    answer: np.ndarray = runpy.run_path(str(tmp_path / "how_to.py"))["answer"]
    with GuardedDecoder(finished_run.workspace.limits) as decoder:
        pictures = [("picture.jpg", lambda: crop("cat", 1))]
        (prediction,) = predict_pictures(finished_run.workspace, finished_run.run_id, decoder, pictures)
    labels = json.loads((tmp_path / "labels.json").read_text())
    assert np.abs(answer - [prediction.probabilities[name] for name in labels]).max() < 1e-3


@pytest.mark.parametrize("report", [b"{}", b"no report"])
def test_a_damaged_report_is_left_out_and_the_model_is_there(
    finished_run: FinishedRun, tmp_path: Path, caplog: pytest.LogCaptureFixture, report: bytes
) -> None:
    run = tmp_path / "run"
    shutil.copytree(RunFolder.find(finished_run.workspace, finished_run.run_id).path, run)
    (run / "report.json").write_bytes(report)
    with zipfile.ZipFile(write_keras_zip(run, tmp_path / "model.zip")) as archive:
        assert sorted(archive.namelist()) == ["README.txt", "bundle.json", "labels.json", "model.keras"]
    assert "report of run is damaged" in caplog.text


def test_a_download_can_be_brought_back_and_answers_the_same(
    download: Path, finished_run: FinishedRun, crop: Callable[..., bytes]
) -> None:
    workspace = finished_run.workspace
    job = submit(workspace, "restore", {"path": str(download), "name": "Back again"}, "Bring back")
    assert wait(workspace, job, timeout=300).state is State.COMPLETED
    run_id = read_result(workspace, job)["run_id"]
    record = Registry(workspace).get(run_id)
    assert (record.kind, record.state, record.title) == ("train", State.COMPLETED, "Back again")
    report = json.loads(RunFolder.find(workspace, run_id).report.read_text())
    assert report["run_id"] == run_id
    assert run_id in report["artifacts"]["model"]
    assert not (RunFolder.find(workspace, run_id).path / "bundle.json").exists()
    pictures = [(name, lambda name=name: crop(name, 2)) for name in ("cat", "coffee")]
    with GuardedDecoder(workspace.limits) as decoder:
        before = list(predict_pictures(workspace, finished_run.run_id, decoder, pictures))
        after = list(predict_pictures(workspace, run_id, decoder, pictures))
    for one, other in zip(before, after, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)


def test_a_whole_run_answers_the_same_on_another_machine_and_takes_nothing_but_its_model(
    finished_run: FinishedRun, tmp_path: Path, crop: Callable[..., bytes]
) -> None:
    elsewhere = Workspace.open(tmp_path / "elsewhere")
    packed = pack_run(finished_run.workspace, finished_run.run_id, tmp_path / "run.zip")
    hostile = {"bundle/model__xml": b"<net>from outside", "bundle/model__bin": b"weights from outside"}
    no_model = repacked_run(packed, tmp_path / "no-model.zip", hostile | {"model__keras": b"no model"})
    with pytest.raises(ImportRefused, match="can't be loaded; nothing was brought in"):
        unpack_run(elsewhere, no_model)
    assert [*elsewhere.runs.iterdir(), *elsewhere.incoming.iterdir()] == []
    run_id = unpack_run(elsewhere, repacked_run(packed, tmp_path / "hostile.zip", hostile))
    network = elsewhere.runs / run_id / "bundle" / "model.xml"
    assert b"from outside" not in network.read_bytes() + network.with_suffix(".bin").read_bytes()
    pictures = [(name, lambda name=name: crop(name, 1)) for name in ("cat", "coffee")]
    with GuardedDecoder(elsewhere.limits) as decoder:
        before = list(predict_pictures(finished_run.workspace, finished_run.run_id, decoder, pictures))
        after = list(predict_pictures(elsewhere, run_id, decoder, pictures))
    for one, other in zip(before, after, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)


def repacked_run(packed: Path, target: Path, changes: dict[str, bytes]) -> Path:
    """The packed run with some members changed, and a manifest that says so."""
    with zipfile.ZipFile(packed) as source:
        manifest = json.loads(source.read("manifest.json"))
    for file in manifest["files"]:
        if (data := changes.get(file["path"].replace(".", "__"))) is not None:
            file |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return repacked(packed, target, **changes, manifest__json=json.dumps(manifest).encode())


def repacked(download: Path, target: Path, **changes: bytes | None) -> Path:
    """The download with some members changed or left out; double underscores stand for dots."""
    replaced = {name.replace("__", "."): data for name, data in changes.items()}
    with zipfile.ZipFile(download) as source, zipfile.ZipFile(target, "w") as out:
        for name in source.namelist():
            data = replaced.get(name, source.read(name))
            if data is not None:
                out.writestr(name, data)
    return target


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model__keras": None}, "not a downloaded model"),
        ({"model__keras": b"no model"}, "can't be loaded"),
        ({"report__json": b"{}"}, "description inside the zip"),
        ({"bundle__json": b"["}, "description inside the zip"),
    ],
)
def test_what_is_no_download_is_refused_and_leaves_nothing(
    download: Path, finished_run: FinishedRun, tmp_path: Path, changes: dict[str, bytes | None], words: str
) -> None:
    workspace = finished_run.workspace
    before = sorted(workspace.runs.iterdir())
    path = repacked(download, tmp_path / "changed.zip", **changes)
    job = submit(workspace, "restore", {"path": str(path), "name": "Bad"}, "Bring back")
    assert wait(workspace, job, timeout=300).state is State.FAILED
    error = read_error(workspace, job)
    assert isinstance(error, ImportRefused)
    assert words in str(error)
    assert sorted(workspace.runs.iterdir()) == before


def test_a_model_that_brings_code_is_refused(download: Path, finished_run: FinishedRun, tmp_path: Path) -> None:
    # In a process of its own: here, Keras would search the source of every loaded module for the lambda.
    code = (
        "import keras; inputs = keras.Input((64, 64, 3))\n"
        "outputs = keras.layers.Lambda(lambda x: x[:, 0, 0, :])(inputs)\n"
        "keras.Model(inputs, outputs).save('lambda.keras')"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    path = repacked(download, tmp_path / "code.zip", model__keras=(tmp_path / "lambda.keras").read_bytes())
    job = submit(finished_run.workspace, "restore", {"path": str(path), "name": "Bad"}, "Bring back")
    assert wait(finished_run.workspace, job, timeout=300).state is State.FAILED
    assert "can't be loaded" in str(read_error(finished_run.workspace, job))


def test_a_run_without_a_model_has_no_download(tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        write_keras_zip(tmp_path, tmp_path / "model.zip")
    assert not list(tmp_path.glob("*.zip"))


def test_history_as_csv() -> None:
    row = EpochRow.model_validate(
        {"phase": "frozen", "epoch": 1, "loss": 0.5, "accuracy": 0.75, "val_loss": 0.4, "val_accuracy": 0.8}
        | {"learning_rate": 0.001, "seconds": 1.5}
    )
    header, line = history_csv([row]).splitlines()
    assert header == "phase,epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds"
    assert line == "frozen,1,0.5,0.75,0.4,0.8,0.001,1.5"
