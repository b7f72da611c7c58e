"""Measuring the computer: a real worker, a real sample, and the forecast that comes of it."""

from __future__ import annotations

import pytest

from tests.conftest import FinishedRun
from tlcore.config import RunConfig
from tlcore.data.catalog import ensure_dataset
from tlcore.jobs.calibrate import latest_calibration, stop_calibrations, submit_calibration, why_not_now
from tlcore.jobs.preflight import Plan, preflight
from tlcore.jobs.service import read_error, submit, wait
from tlcore.runs.events import read_events
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.training.forecast import forecast
from tlcore.training.speeds import known_speeds
from tlcore.workspace import Workspace


def prepared(workspace: Workspace, **options: object) -> Plan:
    ensure_dataset(workspace, "sample/textures")
    return preflight(workspace, RunConfig.build(dataset="sample/textures", **({"image_size": 64} | options)))


def test_a_measurement_makes_a_forecast_of_an_estimate_and_leaves_no_model(workspace: Workspace) -> None:
    plan = prepared(workspace, mode="finetune", epochs=30)
    assert plan.material is not None
    assert forecast(workspace, plan.config, plan.material).basis == "estimated"
    job = submit_calibration(workspace, plan.config)
    assert submit_calibration(workspace, plan.config) == job
    assert wait(workspace, job, timeout=200).state is State.COMPLETED
    found = forecast(workspace, plan.config, plan.material)
    assert (found.basis, found.problems) == ("measured", ())
    (seen,) = known_speeds(workspace)
    assert set(seen.phases) == {"head", "upper"}
    assert seen.phases["upper"].step > seen.phases["head"].step > 0
    assert seen.extract is not None
    assert 0 < seen.extract < 1
    # The converted backbone is kept, and so is what was looked at, here all of the pictures.
    assert [step.name for step in found.steps] == ["start", "frozen", "fine_tune", "finish"]
    folder = RunFolder.find(workspace, job)
    assert not folder.model.exists()
    assert not folder.bundle.exists()
    assert not folder.report.exists()
    assert Registry(workspace).list("train") == ()


def test_a_finished_training_foretold_itself_and_is_remembered(finished_run: FinishedRun) -> None:
    events = read_events(RunFolder.find(finished_run.workspace, finished_run.run_id).events).events
    (told,) = [event for event in events if event["kind"] == "forecast"]
    assert [step["name"] for step in told["steps"]] == ["start", "convert", "features", "frozen", "finish"]
    assert told["basis"] == "estimated"
    assert any(one.under.size == 64 and "head" in one.phases for one in known_speeds(finished_run.workspace))


@pytest.mark.usefixtures("idle_queue")
def test_a_training_or_a_missing_download_forbids_measuring(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = prepared(workspace)
    assert why_not_now(workspace, plan.config) == ""
    monkeypatch.setenv("KERAS_HOME", str(workspace.root / "no-weights"))
    assert "downloaded" in why_not_now(workspace, preflight(workspace, plan.config.replace(backbone="resnet50")).config)
    submit(workspace, "train", plan.config.to_json(), "A training", plan.config.dataset)
    assert "at work" in why_not_now(workspace, plan.config)


@pytest.mark.usefixtures("idle_queue")
def test_a_training_ends_measurements_and_nothing_else(workspace: Workspace) -> None:
    plan = prepared(workspace)
    job = submit_calibration(workspace, plan.config)
    other = submit(workspace, "audit", {"dataset": plan.config.dataset}, "A check", plan.config.dataset)
    stop_calibrations(workspace)
    newest = latest_calibration(workspace, plan.config)
    assert newest is not None
    assert (newest.id, newest.state) == (job, State.STOPPED)
    assert Registry(workspace).get(other).state is State.QUEUED
    assert latest_calibration(workspace, plan.config.replace(seed=7)) is None
    assert submit_calibration(workspace, plan.config) != job


def test_what_a_training_would_be_refused_for_fails_here_too(workspace: Workspace) -> None:
    config = prepared(workspace).config
    job = submit_calibration(workspace, config.replace(dataset="my/nothing"))
    assert wait(workspace, job, timeout=60).state is State.FAILED
    assert "my/nothing" in str(read_error(workspace, job))
