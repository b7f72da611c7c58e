"""Fixtures that every package's tests share: a workspace, and small folders of real photos."""

from __future__ import annotations

import os
import random
import signal
import struct
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
from tlcore.control_group import MemoryGroup, memory_group
from tlcore.workspace import Workspace

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
    root = tmp_path_factory.mktemp("tfds")
    make_folder(root / "pictures", cat=12, coffee=12, rocket=12)

    def make(file_format: str) -> Path:
        folder = root / file_format
        if not folder.exists():
            script = Path(__file__).parent / "data" / "tfds" / "write_datasets.py"
            command = [sys.executable, script, root / "pictures", folder, file_format]
            ran = subprocess.run(command, capture_output=True, text=True)
            assert ran.returncode == 0, ran.stderr[-3000:]
        return folder

    return make


@dataclass(frozen=True)
class FinishedRun:
    """A real training that has ended, in a workspace that tests share: read it, don't change it."""

    workspace: Workspace
    run_id: str


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """A frozen training on the textures sample at 64 pixels, done by a real worker."""
    from tlcore.config import RunConfig
    from tlcore.jobs.preflight import preflight
    from tlcore.jobs.service import submit, wait

    workspace = Workspace.open(tmp_path_factory.mktemp("finished") / "home")
    config = RunConfig.build(dataset="sample/textures", image_size=64, epochs=5, learning_rate=0.01)
    run_id = submit(workspace, "train", preflight(workspace, config).config.to_json(), "Textures", config.dataset)
    record = wait(workspace, run_id, timeout=300)
    assert record.state == "completed", record.error
    return FinishedRun(workspace, run_id)


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
        deadline = time.monotonic() + 10
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
    return _mutated


# Numbers at the edges of what a decoder's counters hold.
_EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

_Mutation = Callable[[random.Random, bytearray, list[bytes]], None]


def _flip_bits(dice: random.Random, data: bytearray, others: list[bytes]) -> None:
    for _ in range(dice.choice((1, 1, 2, 8, 40))):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def _change_header(dice: random.Random, data: bytearray, others: list[bytes]) -> None:
    for _ in range(dice.choice((1, 2, 6))):
        data[dice.randrange(min(len(data), 64))] = dice.randrange(256)


def _write_edge(dice: random.Random, data: bytearray, others: list[bytes]) -> None:
    number, form = dice.choice(_EDGES), dice.choice(("<I", ">I", "<H", ">H"))
    place = dice.randrange(min(len(data) - 4, dice.choice((200, 2000, 10**9))))
    struct.pack_into(form, data, place, number & (0xFFFF if form[1] == "H" else 0xFFFFFFFF))


def _cut(dice: random.Random, data: bytearray, others: list[bytes]) -> None:
    del data[dice.randrange(1, len(data)) :]


def _remove_piece(dice: random.Random, data: bytearray, others: list[bytes]) -> None:
    start = dice.randrange(len(data))
    del data[start : start + dice.choice((1, 2, 30, 500))]


def _repeat_piece(dice: random.Random, data: bytearray, others: list[bytes]) -> None:
    start, length = dice.randrange(len(data)), dice.choice((1, 4, 100, 1000))
    data[start:start] = data[start : start + length] * dice.choice((1, 1, 20))


def _overwrite_piece(dice: random.Random, data: bytearray, others: list[bytes]) -> None:
    start, length = dice.randrange(len(data)), dice.choice((4, 50, 800))
    value = dice.choice((b"\0", b"\xff", b"A", dice.randbytes(1)))
    data[start : start + length] = value * min(length, len(data) - start)


def _splice(dice: random.Random, data: bytearray, others: list[bytes]) -> None:
    other = dice.choice(others)
    data[dice.randrange(len(data)) :] = other[dice.randrange(len(other)) :]


def _append_noise(dice: random.Random, data: bytearray, others: list[bytes]) -> None:
    data += dice.randbytes(dice.choice((1, 100, 5000)))


_MUTATIONS: tuple[_Mutation, ...] = (
    _flip_bits,
    _change_header,
    _write_edge,
    _cut,
    _remove_piece,
    _repeat_piece,
    _overwrite_piece,
    _splice,
    _append_noise,
)


def _mutated(dice: random.Random, data: bytes, others: list[bytes]) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        dice.choice(_MUTATIONS)(dice, changed, others)
        if len(changed) < 8:
            break
    return bytes(changed)
