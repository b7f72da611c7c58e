from __future__ import annotations

from collections.abc import Callable

import pytest

from pages.widgets import watchdog
from tlcore.errors import WorkspaceError
from tlcore.runs.repairs import read_repairs
from tlcore.workspace import Workspace


class Enough(BaseException):
    """Ends the thread's loop, which nothing else does."""


def looks(count: int) -> Callable[[float], None]:
    """A sleep after which somebody looks, so many times."""
    left = [count]

    def sleep(seconds: float) -> None:
        assert seconds == watchdog.EVERY_SECONDS
        left[0] -= 1
        if not left[0]:
            raise Enough

    return sleep


def test_it_looks_on_whatever_happens_and_tells_each_error_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers: list[Exception | None] = [WorkspaceError("locked"), WorkspaceError("locked"), KeyError("bug"), None]
    looked: list[Workspace] = []

    def keep_moving(place: Workspace) -> None:
        if place != workspace:
            return  # an app that another test has opened is looked after until the process ends
        looked.append(place)
        answer = answers[len(looked) - 1]
        if answer is not None:
            raise answer

    monkeypatch.setattr(watchdog, "keep_moving", keep_moving)
    with pytest.raises(Enough):
        watchdog.keep_watch(workspace, looks(4))
    assert looked == [workspace] * 4
    assert [record.levelname for record in caplog.records if "looked after" in record.message] == ["WARNING", "ERROR"]


def test_what_an_earlier_app_left_is_put_right_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[Workspace] = []
    monkeypatch.setattr(watchdog, "keep_moving", lambda place: moved.append(place) if place == workspace else None)
    rest = workspace.runs / ".deleted-a1-0000"
    rest.mkdir()
    with pytest.raises(Enough):
        watchdog.keep_watch(workspace, looks(2))
    assert not rest.exists()
    assert len(read_repairs(workspace)) == 1
    assert moved == [workspace, workspace]


def test_everybodys_queue_is_looked_after_but_nothing_is_made_anew(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Workspace(workspace.root, mode="team")
    moved: list[str] = []
    monkeypatch.setattr(
        watchdog, "keep_moving", lambda place: moved.append(place.root.name) if place.host == workspace.root else None
    )
    people = [workspace.root / "users" / (letter * 24) for letter in "ab"]
    for place in people:
        Workspace.open(place)
    gone = workspace.root / "users" / ("c" * 24)
    gone.mkdir()
    with pytest.raises(Enough):
        watchdog.keep_watch(app, looks(1))
    assert sorted(moved) == [place.name for place in people]
    assert list(gone.iterdir()) == []


def test_the_real_thread_serves_a_queue_that_nobody_looks_at(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tlcore.jobs import service

    started: list[Workspace] = []
    monkeypatch.setattr(service, "ensure_supervisor", lambda _: None)
    service.submit(workspace, "prepare", {"dataset": "sample/digits"}, "Waits")
    monkeypatch.setattr(service, "ensure_supervisor", started.append)
    with pytest.raises(Enough):
        watchdog.keep_watch(workspace, looks(1))
    assert started == [workspace]
