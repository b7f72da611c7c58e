"""Fixtures that every package's tests share: a workspace, and small folders of real photos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import tlcore.engines  # noqa: F401 - keeps OpenVINO from phoning home, also where a test imports it by itself
from tlcore.workspace import Workspace

CROP = 96
PHOTOS = ("cat", "coffee", "rocket")


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
