from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest

from tests.faults import killing
from tests.faults.driving import processes
from tests.faults.faults import cases
from tlcore.workspace import Workspace


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each import or training; how many, `--faults` says."""
    imports, trainings = cases(metafunc.config.getoption("--faults") or 8)
    for name, found in (("import_case", imports), ("training_case", trainings)):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, found, ids=str)


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--faults-seed"))


@pytest.fixture(scope="module")
def watched_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Workers started from now on are watched, and killed where a fault is laid out."""
    home = tmp_path_factory.mktemp("in-workers")
    shutil.copy(killing.__file__, home / "sitecustomize.py")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(home))
        yield
    for process in processes(home):
        process.kill()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, watched_workers: None) -> Callable[[str], Workspace]:
    """place("first"): an empty workspace in a folder of its own."""
    root = tmp_path_factory.mktemp("places")

    def make(name: str) -> Workspace:
        (root / name).mkdir()
        return Workspace.open(root / name / "home")

    return make
