"""What killed jobs left among the things that people share."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tlcore.files import write_json
from tlcore.jobs.share_leftovers import SHARE, sweep_shared
from tlcore.jobs.start_up import put_right
from tlcore.members import Person, person_workspace
from tlcore.modes import MODE_VARIABLE
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.repairs import read_repairs
from tlcore.runs.states import State
from tlcore.workspace import Workspace

LONG_AGO = 10_000.0


@pytest.fixture
def people(tmp_path: Path) -> tuple[Workspace, Workspace]:
    team = Workspace.open(tmp_path / "app", {MODE_VARIABLE: "team"})
    ann, ben = (person_workspace(team, Person("https://a", name, name), {}) for name in ("Ann", "Ben"))
    return ann, ben


def half(workspace: Workspace, name: str, seconds: float) -> Path:
    """A folder that a job began to fill, and wrote to so many seconds ago."""
    folder = workspace.host / "shared" / name
    folder.mkdir(parents=True)
    (folder / ".parcel.zip.tmp").write_bytes(b"half")
    for path in (folder / ".parcel.zip.tmp", folder):
        os.utime(path, (time.time() - seconds,) * 2)
    return folder


def sharing(workspace: Workspace, state: State) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    Registry(workspace).add(JobRecord("20260101-000000-aaaa", "share", "x", "", state, now, owner="", queued=now))


def test_what_killed_jobs_left_goes_and_is_told_once(people: tuple[Workspace, Workspace]) -> None:
    ann, ben = people
    left = [half(ann, "0" * 32, LONG_AGO), half(ann, "1" * 32, -LONG_AGO), half(ann, ".gone-2-3", 0)]
    shared = half(ann, "4" * 32, LONG_AGO)
    write_json(shared / SHARE, {})
    sharing(ben, State.INTERRUPTED)
    put_right(ann)
    assert not any(path.exists() for path in left)
    assert shared.exists()
    assert [repair.text[:9] for repair in read_repairs(ann)] == ["3 things "]
    put_right(ben)
    assert "half shared" not in "".join(repair.text for repair in read_repairs(ben))


def test_what_somebody_packs_now_stays(people: tuple[Workspace, Workspace]) -> None:
    ann, ben = people
    assert sweep_shared(ann) == 0  # nobody ever shared anything
    new = half(ann, "0" * 32, 5)
    assert sweep_shared(ann) == 0
    slept = half(ann, "1" * 32, LONG_AGO)
    sharing(ben, State.RUNNING)
    assert sweep_shared(ann) == 0
    assert new.exists()
    assert slept.exists()


def test_where_a_list_can_not_be_read_it_is_left_for_later(people: tuple[Workspace, Workspace]) -> None:
    ann, ben = people
    old = half(ann, "0" * 32, LONG_AGO)
    ben.registry.unlink(missing_ok=True)
    ben.registry.mkdir()
    assert sweep_shared(ann) == 0
    assert old.exists()
