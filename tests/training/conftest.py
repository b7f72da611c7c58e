"""One workspace with the textures sample for each module of tests."""

from collections.abc import Iterator

import pytest

from tests.training.sessions import SESSIONS
from tlcore.data.catalog import ensure_dataset
from tlcore.data.dataset import Dataset
from tlcore.progress import Silence
from tlcore.workspace import Workspace


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace.open(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def textures(place: Workspace) -> Dataset:
    return ensure_dataset(place, "sample/textures", Silence())


@pytest.fixture(scope="module", autouse=True)
def _ended_sessions() -> Iterator[None]:
    with SESSIONS:
        yield
