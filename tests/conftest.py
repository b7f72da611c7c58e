"""Fixtures that every package's tests share: a workspace, and small folders of real photos."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import tlcore.engines  # noqa: F401 - keeps OpenVINO from phoning home, also where a test imports it by itself
from tests.mutations import mutated
from tests.once import made_once
from tests.planted import planted
from tests.processes import end_processes_of
from tlcore.control_group import MemoryGroup, memory_group
from tlcore.workspace import HOME_VARIABLE, Workspace

CROP = 96
PHOTOS = ("cat", "coffee", "rocket")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--faults 50` kills as many workers as that in `tests/faults`, and tells the figures; 8 are killed without it."""
    group = parser.getgroup("faults", "fault injection")
    group.addoption("--faults", type=int, default=None, metavar="N", help="how many kills tests/faults does")
    group.addoption("--faults-seed", type=int, default=1, metavar="N", help="chooses other moments for the kills")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The figures of the kills, where they were asked for."""
    if config.getoption("--faults") is None:
        return
    from tests.faults.figures import table

    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    properties = [property_ for report in reports for property_ in report.user_properties]
    lost = sum("tests/faults" in report.nodeid for report in terminalreporter.stats.get("failed", []))
    terminalreporter.section("faults")
    for line in table([kill for name, kills in properties if name == "faults" for kill in kills], lost):
        terminalreporter.write_line(line)


# Files that take longest, by the processors' time. Those in which a browser waits come between others that don't.
_LONGEST = (
    "browser/test_whole_path",
    "faults/test_trainings",
    "browser/test_dataset",
    "training/test_resuming",
    "cli/test_cli",
    "browser/test_two_tabs",
    "training/test_kept_inputs",
    "browser/test_ways_in",
    "training/test_devices",
    "browser/test_interrupted",
    "training/test_session",
    "browser/test_team",
    "data/tfds/test_tfds_fetching",
    "jobs/",
    "audit/test_check",
    "export/",
    "cli/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Longest files first, so that all test processes end at about the same time."""
    names = [Path(__file__).parent / name for name in _LONGEST]

    def place(item: pytest.Item) -> int:
        found = (number for number, name in enumerate(names) if str(item.path).startswith(str(name)))
        return next(found, len(names))

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def no_tensorflow_datasets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What TensorFlow Datasets prepared on this machine is not there for tests and the processes that they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFDS_DATA_DIR", str(tmp_path_factory.mktemp("no-tfds") / "empty"))
        yield


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace of the test's own."""
    return Workspace.open(tmp_path / "home")


@pytest.fixture(scope="session")
def photos() -> dict[str, NDArray[np.uint8]]:
    """Photos that come with scikit-image, uint8 RGB, by what they show."""
    from skimage import data

    return {"cat": data.chelsea(), "coffee": data.coffee(), "rocket": data.rocket()}


