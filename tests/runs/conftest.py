from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.runs.packed import add_finished_run
from tlcore.files import write_json
from tlcore.runs.folder import RunFolder, RunMeta
from tlcore.runs.record import JobRecord
from tlcore.runs.run_parcel import pack_run
from tlcore.runs.states import State
from tlcore.workspace import Workspace

CREATED = datetime(2026, 11, 21, 9, 45, 12, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "home")


@pytest.fixture
def make_folder(workspace: Workspace) -> Callable[..., RunFolder]:
    """Makes the folder of a submitted job, without a row."""

    def make(run_id: str, kind: str = "train", token: str | None = None) -> RunFolder:
        parent = workspace.runs if kind == "train" else workspace.jobs
        folder = RunFolder(parent / run_id)
        folder.path.mkdir()
        write_json(folder.config, {"dataset": "sample/digits"})
        folder.write_meta(RunMeta(run_id, kind, f"Run {run_id}", "sample/digits", "ada", CREATED, token=token))
        return folder

    return make


@pytest.fixture
def make_record() -> Callable[..., JobRecord]:
    def make(run_id: str, kind: str = "train", state: State = State.QUEUED, second: int = 0) -> JobRecord:
        created = CREATED.replace(second=second)
        return JobRecord(run_id, kind, f"Run {run_id}", "sample/digits", state, created, "ada", created)

    return make


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with the finished run `r1`. Read only: tests share it."""
    home = Workspace.open(tmp_path_factory.mktemp("there") / "home")
    add_finished_run(home)
    return home


@pytest.fixture(scope="session")
def parcel(home: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That run as a file."""
    return pack_run(home, "r1", tmp_path_factory.mktemp("parcel") / "run.zip")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Workspace:
    """Another machine's workspace."""
    return Workspace.open(tmp_path / "elsewhere")
