"""What the Train page says of a run that does not respond, and of one that was interrupted and goes on by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from filelock import BaseFileLock

from tests.pages.app_pages import open_page, text_of
from tests.pages.made_runs import add_run
from tlcore.jobs.resuming import GOES_ON, decide, waits_to_go_on
from tlcore.locks import take_lock
from tlcore.runs.events import EventWriter
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace


@pytest.fixture
def silent(home: Workspace) -> Iterator[BaseFileLock]:
    """A run whose worker, this test, holds its lock and has told nothing for an hour."""
    add_run(home, "r1", state=State.RUNNING, with_report=False)
    folder = RunFolder(home.runs / "r1")
    lock = take_lock(folder.lock)
    assert lock is not None
    folder.heartbeat.write_text("-3600 1.0")
    with EventWriter(folder.events) as events:
        events.write("forecast", steps=[{"name": "frozen", "seconds": 900.0}])
        events.write("progress", task="Looking at the pictures", done=1, total=10)
    yield lock
    lock.release()


def test_silence_is_told_and_nothing_is_ended_by_itself(home: Workspace, silent: BaseFileLock) -> None:
    app = open_page("train", run="r1")
    assert "Not responding: it has told nothing for" in text_of(app)
    assert "End it" in [button.label for button in app.main.button]
    assert "left in all" not in text_of(app)
    assert any("not responding for" in bar.proto.text for bar in app.sidebar if bar.type == "progress")
    assert silent.is_locked
    assert not RunFolder(home.runs / "r1").stop_flag.exists()


def test_silence_is_told_on_the_first_page_too(home: Workspace, silent: BaseFileLock) -> None:
    assert "not responding for" in text_of(open_page("home"))
    silent.release()
    assert "not responding" not in text_of(open_page("home"))


def test_a_process_that_is_not_found_is_told_where_the_button_is(home: Workspace, silent: BaseFileLock) -> None:
    app = open_page("train", run="r1")
    next(button for button in app.main.button if button.label == "End it").click()
    assert "not found on this computer" in text_of(app.run())
    assert Registry(home).get("r1").state is State.RUNNING


def test_one_that_responds_has_no_such_button(home: Workspace, silent: BaseFileLock) -> None:
    silent.release()
    app = open_page("train", run="r1")
    assert "Not responding" not in text_of(app)
    assert "End it" not in [button.label for button in app.main.button]


def test_what_goes_on_by_itself_can_be_told_not_to(home: Workspace) -> None:
    add_run(home, "r1", state=State.INTERRUPTED, with_report=False)
    folder = RunFolder(home.runs / "r1")
    with EventWriter(folder.events) as events:
        events.write("started", pid=1)
    assert decide(home, "train", folder) == GOES_ON
    app = open_page("train", run="r1")
    next(button for button in app.main.button if button.label == "Don't go on").click().run()
    assert not waits_to_go_on(folder)
    assert "Don't go on" not in [button.label for button in open_page("train", run="r1").main.button]
    assert Registry(home).get("r1").state is State.INTERRUPTED


def test_results_say_how_a_run_without_one_stands(home: Workspace) -> None:
    add_run(home, "r1", state=State.INTERRUPTED, error="The computer was shut down.", with_report=False)
    add_run(home, "r2", state=State.RUNNING, with_report=False)
    told = text_of(open_page("results", run="r1"))
    assert "The computer was shut down. On the Train page it can go on." in told
    told = text_of(open_page("results", run="r2"))
    assert "is training; its result comes when it is done" in told
    assert "running" not in told
