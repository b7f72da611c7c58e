"""What the Train page says of a run at work."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from tests.pages.app_pages import open_page, text_of
from tests.pages.made_runs import add_run
from tlcore.caches.filling import WAITING
from tlcore.runs.events import EventWriter
from tlcore.runs.folder import RunFolder
from tlcore.runs.states import State
from tlcore.workspace import Workspace


def doing(home: Workspace, *events: tuple[str, dict[str, Any]]) -> str:
    """The words over the bar of a run that told `events`, and the rest of the page."""
    add_run(home, "r1", state=State.RUNNING, with_report=False)
    with EventWriter(RunFolder(home.runs / "r1").events) as writer:
        for kind, values in events:
            writer.write(kind, **values)
    app = open_page("train", run="r1")
    return "\n".join([*(bar.proto.text for bar in app.main if bar.type == "progress"), text_of(app)])


def test_waiting_for_another_training_is_told(home: Workspace) -> None:
    assert WAITING in doing(home, ("task", {"task": WAITING}))


def test_the_most_memory_is_told_and_none_where_it_is_unknown(home: Workspace) -> None:
    events = [("memory", {"anonymous": size, "available": 10**9}) for size in (612_000_000, 500_000_000)]

    assert "612 MB of memory" in doing(home, *events)


def test_a_second_attempt_says_why(home: Workspace) -> None:
    text = doing(home, ("retry", {"attempt": 2, "phase": None, "batch_size": 16, "why": "It ran out of memory."}))

    assert "It ran out of memory." in text
    assert "MB of memory" not in text


STEPS = [{"name": name, "seconds": seconds} for name, seconds in (("start", 5.0), ("features", 0.5), ("frozen", 900.0))]


def test_page_and_sidebar_tell_one_figure_that_of_the_whole_run(home: Workspace) -> None:
    add_run(home, "r1", state=State.RUNNING, with_report=False)
    now = datetime.now(UTC)  # a second between two pictures, on a slow machine, would be the pace of a million
    with EventWriter(RunFolder(home.runs / "r1").events, clock=lambda: now) as writer:
        writer.write("forecast", steps=STEPS)
        for done in (0, 1):
            writer.write("progress", task="Looking at the pictures", done=done, total=10**6)
    app = open_page("train", run="r1")
    beside = [bar.proto.text for bar in app.sidebar if bar.type == "progress"]
    over = [bar.proto.text for bar in app.main if bar.type == "progress"]
    assert any("about 15 min left in all" in text for text in beside)
    assert "About 15 min left in all." in text_of(app)
    assert not any("left" in text for text in over)
    assert "step" not in "".join(over)


def test_without_a_forecast_the_rest_of_the_part_at_hand_is_told(home: Workspace) -> None:
    add_run(home, "r1", state=State.RUNNING, with_report=False)
    with EventWriter(RunFolder(home.runs / "r1").events) as writer:
        for done in (0, 1):
            writer.write("progress", task="Looking at the pictures", done=done, total=10**6)
            time.sleep(0.01)
    assert "left for this part" in text_of(open_page("train", run="r1"))


def test_the_progress_makes_room_before_the_result_is_drawn(home: Workspace) -> None:
    """Elements that have gone stay until others take their places: the result's is found some time after the badge."""
    add_run(home, "r1")
    drawn = [getattr(element, "type", "") for element in open_page("train", run="r1").main]
    assert "empty" in drawn
    assert drawn.index("empty") < drawn.index("success")
