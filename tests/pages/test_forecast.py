from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pages.widgets.time_left import left_text
from tests.pages.app_pages import open_page, text_of
from tlcore.backbones.checks import complete
from tlcore.config import RunConfig
from tlcore.data.dataset import DatasetInfo
from tlcore.jobs.calibrate import submit_calibration
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


def test_what_was_measured_is_told_without_an_about(home: Workspace, pets: DatasetInfo) -> None:
    config = complete(RunConfig.build(dataset=pets.id))
    figures = dict.fromkeys(("start", "convert", "extract", "judge", "finish"), 1.0)
    phases = {"head": PhaseSpeed(first=1.0, step=0.1, epoch=0.1)}
    seen = datetime.now(UTC)
    keep_speeds(home, Speeds(under=circumstances(config, None), seen=seen, phases=phases, **figures))
    app = open_page("model", dataset=pets.id)
    assert not metrics(app)["Time"].startswith("about")
    assert Registry(home).list("calibrate") == ()
    assert "model-measure" not in {button.key for button in app.button}


def test_in_a_demo_nothing_is_measured_unasked(
    home: Workspace, pets: DatasetInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MODE_VARIABLE, "demo")
    app = open_page("model", dataset=pets.id)
    assert Registry(home).list("calibrate") == ()
    assert "estimate" in text_of(app)
    app.button(key="model-measure").click().run()
    assert len(Registry(home).list("calibrate")) == 1


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
    assert Registry(home).list("train") == ()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "Nearly done."),
        (17.4, "17 s left"),
        (63, "1 min 5 s left"),
        (600, "10 min left"),
        (4000, "1 h 6 min left"),
    ],
)
def test_the_rest_in_words(seconds: float, text: str) -> None:
    assert text in left_text(seconds)
