"""The training job as a whole: a real worker, a real sample, everything that it leaves."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import FinishedRun
from tlcore.config import RunConfig
from tlcore.data.catalog import open_dataset
from tlcore.data.importer import import_pictures
from tlcore.evaluation.report import Report, read_test_pictures
from tlcore.jobs import train
from tlcore.jobs.again import extend
from tlcore.jobs.context import JobContext
from tlcore.jobs.preflight import preflight
from tlcore.jobs.quickstart import held_out_picture
from tlcore.jobs.service import read_error, read_result, request_stop, submit, wait
from tlcore.locks import seems_held
from tlcore.progress import Silence
from tlcore.runs.events import read_events
from tlcore.runs.folder import RunFolder
from tlcore.runs.states import State
from tlcore.runs.view import RunView
from tlcore.workspace import Workspace


@pytest.fixture(scope="module")
def report(finished_run: FinishedRun) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        RunFolder.find(finished_run.workspace, finished_run.run_id).report.read_text()
    )
    return document


def test_the_report_holds_what_the_command_line_promises(report: dict[str, Any], finished_run: FinishedRun) -> None:
    assert report["run_id"] == finished_run.run_id
    assert report["state"] == "completed"
    assert report["epochs"] == {"scratch": 0, "frozen": 5, "fine_tune": 0}
    assert [row["epoch"] for row in report["history"]] == [1, 2, 3, 4, 5]
    assert report["test"]["count"] == 48
    low, high = report["test"]["accuracy_ci95"]
    assert low <= report["test"]["accuracy"] <= high
    assert report["baseline"]["accuracy"] < 0.7 < report["test"]["accuracy"]
    assert report["parameters"] == {"total": 3_413_024 + 3843, "trainable": 3843}
    assert report["seconds"]["total"] > report["seconds"]["features"] > 0
    assert Report.model_validate(report).to_json() == report
    assert read_result(finished_run.workspace, finished_run.run_id).items() >= report.items()


def test_the_bundle_agrees_with_the_model(report: dict[str, Any]) -> None:
    assert report["engine"]["predictions"] == "openvino"
    assert report["agreement"]["compared"] == report["agreement"]["same_answer"] == 32
    assert report["agreement"]["largest_difference"] < 1e-3


def test_test_pictures_add_up_to_the_report(report: dict[str, Any], finished_run: FinishedRun) -> None:
    folder = RunFolder.find(finished_run.workspace, finished_run.run_id)
    pictures = read_test_pictures(folder.test_pictures)
    assert len(pictures) == 48
    assert np.mean([picture.right for picture in pictures]) == pytest.approx(report["test"]["accuracy"])
    dataset = open_dataset(finished_run.workspace, "sample/textures")
    # No test picture was learned from: they are those that the sample itself keeps apart.
    assert all(dataset.parts[picture.index] == "test" for picture in pictures)
    assert all(dataset.keys[picture.index] == picture.key for picture in pictures)
    diagonal = sum(report["confusion"][index][index] for index in range(3))
    assert diagonal == sum(picture.right for picture in pictures)


def test_nothing_temporary_is_left(finished_run: FinishedRun) -> None:
    folder = RunFolder.find(finished_run.workspace, finished_run.run_id)
    assert not (folder.path / "scratch").exists()
    assert not list(folder.path.glob("saving*"))


def test_a_held_out_picture_comes_with_its_truth(finished_run: FinishedRun) -> None:
    picture = held_out_picture(finished_run.workspace, finished_run.run_id, number=50)
    assert picture.key.startswith(f"test/{picture.class_name}/")
    assert picture.data.startswith(b"\x89PNG")


def test_stopping_keeps_the_best_model_and_a_whole_report_and_more_epochs_go_on_from_there(
    finished_run: FinishedRun,
) -> None:
    workspace = finished_run.workspace
    config = RunConfig.build(dataset="sample/textures", image_size=64, epochs=10_000, learning_rate=1e-4)
    run_id = submit(workspace, "train", preflight(workspace, config).config.to_json(), "Long", config.dataset)
    _wait_for_epochs(workspace, run_id, 2)
    request_stop(workspace, run_id)
    assert wait(workspace, run_id, timeout=300).state is State.STOPPED
    report = read_result(workspace, run_id)
    assert report["state"] == "stopped"
    assert 2 <= report["epochs"]["frozen"] < 10_000
    best = min(row["val_loss"] for row in report["history"])
    assert report["validation"]["loss"] == pytest.approx(best, rel=0.01)
    assert "stopped" in report["stopped_early"]
    folder = RunFolder.find(workspace, run_id)
    assert folder.model.is_file()

    extend(workspace, run_id, 2)
    assert wait(workspace, run_id, timeout=300).state is State.COMPLETED
    more = read_result(workspace, run_id)
    assert more["state"] == "completed"
    assert more["epochs"]["frozen"] == report["epochs"]["frozen"] + 2
    assert more["history"][:-2] == report["history"]
    told = [event["epoch"] for event in read_events(folder.events).events if event["kind"] == "epoch"]
    assert told == [row["epoch"] for row in more["history"]]
    # Each batch once, without those of the round in which it was stopped, and the time of both attempts.
    shown = [(row["epoch"], row["batch"]) for row in RunView.open(workspace, run_id).batches]
    steps = max(batch for _, batch in shown)
    assert shown == [(epoch, batch) for epoch in told for batch in range(1, steps + 1)]
    learned = sum(row["seconds"] for row in more["history"])
    assert learned < more["seconds"]["train"] < more["seconds"]["total"]
    assert "were not written down" not in folder.read_log(100_000)  # the pace of both, as of one
    assert not list(folder.path.glob("saving*"))


def test_what_only_the_worker_can_find_out_fails_in_plain_words(
    finished_run: FinishedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The configuration of a backbone whose weights are on no disk, with the network cut off.
    monkeypatch.setenv("KERAS_HOME", str(finished_run.workspace.root / "no-weights"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    config = RunConfig.build(dataset="sample/textures", backbone="mobilenetv2", image_size=64)
    workspace = finished_run.workspace
    run_id = submit(workspace, "train", preflight(workspace, config).config.to_json(), "Offline", config.dataset)
    assert wait(workspace, run_id, timeout=120).state is State.FAILED  # at once, and not when tries have run out
    text = str(read_error(workspace, run_id))
    assert "efficientnet-lite0" in text
    assert "Traceback" not in text


def _wait_for_epochs(workspace: Workspace, run_id: str, number: int) -> None:
    path = RunFolder.find(workspace, run_id).events
    deadline = time.monotonic() + 300
    while sum(event["kind"] == "epoch" for event in read_events(path).events) < number:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_pictures_that_it_learns_from_are_kept_meanwhile(
    workspace: Workspace, picture_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = import_pictures(workspace, picture_folder, "pets")
    folder = workspace.datasets / "my" / "pets"
    marks: list[bool] = []

    def look(*_arguments: object) -> dict[str, Any]:
        marks.extend(seems_held(path) for path in folder.glob("reading-a1.lock"))
        return {"stopped": True}

    for name in ("end_measurements", "tell_forecast"):
        monkeypatch.setattr(train, name, lambda *_arguments: None)
    monkeypatch.setattr(train, "train_on", look)
    payload = RunConfig.build(dataset=info.id, image_size=64).to_json()
    train.run(JobContext(workspace, RunFolder(workspace.runs / "a1"), payload, Silence()))
    assert marks == [True]
    assert not list(folder.glob("reading-*"))
