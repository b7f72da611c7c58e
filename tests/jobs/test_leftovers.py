"""Killed jobs: the next one finds and removes what they left."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fake_kaggle import FakeKaggle, serving_kaggle
from tlcore.data.catalog import find_dataset, list_datasets
from tlcore.data.edits import create_dataset
from tlcore.errors import ImportRefused
from tlcore.jobs import again, service
from tlcore.jobs.leftovers import consumed, sweep_leftovers
from tlcore.runs.identity import utc_now
from tlcore.runs.record import JobRecord
from tlcore.runs.states import State
from tlcore.workspace import Workspace

Until = Callable[[Callable[[], object]], None]
Running = Callable[[str], JobRecord]
HeldAt = Callable[[str], Path]

FIFTH = "/000004.jpg"  # the fifth picture that a worker writes


@pytest.fixture
def upload(workspace: Workspace, pictures: Path) -> Path:
    return Path(shutil.make_archive(str(workspace.incoming / "upload-7"), "zip", pictures))


@pytest.fixture
def kaggle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKaggle]:
    with serving_kaggle(tmp_path / "person", monkeypatch) as kaggle:
        yield kaggle


def kill(workspace: Workspace, record: JobRecord) -> None:
    """As a full memory would: nothing of the process's own gets to run."""
    assert record.pid is not None
    os.kill(record.pid, signal.SIGKILL)
    assert service.wait(workspace, record.id, timeout=120).state is State.INTERRUPTED


def left(workspace: Workspace) -> list[str]:
    return sorted(path.name for path in workspace.incoming.iterdir())


def own(workspace: Workspace) -> list[str]:
    return [info.id for info in list_datasets(workspace) if info.source == "own"]


def test_a_killed_import_leaves_only_its_upload_and_can_be_started_again(
    workspace: Workspace, upload: Path, running: Running, until: Until, held_at: HeldAt
) -> None:
    held = held_at(FIFTH)
    payload = {"path": str(upload), "name": "leaves", "remove_after": True}
    record = running(service.submit(workspace, "import", payload, "Leaves"))
    until(lambda: list(workspace.incoming.glob("dataset-*/pictures/*/*/*.jpg")))
    kill(workspace, record)
    assert len(left(workspace)) == 3
    assert own(workspace) == []
    sweep_leftovers(workspace)
    assert left(workspace) == [upload.name]
    assert own(workspace) == []
    held.unlink()
    again.resume(workspace, record.id)
    assert service.wait(workspace, record.id, timeout=120).state is State.COMPLETED
    assert left(workspace) == []
    assert own(workspace) == ["my/leaves"]


def test_a_killed_add_leaves_only_its_upload_and_that_not_for_ever(
    workspace: Workspace, upload: Path, running: Running, until: Until, held_at: HeldAt
) -> None:
    held_at(FIFTH)
    dataset = create_dataset(workspace, "Pets", ["rough", "smooth"])
    payload = {"path": str(upload), "dataset": dataset.id, "class_name": "rough"}
    record = running(service.submit(workspace, "add", payload, "More"))
    until(lambda: list(workspace.incoming.glob("dataset-*/pictures/*/*/*.jpg")))
    kill(workspace, record)
    assert len(left(workspace)) > 1
    sweep_leftovers(workspace)
    assert left(workspace) == [upload.name]
    sweep_leftovers(workspace, lambda: utc_now() + timedelta(days=8))
    assert left(workspace) == []
    assert find_dataset(workspace, dataset.id) == dataset


def test_a_killed_kaggle_download_leaves_nothing_and_no_process(
    workspace: Workspace, upload: Path, kaggle: FakeKaggle, running: Running, until: Until
) -> None:
    kaggle.archive, kaggle.seconds_a_block, kaggle.block = upload.read_bytes(), 0.2, 1_000
    upload.unlink()
    record = running(service.submit(workspace, "kaggle", {"slug": "ann/leaves", "name": "leaves"}, "Leaves"))
    until(lambda: kaggle.ranges)
    kill(workspace, record)
    assert any(name.startswith("kaggle-") for name in left(workspace))
    # Its own process notices that nobody reads it any more, and hangs up.
    until(lambda: kaggle.hung_up)
    sweep_leftovers(workspace)
    assert left(workspace) == []
    assert own(workspace) == []


def test_the_next_import_sweeps(
    workspace: Workspace, upload: Path, running: Running, until: Until, held_at: HeldAt
) -> None:
    held = held_at(FIFTH)
    kept = workspace.incoming / "upload-8.zip"
    shutil.copy(upload, kept)  # nobody has pressed the button for it yet
    record = running(
        service.submit(workspace, "import", {"path": str(upload), "name": "leaves", "remove_after": True}, "Leaves")
    )
    until(lambda: list(workspace.incoming.glob("dataset-*")))
    kill(workspace, record)
    held.unlink()
    second = workspace.incoming / "upload-9.zip"
    shutil.copy(kept, second)
    job = service.submit(workspace, "import", {"path": str(second), "name": "leaves", "remove_after": True}, "Leaves")
    assert service.wait(workspace, job, timeout=120).state is State.COMPLETED
    assert left(workspace) == ["upload-7.zip", "upload-8.zip"]
    assert own(workspace) == ["my/leaves"]


def test_an_import_that_the_system_ends_keeps_its_upload(
    workspace: Workspace, upload: Path, running: Running, until: Until, held_at: HeldAt
) -> None:
    held = held_at(FIFTH)
    payload = {"path": str(upload), "name": "leaves", "remove_after": True}
    record = running(service.submit(workspace, "import", payload, "Leaves"))
    until(lambda: list(workspace.incoming.glob("dataset-*/pictures/*/*/*.jpg")))
    assert record.pid is not None
    os.kill(record.pid, signal.SIGTERM)  # the worker's process
    held.unlink()
    assert service.wait(workspace, record.id, timeout=120).state is State.INTERRUPTED
    assert left(workspace) == [upload.name]
    assert own(workspace) == []


def test_what_a_waiting_job_needs_stays(workspace: Workspace, upload: Path, idle_queue: None) -> None:
    service.submit(workspace, "import", {"path": str(upload), "name": "leaves", "remove_after": True}, "Leaves")
    sweep_leftovers(workspace)
    assert left(workspace) == [upload.name]


def test_an_upload_that_is_gone_is_told(workspace: Workspace) -> None:
    other = workspace.incoming / "labels.csv"
    other.write_text("")
    with (
        pytest.raises(ImportRefused, match="Upload it once more"),
        consumed(workspace, workspace.incoming / "x", other),
    ):
        pass
    assert left(workspace) == []
