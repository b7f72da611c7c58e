"""Imports whose workers are killed at random moments, and that a person starts again, against undisturbed ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.faults.driving import PATIENCE_SECONDS, left_half_made, run_killed
from tests.faults.faults import IMPORTS, Case, draw, read_moments
from tlcore.data.dataset import DatasetInfo
from tlcore.data.importer import import_pictures
from tlcore.data.stored import dataset_folder, read_info
from tlcore.jobs import service
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace


@dataclass(frozen=True)
class Undisturbed:
    """What an import without a break did: its steps, and the dataset."""

    moments: list[tuple[float, str]]
    info: DatasetInfo
    files: int


@dataclass(frozen=True)
class Pictures:
    """What is imported: `earlier` has made a dataset before, of which `later` becomes a new version."""

    earlier: Path
    later: Path

    def submit(self, way: str, workspace: Workspace) -> str:
        payload: dict[str, Any] = {"path": str(self.later), "name": "pets"}
        if way == "upload":
            upload = workspace.incoming / "upload.zip"
            shutil.copy(shutil.make_archive(str(workspace.root.with_name("pets")), "zip", self.later), upload)
            payload |= {"path": str(upload), "remove_after": True, "origin": "pets.zip"}
        elif way == "version":
            import_pictures(workspace, self.earlier, "pets")
            payload |= {"new_version": True}
        return service.submit(workspace, "import", payload, "Pets")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, make_folder: Callable[..., Path]) -> Pictures:
    root = tmp_path_factory.mktemp("pictures")
    return Pictures(make_folder(root / "a", cat=4, coffee=4), make_folder(root / "b", cat=12, coffee=12, rocket=6))


@pytest.fixture(scope="module")
def undisturbed(place: Callable[[str], Workspace], pictures: Pictures) -> Callable[[str], Undisturbed]:
    known: dict[str, Undisturbed] = {}

    def make(way: str) -> Undisturbed:
        if way not in known:
            workspace = place(f"undisturbed-{way}")
            workspace.root.with_name("moments.txt").touch()
            job_id = pictures.submit(way, workspace)
            record = service.wait(workspace, job_id, timeout=PATIENCE_SECONDS)
            assert record.state is State.COMPLETED, record.error
            known[way] = Undisturbed(read_moments(workspace.root), *dataset(workspace))
        return known[way]

    return make


def dataset(workspace: Workspace) -> tuple[DatasetInfo, int]:
    """What is known of the dataset, and how many files it has.

    The note of what it was made of comes after everything else; without it the same folder is imported once too often.
    """
    folder = dataset_folder(workspace, "my/pets")
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "source.json"]
    return read_info(folder), sum(path.suffix != ".lock" for path in files)


def test_a_killed_import_ends_as_the_undisturbed_one(
    import_case: Case,
    seed: int,
    place: Callable[[str], Workspace],
    pictures: Pictures,
    undisturbed: Callable[[str], Undisturbed],
    record_property: Callable[[str, object], None],
) -> None:
    way = IMPORTS[import_case.number % len(IMPORTS)]
    expected = undisturbed(way)
    workspace = place(str(import_case))
    (kill,) = import_case.kills
    moment = draw(kill, expected.moments, Random(f"{seed} {import_case}"))  # noqa: S311 - which moments are tried
    what = f"{way}, seed {seed}, killed at {moment}"
    moment.lay(workspace.root)
    job_id = pictures.submit(way, workspace)
    record, killed = run_killed(workspace, job_id, [(kill, moment)])
    record_property("faults", [asdict(one) for one in killed])
    assert record.state is State.COMPLETED, f"{what}: {record.error}"
    info, files = dataset(workspace)
    assert (info.fingerprint, info.counts) == (expected.info.fingerprint, expected.info.counts), what
    # Done once: neither a second dataset, nor a second new version, nor pictures that no version has.
    assert (info.version, files) == (expected.info.version, expected.files), what
    assert [path.name for path in (workspace.datasets / "my").iterdir()] == ["pets"], what
    assert service.read_result(workspace, job_id)["dataset_id"] == "my/pets", what
    assert [one.id for one in Registry(workspace).list()] == [job_id], what
    assert left_half_made(workspace) == [], what
