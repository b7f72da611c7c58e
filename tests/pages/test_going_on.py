"""The buttons that let a training that has ended go on."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from pages.widgets import going_on
from tests.pages.app_pages import open_page
from tests.pages.made_runs import add_run
from tests.training.standings import keep, stood
from tlcore.caches.budget import clear
from tlcore.config import PhaseName
from tlcore.errors import InputError
from tlcore.runs.events import EventWriter
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace


def folder(workspace: Workspace) -> RunFolder:
    return RunFolder.find(workspace, "r1")


def add_kept_run(workspace: Workspace, state: State, epochs: int = 3) -> None:
    add_run(workspace, "r1", state=state, with_report=state in (State.STOPPED, State.COMPLETED))
    keep(folder(workspace).checkpoints, stood((PhaseName.FROZEN, epochs)))


def state_of(workspace: Workspace) -> State:
    return Registry(workspace).get("r1").state


def keys(app: AppTest) -> set[str]:
    return {str(button.key) for button in app.button}


@pytest.mark.parametrize("state", [State.INTERRUPTED, State.STOPPED, State.FAILED])
def test_it_tells_from_which_round_it_goes_on_and_does(home: Workspace, state: State) -> None:
    add_kept_run(home, state)
    app = open_page("train", run="r1")
    button = app.button(key="train-resume-r1")
    assert button.label == ("Go on as planned" if state is State.STOPPED else "Go on")
    assert "goes on after round (epoch) 3" in button.help
    button.click().run()
    assert state_of(home) is State.QUEUED


def test_what_kept_nothing_begins_with_the_first_round(home: Workspace) -> None:
    add_run(home, "r1", state=State.INTERRUPTED, with_report=False)
    app = open_page("train", run="r1")
    assert "begins with the first round" in app.button(key="train-resume-r1").help
    assert "more-r1" not in keys(app)


@pytest.mark.parametrize("page", ["train", "results"])
@pytest.mark.parametrize("state", [State.STOPPED, State.COMPLETED])
def test_a_finished_run_learns_for_as_many_rounds_more_as_is_said(home: Workspace, page: str, state: State) -> None:
    add_kept_run(home, state, epochs=3)
    app = open_page(page, run="r1")
    app = app.number_input(key="more-rounds-r1").set_value(4).run()
    button = app.button(key="more-r1")
    assert button.label == "Train 4 more rounds"
    app = button.click().run()
    assert state_of(home) is State.QUEUED
    assert [title.value for title in app.title] == ["Train"]  # where it can be watched
    assert folder(home).read_config()["epochs"] == 7
    assert folder(home).report.exists()


def test_a_second_click_on_its_way_adds_nothing_and_complains_of_nothing(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_kept_run(home, State.COMPLETED)
    monkeypatch.setattr(going_on, "workspace", lambda: home)
    done: list[int] = []

    def queue() -> None:
        Registry(home).move("r1", State.QUEUED)
        done.append(1)

    for _ in range(2):
        going_on._once("r1", queue)
    assert done == [1]


def test_a_refusal_is_told(home: Workspace) -> None:
    add_kept_run(home, State.COMPLETED)
    app = open_page("results", run="r1")
    for path in folder(home).checkpoints.iterdir():
        path.unlink()
    app = app.button(key="more-r1").click().run()
    assert "not kept any more" in " ".join(error.value for error in app.error)
    assert state_of(home) is State.COMPLETED


@pytest.mark.parametrize("page", ["results", "train"])
def test_a_refusal_is_told_where_the_button_stays(home: Workspace, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    def refuse(*_: object) -> None:
        raise InputError("Too many trainings are waiting")

    add_kept_run(home, State.COMPLETED)
    app = open_page(page, run="r1")
    monkeypatch.setattr(going_on, "extend", refuse)
    app = app.button(key="more-r1").click().run()
    assert "Too many trainings are waiting" in " ".join(error.value for error in app.error)


def test_a_run_at_work_has_no_such_buttons(home: Workspace) -> None:
    add_kept_run(home, State.QUEUED)
    assert not keys(open_page("train", run="r1")) & {"train-resume-r1", "more-r1"}


@pytest.mark.parametrize("page", ["train", "results"])
@pytest.mark.parametrize("state", [State.STOPPED, State.COMPLETED])
def test_what_has_lost_its_rounds_says_so_and_has_no_buttons(home: Workspace, page: str, state: State) -> None:
    add_kept_run(home, state)
    with EventWriter(folder(home).events) as events:
        events.write("epoch", phase="frozen", epoch=1, epochs=3, loss=1.0, accuracy=0.5, val_loss=1.0, val_accuracy=0.5)
        events.write("ended", state=state.value, error=None)
    assert clear(home, ["checkpoints"]).items == 1
    app = open_page(page, run="r1")
    assert not keys(app) & {"train-resume-r1", "more-r1"}
    assert sum("is not kept any more" in caption.value for caption in app.caption) == 1


def test_results_lead_to_a_run_that_learns_for_longer(home: Workspace) -> None:
    add_kept_run(home, State.COMPLETED)
    Registry(home).move("r1", State.QUEUED)
    app = open_page("results", run="r1")
    assert any("goes on at the moment" in caption.value for caption in app.caption)
    assert "Watch it" in [link.proto.label.strip("*") for link in app.get("page_link")]
