"""Ghosts: folders of a demo's workspaces that were removed while a process still looked at them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tlcore.config import RunConfig
from tlcore.diagnostics import diagnostics
from tlcore.errors import WorkspaceError
from tlcore.jobs import throwaway
from tlcore.jobs.allowed import check_allowed
from tlcore.jobs.service import keep_moving
from tlcore.jobs.throwaway import GONE, remove_now, sweep
from tlcore.members import SEEN, new_session_key
from tlcore.modes import MODE_VARIABLE
from tlcore.overview import queue_of_all
from tlcore.workspace import Workspace


def aged(path: Path, seconds: float) -> Path:
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


def folders(demo: Workspace) -> list[str]:
    return sorted(path.name for path in (demo.root / "demo").iterdir())


def test_a_watchdog_that_is_late_brings_no_workspace_back(demo: Workspace, session: Workspace) -> None:
    aged(session.root / SEEN, 3700)
    assert sweep(demo, 60) == 1
    remove_now(session)  # what was wished for is so
    train = RunConfig.build(dataset="sample/digits").to_json()
    for look in (keep_moving, lambda place: check_allowed(place, "train", train)):
        with pytest.raises(WorkspaceError, match=r"not there any more.*load the page again"):
            look(session)
    assert folders(demo) == []


def test_a_folder_that_came_back_empty_goes_and_a_young_one_stays(demo: Workspace, session: Workspace) -> None:
    ghost, making = (demo.root / "demo" / new_session_key() for _ in range(2))
    others = demo.root / "demo" / "notes"
    for folder in (ghost, making, others):
        folder.mkdir()
    (ghost / "registry.lock").touch()
    aged(ghost, 70)
    aged(others, 70)
    aged(session.root, 70)
    sweep(demo, 60)
    assert folders(demo) == sorted([session.root.name, making.name, "notes"])
    assert not list((demo.root / "demo").glob(f"{GONE}*"))
    with pytest.raises(WorkspaceError):
        keep_moving(Workspace(making, mode="demo", host=demo.root))
    assert list(making.iterdir()) == []


def test_a_workspace_that_came_back_whole_goes_too(demo: Workspace) -> None:
    """A supervisor that was on its way makes all folders, but only a visitor is seen."""
    ghost = Workspace.open(demo.root / "demo" / new_session_key(), {MODE_VARIABLE: "demo"})
    assert sweep(demo, 60) == 0
    aged(ghost.root, 3700)
    assert sweep(demo, 60) == 1
    assert folders(demo) == []


def test_whoever_looks_at_all_workspaces_bears_one_that_goes(
    demo: Workspace, session: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Workspace(demo.root / "demo" / new_session_key(), session.limits, "demo", host=demo.root)

    def listed_too_early(_: Workspace) -> list[Workspace]:
        return [gone, session]

    for place in ("tlcore.overview", "tlcore.diagnostics", "tlcore.jobs.allowed", "tlcore.jobs.throwaway"):
        monkeypatch.setattr(f"{place}.all_workspaces", listed_too_early)
    assert list(queue_of_all(demo)) == []
    assert diagnostics(demo)
    check_allowed(session, "predict", {})
    assert throwaway.sweep(demo, 60) == 0
    assert folders(demo) == [session.root.name]
