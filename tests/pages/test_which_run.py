"""Which run a page shows: the one that was asked for, also where another one is called the same."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

from pages.widgets.run_titles import run_titles
from tests.pages.app_pages import open_page
from tests.pages.made_runs import add_run
from tlcore.runs.record import JobRecord
from tlcore.runs.states import State
from tlcore.workspace import Workspace


def shown(app: AppTest) -> str:
    found = app.query_params["run"]
    return found if isinstance(found, str) else found[0]


def record(run_id: str, title: str, second: int) -> JobRecord:
    when = datetime(2026, 3, 1, 12, 5, second, tzinfo=UTC)
    return JobRecord(run_id, "train", title, "my/pets", State.COMPLETED, when, owner="tester", queued=when)


@pytest.mark.parametrize("asked", ["r1", "r2"])
def test_a_run_that_is_called_as_another_one_stays_in_view(home: Workspace, asked: str) -> None:
    for run in ("r1", "r2"):
        add_run(home, run, state=State.RUNNING, with_report=False)

    app = open_page("train", run=asked).run()  # the browser sends the field's text back, as it does each second

    assert shown(app) == asked
    assert app.selectbox(key="train-run").value == asked


def test_stop_acts_on_the_run_that_is_shown(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for run in ("r1", "r2", "r3"):
        add_run(home, run, state=State.RUNNING, with_report=False)
    stopped: list[str] = []
    monkeypatch.setattr("tlcore.jobs.service.request_stop", lambda _, run: stopped.append(run))

    app = open_page("train", run="r2").run()
    app.button(key="train-stop-r2").click().run()

    assert stopped == ["r2"]
    assert shown(app) == "r2"


def test_a_run_that_comes_meanwhile_under_the_same_name_takes_nothing_over(home: Workspace) -> None:
    add_run(home, "r1", state=State.STOPPED, with_report=False)
    add_run(home, "r2", state=State.RUNNING, with_report=False)
    app = open_page("train", run="r2").run()
    add_run(home, "r3", state=State.QUEUED, with_report=False)  # in another tab

    assert shown(app.run()) == "r2"
    assert shown(app.run()) == "r2"


@pytest.mark.parametrize(("page", "key"), [("results", "results-run"), ("train", "train-run")])
@pytest.mark.parametrize(("asked", "other"), [("r1", "r2"), ("r2", "r1")])
def test_a_finished_run_stays_until_another_is_picked(
    home: Workspace, page: str, key: str, asked: str, other: str
) -> None:
    for run in ("r1", "r2"):
        add_run(home, run)

    app = open_page(page, run=asked).run()
    before = shown(app)
    picked = app.selectbox(key=key).select(other).run()

    assert before == asked
    assert shown(picked) == other


def test_titles_grow_only_as_far_as_they_have_to() -> None:
    pets = [record("a", "Pets", 1), record("b", "Pets", 2), record("c", "Pets", 2)]

    titles = run_titles([*pets, record("d", "Cats", 2)])

    assert titles == {
        "a": "Pets (01 Mar 12:05:01 UTC)",
        "b": "Pets (01 Mar 12:05:02 UTC), b",
        "c": "Pets (01 Mar 12:05:02 UTC), c",
        "d": "Cats (01 Mar 12:05 UTC)",
    }
