"""Measuring the computer: a real worker, a real sample, and the forecast that comes of it."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from tests.conftest import FinishedRun
from tlcore.config import RunConfig
from tlcore.data.catalog import ensure_dataset
from tlcore.devices import describe_host
from tlcore.jobs import calibrate
from tlcore.jobs.calibrate import latest_calibration, may_begin_unasked, other_work, submit_calibration, why_not_now
from tlcore.jobs.preflight import Plan, preflight
from tlcore.jobs.service import read_error, request_stop, submit, wait
from tlcore.runs.events import read_events
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.training.calibration import observe
from tlcore.training.demand import Problem
from tlcore.training.forecast import forecast
from tlcore.training.speeds import known_speeds
from tlcore.workspace import Workspace


@pytest.fixture
def usual_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forecasts are made for a computer of usual speed with much free memory, whatever else is at work on this one."""
    monkeypatch.setattr("tlcore.training.pace.matrix_speed", lambda: 80_000.0)
    for module in ("tlcore.training.forecast", "tlcore.jobs.calibrate"):
        monkeypatch.setattr(f"{module}.available_bytes", lambda: 64 << 30)


def prepared(workspace: Workspace, **options: object) -> Plan:
    ensure_dataset(workspace, "sample/textures")
    return preflight(workspace, RunConfig.build(dataset="sample/textures", **({"image_size": 64} | options)))


@pytest.mark.usefixtures("usual_computer")
def test_a_measurement_makes_a_forecast_of_an_estimate_and_leaves_no_model(workspace: Workspace) -> None:
    plan = prepared(workspace, mode="finetune", epochs=30)
    assert plan.material is not None
    assert forecast(workspace, plan.config, plan.material).basis == "estimated"
    job = submit_calibration(workspace, plan.config)
    assert submit_calibration(workspace, plan.config) == job
    assert wait(workspace, job, timeout=400).state is State.COMPLETED
    found = forecast(workspace, plan.config, plan.material)
    assert (found.basis, found.problems) == ("measured", ())
    (seen,) = known_speeds(workspace)
    assert set(seen.phases) == {"head", "upper"}
    folder = RunFolder.find(workspace, job)
    # Which of them takes longer is the computer's affair: each is what the worker told of its own phase.
    told = observe(read_events(folder.events).events, 1.0).phases
    assert seen.phases["head"].step == told["frozen"].step > 0
    assert seen.phases["upper"].step == told["fine_tune"].step > 0
    assert seen.extract is not None
    assert 0 < seen.extract < 1
    # The converted backbone is kept, and so is what was looked at, here all of the pictures.
    assert [step.name for step in found.steps] == ["start", "frozen", "fine_tune", "finish"]
    assert not folder.model.exists()
    assert not folder.bundle.exists()
    assert not folder.report.exists()
    assert Registry(workspace).list("train") == ()


def test_a_finished_training_foretold_itself_and_is_remembered(finished_run: FinishedRun) -> None:
    events = read_events(RunFolder.find(finished_run.workspace, finished_run.run_id).events).events
    (told,) = [event for event in events if event["kind"] == "forecast"]
    assert [step["name"] for step in told["steps"]] == ["start", "convert", "features", "frozen", "finish"]
    assert [step["epochs"] for step in told["steps"]] == [0, 0, 0, 5, 0]
    assert told["basis"] == "estimated"
    assert any(one.under.size == 64 and "head" in one.phases for one in known_speeds(finished_run.workspace))


@pytest.mark.usefixtures("idle_queue")
def test_other_work_or_a_missing_download_forbids_measuring(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = prepared(workspace)
    assert why_not_now(workspace, plan.config) == ""
    monkeypatch.setenv("KERAS_HOME", str(workspace.root / "no-weights"))
    assert "downloaded" in why_not_now(workspace, preflight(workspace, plan.config.replace(backbone="resnet50")).config)
    submit(workspace, "audit", {"dataset": plan.config.dataset}, "A check", plan.config.dataset)
    assert "at work" in why_not_now(workspace, plan.config)


@pytest.mark.usefixtures("idle_queue")
def test_the_newest_measurement_is_that_of_the_same_training(workspace: Workspace) -> None:
    plan = prepared(workspace)
    job = submit_calibration(workspace, plan.config)
    newest = latest_calibration(workspace, plan.config)
    assert newest is not None
    assert newest.id == job
    assert latest_calibration(workspace, plan.config.replace(seed=7)) is None
    request_stop(workspace, job)
    assert submit_calibration(workspace, plan.config) != job


@pytest.mark.usefixtures("usual_computer")
def test_only_what_is_short_and_fits_is_measured_unasked(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = prepared(workspace)
    assert plan.material is not None
    expected = forecast(workspace, plan.config, plan.material)
    assert may_begin_unasked(workspace, plan.config, plan.material, expected)
    problem = Problem("Too little.", "Less.")
    assert not may_begin_unasked(workspace, plan.config, plan.material, replace(expected, problems=(problem,)))
    slow = plan.config.replace(backbone="resnet152", image_size=1024)
    assert not may_begin_unasked(workspace, slow, plan.material, expected)
    monkeypatch.setattr(calibrate, "available_bytes", lambda: expected.memory_bytes + 10**6)
    assert not may_begin_unasked(workspace, plan.config, plan.material, expected)


@pytest.mark.skipif(not hasattr(os, "getloadavg"), reason="the system tells no load")
def test_a_high_load_means_other_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (0.1, 90.0, 90.0))
    assert not other_work()
    monkeypatch.setattr(os, "getloadavg", lambda: (describe_host().cores * 0.6, 0.0, 0.0))
    assert other_work()


def test_what_a_training_would_be_refused_for_fails_here_too(workspace: Workspace) -> None:
    config = prepared(workspace).config
    job = submit_calibration(workspace, config.replace(dataset="my/nothing"))
    assert wait(workspace, job, timeout=120).state is State.FAILED
    assert "my/nothing" in str(read_error(workspace, job))
