from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from PIL import Image

from tests.processes import end_processes_of
from tlcore.jobs import again, service
from tlcore.members import new_session_key, session_workspace
from tlcore.modes import MODE_VARIABLE
from tlcore.runs.events import last_event
from tlcore.runs.folder import RunFolder
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

PATIENCE_SECONDS = 120.0


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace whose processes are ended with the test."""
    workspace = Workspace.open(tmp_path / "home")
    yield workspace
    end_processes_of(workspace.root)


@pytest.fixture
def idle_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody serves the queue: what is submitted stays queued."""
    for module in (service, again):
        monkeypatch.setattr(module, "ensure_supervisor", lambda _workspace: None)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two classes with 200 small pictures each: enough that importing them takes a while."""
    root = tmp_path_factory.mktemp("pictures")
    random = Random(7)  # noqa: S311 - test data
    for name in ("rough", "smooth"):
        (root / name).mkdir()
        for number in range(200):
            picture = Image.frombytes("RGB", (32, 32), random.randbytes(32 * 32 * 3))
            picture.resize((96, 96)).save(root / name / f"{number:03}.jpg")
    return root


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Waits until something is true, and fails when it stays false."""

    def wait(true: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not true():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.01)

    return wait


@pytest.fixture
def running(workspace: Workspace, until: Callable[[Callable[[], object]], None]) -> Callable[[str], JobRecord]:
    """Waits until a worker has begun, and returns the job's record with the worker's process id."""

    def wait(job_id: str) -> JobRecord:
        # Its first event comes after its row was changed: suspended from then on, it holds no lock of the registry.
        until(lambda: last_event(RunFolder.find(workspace, job_id).events))
        record = Registry(workspace).get(job_id)
        assert record.state is State.RUNNING, record
        return record

    return wait


@pytest.fixture
def start_supervisor(workspace: Workspace) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts supervisors as the service does; their log is `logs/supervisor.log`."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        started.append(service.start_supervisor(workspace))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def instead_of_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """instead_of_training("return {}"): real workers that start from now on run this Python in place of a training."""
    home = tmp_path / "in-place-of-training"
    home.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(home))

    def put(body: str) -> None:
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        (home / "stand_in.py").write_text(
            f"import os, resource, signal\nfrom pathlib import Path\ndef run(context):\n{lines}", encoding="utf-8"
        )
        # Python imports this module first of all; the worker then finds the training's name taken.
        (home / "sitecustomize.py").write_text(
            "import importlib.abc, importlib.util, sys\n"
            "class Finder(importlib.abc.MetaPathFinder):\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            "        if name == 'tlcore.jobs.train':\n"
            f"            return importlib.util.spec_from_file_location(name, {str(home / 'stand_in.py')!r})\n"
            "sys.meta_path.insert(0, Finder())\n",
            encoding="utf-8",
        )

    return put


@pytest.fixture
def held_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """held_at("a.jpg"): real workers that start from now on stay where they open a file whose path ends so.

    They go on once the file that is returned is removed. What has to happen in the middle of a job then does, however
    fast the worker is and however slow whoever watches it.
    """
    home = tmp_path / "held"
    home.mkdir()
    mark = home / "mark"
    monkeypatch.setenv("PYTHONPATH", str(home))

    def hold(end: str) -> Path:
        mark.touch()
        (home / "sitecustomize.py").write_text(
            "import os, sys, time\n"
            "def hold(name, values):\n"
            f"    if name == 'open' and str(values[0]).endswith({end!r}):\n"
            f"        while os.path.exists({str(mark)!r}):\n"
            "            time.sleep(0.01)\n"
            "if 'tlcore.jobs.worker' in sys.orig_argv:\n"
            "    sys.addaudithook(hold)\n",
            encoding="utf-8",
        )
        return mark

    return hold


@pytest.fixture
def demo(tmp_path: Path) -> Workspace:
    """The folder of an app in demo mode."""
    return Workspace.open(tmp_path / "app", {MODE_VARIABLE: "demo"})


@pytest.fixture
def session(demo: Workspace) -> Workspace:
    """A visitor's own workspace in it."""
    return session_workspace(demo, new_session_key(), {})
