"""A run in the bin waits there: it does not go on, and goes for good only when the bin is emptied."""

from __future__ import annotations

import pytest

from tests.pages.made_runs import add_run
from tlcore.errors import RunError
from tlcore.jobs import resuming
from tlcore.jobs.again import extend, resume
from tlcore.jobs.removal import empty_bin
from tlcore.jobs.resuming import any_waits
from tlcore.runs.folder import RunFolder
from tlcore.runs.labels import archive, restore
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace


@pytest.mark.usefixtures("idle_queue")
def test_a_run_in_the_bin_does_not_go_on(workspace: Workspace) -> None:
    add_run(workspace, "r1", state=State.INTERRUPTED, with_report=False)
    archive(workspace, "r1")
    for start in (lambda: resume(workspace, "r1"), lambda: extend(workspace, "r1", 5)):
        with pytest.raises(RunError, match="lies in the bin"):
            start()
    assert Registry(workspace).get("r1").state is State.INTERRUPTED
    restore(workspace, "r1")
    assert resume(workspace, "r1").state is State.QUEUED


def test_what_was_to_go_on_by_itself_stays_in_the_bin(workspace: Workspace) -> None:
    add_run(workspace, "r1", state=State.INTERRUPTED, with_report=False)
    (RunFolder.find(workspace, "r1").path / resuming._FLAG).touch()
    assert any_waits(workspace)
    archive(workspace, "r1")
    assert not any_waits(workspace)


def test_emptying_the_bin_leaves_the_rest(workspace: Workspace) -> None:
    for name in ("r1", "r2"):
        add_run(workspace, name)
    archive(workspace, "r1")
    assert empty_bin(workspace) == ["r1"]
    assert empty_bin(workspace) == []
    assert [path.name for path in workspace.runs.iterdir()] == ["r2"]
