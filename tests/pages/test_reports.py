from __future__ import annotations

from pathlib import Path

import pytest

from pages.widgets.reports import (
    backbone_name,
    duration_text,
    finished_runs,
    in_words,
    likely_in_words,
    ranked_test_pictures,
    read_report,
    short_name,
    unique_names,
)
from tests.pages.made_runs import add_run, add_test_pictures, made_report
from tlcore.config import Mode
from tlcore.errors import WorkspaceError
from tlcore.runs.folder import RunFolder
from tlcore.runs.states import State
from tlcore.workspace import Workspace


def test_the_figure_is_said_in_words_with_its_interval() -> None:
    score = made_report("r").test

    assert in_words(score) == "87 of 100 test pictures right"
    assert likely_in_words(score) == "between 79 and 92 in 100 are likely on new ones"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0.4 s"), (42.2, "42 s"), (59.7, "1 min"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (7200, "2 h")],
)
def test_durations_are_said_as_people_say_them(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_only_runs_with_a_readable_report_are_finished(workspace: Workspace) -> None:
    add_run(workspace, "good")
    add_run(workspace, "failed", state=State.FAILED, with_report=False)
    add_run(workspace, "damaged", minute=5)
    RunFolder(workspace.runs / "damaged").report.write_text('{"run_id": "damaged"}', encoding="utf-8")

    assert [run.record.id for run in finished_runs(workspace)] == ["good"]
    with pytest.raises(WorkspaceError, match="missing or damaged"):
        read_report(RunFolder(workspace.runs / "damaged").report)
    with pytest.raises(WorkspaceError):
        read_report(Path("nowhere/report.json"))


def test_wrong_answers_come_first_and_the_surest_of_them_on_top(workspace: Workspace) -> None:
    add_run(workspace, "r")
    add_test_pictures(workspace, "r", ["a", "b", "c", "d"], [0, 1, 0, 1])

    pictures = ranked_test_pictures(RunFolder(workspace.runs / "r"))

    assert [picture.key for picture in pictures] == ["b", "d", "c", "a"]
    assert [picture.right for picture in pictures] == [False, False, True, True]


def test_a_run_without_test_pictures_says_so(workspace: Workspace) -> None:
    add_run(workspace, "r")

    with pytest.raises(WorkspaceError, match="test pictures"):
        ranked_test_pictures(RunFolder(workspace.runs / "r"))


def test_names_are_those_people_know() -> None:
    assert short_name(made_report("r", mode=Mode.FINE_TUNE)) == "EfficientNet-Lite0, fine-tuned"
    assert backbone_name("gone-net") == "gone-net"


def test_runs_that_are_alike_are_called_by_what_tells_them_apart(workspace: Workspace) -> None:
    add_run(workspace, "a", seed=1)
    add_run(workspace, "b", seed=2, minute=1)
    add_run(workspace, "c", seed=2, minute=2)

    names = unique_names(finished_runs(workspace))

    assert names == [
        "EfficientNet-Lite0, frozen, seed 2, 12:02:00",
        "EfficientNet-Lite0, frozen, seed 2, 12:01:00",
        "EfficientNet-Lite0, frozen, seed 1",
    ]
