"""The run that the operator of a demo brings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import FinishedRun
from tlcore.errors import ImportRefused
from tlcore.jobs.ready import bring_ready_run
from tlcore.members import new_session_key, session_workspace
from tlcore.modes import MODE_VARIABLE, READY_VARIABLE
from tlcore.runs.registry import Registry
from tlcore.runs.run_parcel import pack_run, unpack_run
from tlcore.runs.states import State
from tlcore.workspace import Workspace


def test_each_new_session_has_it_and_visitors_bring_none(tmp_path: Path, finished_run: FinishedRun) -> None:
    packed = tmp_path / "ready" / "run.zip"
    packed.parent.mkdir()
    pack_run(finished_run.workspace, finished_run.run_id, packed)
    demo = Workspace.open(tmp_path / "app", {MODE_VARIABLE: "demo"})
    for place in (packed, packed.parent):
        session = session_workspace(demo, new_session_key(), {})
        run_id = bring_ready_run(session, {READY_VARIABLE: str(place)})
        assert run_id is not None
        (record,) = Registry(session).list("train")
        assert (record.id, record.state) == (run_id, State.COMPLETED)
        with pytest.raises(ImportRefused):
            unpack_run(session, packed)


def test_what_can_not_be_brought_leaves_the_demo_empty(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    session = session_workspace(Workspace.open(tmp_path, {MODE_VARIABLE: "demo"}), new_session_key(), {})
    assert bring_ready_run(session, {}) is None
    (tmp_path / "bad.zip").write_bytes(b"not a zip")
    for place in (tmp_path / "bad.zip", tmp_path / "nothing.zip"):
        assert bring_ready_run(session, {READY_VARIABLE: str(place)}) is None
        assert place.name in caplog.text
    assert Registry(session).list() == ()