@pytest.fixture(scope="session")
def crop(photos: dict[str, NDArray[np.uint8]]) -> Callable[..., bytes]:
    """crop(name, number, format="JPEG"): the number-th square of a photo, encoded; each has other bytes."""

    def encode(name: str, number: int, format: str = "JPEG") -> bytes:  # noqa: A002 - Pillow's name
        photo = photos[name]
        rows, columns = (side // CROP for side in photo.shape[:2])
        row, column = divmod(number % (rows * columns), columns)
        top, left = row * CROP + number // (rows * columns), column * CROP
        file = BytesIO()
        Image.fromarray(photo[top : top + CROP, left : left + CROP]).save(file, format)
        return file.getvalue()

    return encode


@pytest.fixture(scope="session")
def make_folder(crop: Callable[..., bytes]) -> Callable[..., Path]:
    """make_folder(path, cat=12, coffee=9): class folders with so many pictures each."""

    def make(path: Path, **counts: int) -> Path:
        for name, count in counts.items():
            (path / name).mkdir(parents=True)
            for number in range(count):
                (path / name / f"{number:03d}.jpg").write_bytes(crop(name, number))
        return path

    return make


@pytest.fixture(scope="session")
def picture_folder(tmp_path_factory: pytest.TempPathFactory, make_folder: Callable[..., Path]) -> Path:
    """A folder of two classes with 12 photos each. Read only: tests share it."""
    return make_folder(tmp_path_factory.mktemp("pictures") / "pets", cat=12, coffee=12)


@pytest.fixture(scope="session")
def tfds_files(tmp_path_factory: pytest.TempPathFactory, make_folder: Callable[..., Path]) -> Callable[[str], Path]:
    """tfds_files("tfrecord"): a data directory that TensorFlow Datasets itself filled. Read only: tests share it."""

    def make(file_format: str) -> Path:
        def fill(folder: Path) -> None:
            make_folder(folder / "pictures", cat=12, coffee=12, rocket=12)
            script = Path(__file__).parent / "data" / "tfds" / "write_datasets.py"
            command = [sys.executable, script, folder / "pictures", folder / "data", file_format]
            ran = subprocess.run(command, capture_output=True, text=True)
            assert ran.returncode == 0, ran.stderr[-3000:]

        return made_once(tmp_path_factory, f"tfds-{file_format}", fill) / "data"

    return make


@dataclass(frozen=True)
class FinishedRun:
    """A real training that has ended, in a workspace that tests share: read it, don't change it."""

    workspace: Workspace
    run_id: str


def train_on_textures(folder: Path) -> None:
    """A frozen training on the textures sample at 64 pixels, done by a real worker; its id is in `folder/run_id`."""
    from tlcore.config import RunConfig
    from tlcore.jobs.preflight import preflight
    from tlcore.jobs.service import submit, wait
    from tlcore.jobs.supervisor import LOCK_NAME
    from tlcore.locks import is_held

    workspace = Workspace.open(folder / "home")
    config = RunConfig.build(dataset="sample/textures", image_size=64, epochs=5, learning_rate=0.01)
    with planted(folder):  # tests/export/test_planted.py looks for what must not get out
        run_id = submit(workspace, "train", preflight(workspace, config).config.to_json(), "Textures", config.dataset)
        record = wait(workspace, run_id, timeout=300)
    assert record.state == "completed", record.error
    while is_held(workspace.root / LOCK_NAME):
        time.sleep(0.05)
    end_processes_of(workspace.root)  # whoever copies the folder finds it at rest: no process closes the registry
    (folder / "run_id").write_text(run_id)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """A frozen training on the textures sample at 64 pixels, in this test process's own copy of its workspace."""
    made = made_once(tmp_path_factory, "finished", train_on_textures)
    home = tmp_path_factory.mktemp("finished") / "home"
    shutil.copytree(made / "home", home)
    return FinishedRun(Workspace.open(home), (made / "run_id").read_text())


def convert_backbone(folder: Path) -> None:
    """The built-in backbone as checks of datasets and trainings at the usual size use it, in a workspace `folder`."""
    from tlcore.audit.backbone import load_backbone
    from tlcore.progress import Silence

    load_backbone(Workspace.open(folder), Silence())


@pytest.fixture(scope="session")
def with_backbone(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Workspace]:
    """with_backbone(root): a workspace in which the backbone is converted already, as by an earlier check."""
    made = Workspace.open(made_once(tmp_path_factory, "converted", convert_backbone))

    def make(root: Path) -> Workspace:
        workspace = Workspace.open(root)
        shutil.copytree(made.engines, workspace.engines, dirs_exist_ok=True)
        return workspace

    return make


def quickstart_to_files(folder: Path) -> None:
    """The command of the README in an empty workspace `folder/home`; what it wrote is in two files beside that."""
    ran = subprocess.run(
        [sys.executable, "-m", "tlcore", "quickstart", "--json"],
        stdin=subprocess.DEVNULL,
        env=os.environ | {HOME_VARIABLE: str(folder / "home")},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stderr
    (folder / "out.json").write_text(ran.stdout)
    (folder / "err.txt").write_text(ran.stderr)


@pytest.fixture(scope="session")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tlcore quickstart --json`: `out.json`, `err.txt`, and the workspace `home`. Read only: tests share it."""
    return made_once(tmp_path_factory, "quickstart", quickstart_to_files)


@pytest.fixture
def small_group(tmp_path: Path) -> Iterator[Callable[[int], MemoryGroup]]:
    """small_group(64): a real control group whose processes may use 64 MiB together; skips where none can be made."""
    made: list[Path] = []

    def make(mebibytes: int) -> MemoryGroup:
        own = memory_group()
        if own is None:
            pytest.skip("no control group to be seen")
        folder = own.folder / f"test-{tmp_path.name}-{len(made)}"
        limit = "memory.limit_in_bytes" if (own.folder / "memory.limit_in_bytes").exists() else "memory.max"
        try:
            folder.mkdir()
            made.append(folder)
            (folder / limit).write_text(str(mebibytes << 20))
        except OSError as error:
            pytest.skip(f"control groups can't be made here: {error}")
        return MemoryGroup(folder, own.top)

    yield make
    for folder in made:
        for process in (folder / "cgroup.procs").read_text().split():
            os.kill(int(process), signal.SIGKILL)
        deadline = time.monotonic() + 60
        while (folder / "cgroup.procs").read_text() and time.monotonic() < deadline:
            time.sleep(0.01)
        folder.rmdir()


@pytest.fixture(scope="session")
def fuzz_rounds() -> int:
    """How many times as many mutated files are tried as usual: `TLCORE_FUZZ_ROUNDS=5` for a long look."""
    return int(os.environ.get("TLCORE_FUZZ_ROUNDS", "1"))


@pytest.fixture(scope="session")
def mutate() -> Callable[[random.Random, bytes, list[bytes]], bytes]:
    """mutate(dice, data, others): a file damaged in one to three ways, perhaps with a piece of another one."""
    return mutated
