"""The Kaggle job from address to dataset, with the real `kagglehub`, and where the token is afterwards: nowhere."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fake_kaggle import TOKEN, FakeKaggle, serving_kaggle
from tests.processes import end_processes_of
from tlcore.data.catalog import find_dataset
from tlcore.errors import ImportRefused
from tlcore.jobs import kaggle as kaggle_job
from tlcore.jobs import service
from tlcore.jobs.context import JobContext
from tlcore.progress import Silence
from tlcore.runs.events import read_events
from tlcore.runs.folder import RunFolder
from tlcore.runs.record import JobRecord
from tlcore.runs.states import State
from tlcore.workspace import Workspace

SECRET = TOKEN.encode()


@pytest.fixture
def kaggle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: Path) -> Iterator[FakeKaggle]:
    with serving_kaggle(tmp_path / "person", monkeypatch) as kaggle:
        source = tmp_path / "leaves"
        for name in ("rough", "smooth"):
            (source / "images" / name).mkdir(parents=True)
            for number in range(3):
                shutil.copy(pictures / name / f"{number:03}.jpg", source / "images" / name)
        (source / "more.zip").write_bytes(b"PK")
        kaggle.archive = Path(shutil.make_archive(str(source), "zip", source)).read_bytes()
        yield kaggle


def run(workspace: Workspace, **payload: Any) -> JobRecord:
    job = service.submit(workspace, "kaggle", payload, "Kaggle")
    return service.wait(workspace, job, timeout=120)


def context(workspace: Workspace, **payload: object) -> JobContext:
    return JobContext(workspace, RunFolder(workspace.jobs), payload, Silence())


def with_the_token(folder: Path) -> list[Path]:
    """Files that hold the token, in their names too."""
    return [
        path for path in folder.rglob("*") if TOKEN in path.name or (path.is_file() and SECRET in path.read_bytes())
    ]


def test_an_address_becomes_a_dataset_with_its_provenance(workspace: Workspace, kaggle: FakeKaggle) -> None:
    record = run(workspace, slug="https://www.kaggle.com/datasets/ann/leaves/data", name="Park")
    assert record.state is State.COMPLETED, record.error
    result = service.read_result(workspace, record.id)
    assert (result["dataset_id"], result["classes"]) == ("my/Park", {"rough": 3, "smooth": 3})
    assert "archive inside" in next(entry["reason"] for entry in result["rejected"] if entry["file"] == "more.zip")
    info = find_dataset(workspace, "my/Park")
    assert info.origin == "Kaggle: ann/leaves (version 7)"
    assert info.homepage == "https://www.kaggle.com/datasets/ann/leaves"
    assert info.licence == "CC0: Public Domain"
    assert info.description == "Leaves of the park. Oaks and maples"
    assert list(workspace.incoming.iterdir()) == []
    events = read_events(RunFolder.find(workspace, record.id).events).events
    assert any("licence CC0" in event.get("text", "") for event in events)


@pytest.mark.parametrize("ending", ["well", "refused", "wrong token", "verbose"])
def test_the_token_is_nowhere_afterwards(
    workspace: Workspace,
    kaggle: FakeKaggle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    ending: str,
) -> None:
    if ending == "refused":
        kaggle.refusal = (403, f"{TOKEN} may not have this")
    elif ending == "wrong token":
        (tmp_path / "person" / ".kaggle" / "access_token").write_text(f"{TOKEN}x")
    elif ending == "verbose":
        monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "TEST")  # here kagglehub prints each request with its headers
        monkeypatch.setenv("KAGGLEHUB_VERBOSITY", "debug")
        monkeypatch.setenv("KAGGLE_LOGGING_ENABLED", "true")
    record = run(workspace, slug="ann/leaves", name="Park")
    assert record.state is (State.COMPLETED if ending in ("well", "verbose") else State.FAILED), record.error
    assert any(came_along for _, _, came_along in kaggle.asked)
    end_processes_of(workspace.root)  # its supervisor, whose files would come and go while they are read
    assert with_the_token(workspace.root) == []
    assert [path.name for path in with_the_token(tmp_path)] == ["access_token"]
    with sqlite3.connect(workspace.registry) as rows:
        assert TOKEN not in "\n".join(rows.iterdump())
    heard = capfd.readouterr()
    assert TOKEN not in heard.out + heard.err + caplog.text + str(record)
    assert TOKEN not in str(service.read_error(workspace, record.id) if record.error else "")


def test_a_name_that_is_taken_is_told_before_anything_is_asked(workspace: Workspace, kaggle: FakeKaggle) -> None:
    kaggle_job.run(context(workspace, slug="ann/leaves"))
    assert find_dataset(workspace, "my/leaves").version == 1
    kaggle.asked.clear()
    with pytest.raises(ImportRefused, match="already a dataset"):
        kaggle_job.run(context(workspace, slug="ann/leaves"))
    assert kaggle.asked == []
    result = kaggle_job.run(context(workspace, slug="ann/leaves", name="leaves", new_version=True))
    assert (result["dataset_id"], result["version"]) == ("my/leaves", 2)


def test_a_hostile_archive_is_refused_as_an_upload_is(workspace: Workspace, kaggle: FakeKaggle, tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "hostile.zip", "w") as archive:
        archive.writestr("../../cat/1.jpg", b"x")
    kaggle.archive = (tmp_path / "hostile.zip").read_bytes()
    with pytest.raises(ImportRefused, match="leads out of its own folder"):
        kaggle_job.run(context(workspace, slug="ann/leaves"))
    assert list(workspace.incoming.iterdir()) == []


def test_a_stop_ends_it_and_leaves_nothing(
    workspace: Workspace, kaggle: FakeKaggle, until: Callable[[Callable[[], object]], None]
) -> None:
    kaggle.seconds_a_block, kaggle.block = 0.2, 10  # it would take minutes: the stop comes before its end
    job = service.submit(workspace, "kaggle", {"slug": "ann/leaves", "name": "leaves"}, "Kaggle")
    until(lambda: kaggle.ranges)
    service.request_stop(workspace, job)
    assert service.wait(workspace, job, timeout=120).state is State.STOPPED
    assert list(workspace.incoming.iterdir()) == []


def test_a_demo_has_no_kaggle(workspace: Workspace, kaggle: FakeKaggle) -> None:
    with pytest.raises(ImportRefused, match="switched off"):
        kaggle_job.run(context(replace(workspace, mode="demo"), slug="ann/leaves"))
    assert kaggle.asked == []
