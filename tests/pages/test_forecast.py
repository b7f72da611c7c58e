from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest

from pages.widgets.time_left import foretold_in_words, rest_in_words
from tests.pages.app_pages import open_page, text_of
from tlcore.backbones.checks import complete
from tlcore.config import RunConfig
from tlcore.data.dataset import DatasetInfo
from tlcore.jobs.calibrate import submit_calibration
from tlcore.jobs.service import submit
from tlcore.members import all_workspaces
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.training.speeds import PhaseSpeed, Speeds, circumstances, keep_speeds
from tlcore.workspace import MODE_VARIABLE, Workspace


def metrics(app: object) -> dict[str, str]:
    return {element.label: element.value for element in app.metric}  # type: ignore[attr-defined]


def test_the_page_tells_at_once_and_measures_by_itself(home: Workspace, pets: DatasetInfo) -> None:
    app = open_page("model", dataset=pets.id)
    told = metrics(app)
    assert told["Time"].startswith("about ")
    assert told["Download"] == "none"
    assert {"Memory", "Disk"} < set(told)
    (job,) = Registry(home).list("calibrate")
    assert (job.state, job.dataset) == (State.QUEUED, pets.id)
    app.run()
    assert len(Registry(home).list("calibrate")) == 1


def test_what_was_measured_is_told_as_such_and_not_measured_again(home: Workspace, pets: DatasetInfo) -> None:
    config = complete(RunConfig.build(dataset=pets.id))
    figures = dict.fromkeys(("start", "convert", "extract", "judge", "finish"), 1.0)
    phases = {"head": PhaseSpeed(first=1.0, step=0.1, epoch=0.1)}
    seen = datetime.now(UTC)
    keep_speeds(home, Speeds(under=circumstances(config, None), seen=seen, phases=phases, **figures))
    app = open_page("model", dataset=pets.id)
    (time,) = (element for element in app.metric if element.label == "Time")
    assert time.help == "Measured on this computer."
    assert Registry(home).list("calibrate") == ()
    assert "model-measure" not in {button.key for button in app.button}


def test_in_a_demo_nothing_is_measured_unasked(
    home: Workspace, pets: DatasetInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MODE_VARIABLE, "demo")
    app = open_page("model")
    (session,) = all_workspaces(Workspace.open())
    shutil.copytree(home.datasets, session.datasets, dirs_exist_ok=True)
    app.query_params["dataset"] = pets.id
    app.run()
    assert Registry(session).list("calibrate") == ()
    assert "estimate" in text_of(app)
    app.button(key="model-measure").click().run()
    assert len(Registry(session).list("calibrate")) == 1


def test_a_measurement_that_failed_is_told_and_not_begun_again(home: Workspace, pets: DatasetInfo) -> None:
    job = submit_calibration(home, complete(RunConfig.build(dataset=pets.id)))
    Registry(home).move(job, State.RUNNING, pid=1)
    Registry(home).move(job, State.FAILED, error="The disk is full.")
    app = open_page("model", dataset=pets.id)
    assert "The disk is full." in text_of(app)
    assert [one.id for one in Registry(home).list("calibrate")] == [job]


def test_too_little_memory_is_told_before(home: Workspace, pets: DatasetInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlcore.training.demand._WORKER", 1e15)
    text = text_of(open_page("model", dataset=pets.id))
    assert "of memory" in text
    assert "Close other programs" in text
    # What may not fit is not tried either, unless somebody asks for it.
    assert Registry(home).list("calibrate") == ()
    assert Registry(home).list("train") == ()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "nearly done"),
        (17.4, "17 s left"),
        (63, "1 min 5 s left"),
        (600, "10 min left"),
        (4000, "1 h 7 min left"),
    ],
)
def test_the_rest_in_words(seconds: float, text: str) -> None:
    assert text in rest_in_words(seconds)


@pytest.mark.parametrize(
    ("seconds", "measured", "text"),
    [
        (1234, False, "about 20 min"),
        (68, True, "about 1 min 10 s"),
        (0.2, False, "about 5 s"),
        (0.2, True, "about 1 s"),
        (17.6, True, "about 18 s"),
        (34, False, "about 30 s"),
        (100, False, "about 2 min"),
        (8000, False, "about 2 h"),
        (1234, True, "about 21 min"),
    ],
)
def test_a_forecast_is_no_finer_than_it_is_known(seconds: float, measured: bool, text: str) -> None:
    assert foretold_in_words(seconds, measured) == text


def test_a_long_measurement_is_not_begun_unasked(
    home: Workspace, pets: DatasetInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlcore.jobs.calibrate._UNASKED_SECONDS", 0.1)
    app = open_page("model", dataset=pets.id)
    assert Registry(home).list("calibrate") == ()
    assert not app.button(key="model-measure").disabled


def test_nothing_is_measured_while_anything_is_at_work(home: Workspace, pets: DatasetInfo) -> None:
    submit(home, "audit", {"dataset": pets.id}, "A check", pets.id)
    app = open_page("model", dataset=pets.id)
    assert Registry(home).list("calibrate") == ()
    assert app.button(key="model-measure").disabled
    assert "at work" in text_of(app)


def test_a_measurement_that_made_way_is_no_failure(home: Workspace, pets: DatasetInfo) -> None:
    job = submit_calibration(home, complete(RunConfig.build(dataset=pets.id)))
    Registry(home).move(job, State.RUNNING, pid=1)
    Registry(home).move(job, State.STOPPED, error="It was ended.")
    assert "failed" not in text_of(open_page("model", dataset=pets.id))
