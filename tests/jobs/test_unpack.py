"""Taking in what was packed elsewhere: as a job that uses up its upload, and killed in the middle."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.pages.made_runs import add_run
from tlcore.data.dataset_parcel import pack_dataset, unpack_dataset
from tlcore.data.importer import import_pictures
from tlcore.errors import ImportRefused
from tlcore.jobs.after_import import token_of
from tlcore.jobs.context import JobContext
from tlcore.jobs.leftovers import sweep_leftovers
from tlcore.jobs.service import read_error, read_result, submit, wait
from tlcore.jobs.unpack import unpack_the_dataset, unpack_the_run
from tlcore.progress import Silence
from tlcore.runs.folder import RunFolder, RunMeta
from tlcore.runs.registry import Registry
from tlcore.runs.run_parcel import pack_run, unpack_run
from tlcore.runs.states import State
from tlcore.serving.bundle import BundleInfo, read_info, write_info
from tlcore.workspace import Workspace


@pytest.fixture
def elsewhere(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "elsewhere")


@pytest.fixture
def packed_run(elsewhere: Workspace, tmp_path: Path) -> Path:
    """A run with invented figures and weights."""
    folder = RunFolder.find(elsewhere, add_run(elsewhere, "r1"))
    folder.bundle.mkdir()
    info = BundleInfo(
        run_id="r1",
        engine="keras",
        class_names=("cat", "coffee"),
        image_size=224,
        backbone="efficientnet-lite0",
        preprocessing="lite",
        versions={},
    )
    write_info(folder.bundle, info)
    folder.model.write_bytes(b"weights")
    return pack_run(elsewhere, "r1", tmp_path / "run.zip")


@pytest.fixture
def packed_dataset(elsewhere: Workspace, tmp_path: Path, make_folder: Callable[..., Path]) -> Path:
    import_pictures(elsewhere, make_folder(tmp_path / "pets", cat=2, coffee=2), "pets")
    return pack_dataset(elsewhere, "my/pets", tmp_path / "pets.zip")


@pytest.fixture
def instead_of_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real workers that start from now on make no network of a model: what is taken in here has invented weights."""
    home = tmp_path / "in-place-of-keras"
    home.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(home))
    # Python imports this module first of all; the worker then finds the name taken.
    (home / "sitecustomize.py").write_text(
        "import sys, types\n"
        "def remake_bundle(path, folder, run_id, told, reporter, refused):\n"
        "    from tlcore.serving.bundle import write_info\n"
        "    folder.mkdir()\n"
        "    write_info(folder, told.model_copy(update={'run_id': run_id, 'versions': {'made': 'here'}}))\n"
        "sys.modules['tlcore.export.remake'] = types.SimpleNamespace(remake_bundle=remake_bundle)\n",
        encoding="utf-8",
    )


@pytest.mark.usefixtures("instead_of_keras")
def test_a_job_takes_in_an_upload_once_and_uses_it_up(workspace: Workspace, packed_run: Path) -> None:
    upload = workspace.incoming / "upload-run.zip"
    upload.write_bytes(packed_run.read_bytes())
    payload = {"path": str(upload), "remove_after": True}
    jobs = {submit(workspace, "unpack-run", payload, "Bring in", token=upload.name) for _ in range(2)}
    (job,) = jobs
    assert wait(workspace, job, timeout=120).state is State.COMPLETED
    assert read_result(workspace, job) == {"run_id": "r1"}
    assert Registry(workspace).get("r1").state is State.COMPLETED
    assert read_info(RunFolder.find(workspace, "r1").bundle).versions == {"made": "here"}
    assert list(workspace.incoming.iterdir()) == []


def test_an_upload_that_is_refused_goes_too(workspace: Workspace, packed_run: Path) -> None:
    upload = workspace.incoming / "upload-run.zip"
    upload.write_bytes(packed_run.read_bytes())
    job = submit(workspace, "unpack-dataset", {"path": str(upload), "remove_after": True}, "Bring in")
    assert wait(workspace, job, timeout=120).state is State.FAILED
    error = read_error(workspace, job)
    assert isinstance(error, ImportRefused)
    assert "holds a run, not a dataset" in str(error)
    assert list(workspace.incoming.iterdir()) == []


def killed(workspace: Workspace, code: str) -> None:
    """Runs Python that ends by itself as a killed process does, in the middle of its work."""
    start = (
        "import os\nfrom pathlib import Path\nfrom tlcore.workspace import Workspace\n"
        f"home = Workspace.open(Path({str(workspace.root)!r}))\n"
    )
    assert subprocess.run([sys.executable, "-c", start + code]).returncode == 9


def test_a_kill_while_a_run_comes_in_leaves_nothing(workspace: Workspace, packed_run: Path) -> None:
    killed(
        workspace,
        "from tlcore.runs import run_parcel\n"
        "run_parcel.write_info = lambda *_: os._exit(9)\n"
        f"run_parcel.unpack_run(home, Path({str(packed_run)!r}), trusted=True)",
    )
    assert list(workspace.runs.iterdir()) == []
    assert len(list(workspace.incoming.glob("run-*/model.keras"))) == 1
    sweep_leftovers(workspace)
    assert list(workspace.incoming.iterdir()) == []
    assert unpack_run(workspace, packed_run, trusted=True) == "r1"


def test_a_kill_before_the_list_knows_the_run_loses_nothing(workspace: Workspace, packed_run: Path) -> None:
    killed(
        workspace,
        "from tlcore.runs import run_parcel\n"
        "run_parcel.Registry.rebuild = lambda _: os._exit(9)\n"
        f"run_parcel.unpack_run(home, Path({str(packed_run)!r}), trusted=True)",
    )
    with pytest.raises(ImportRefused, match="already here"):
        unpack_run(workspace, packed_run)
    assert Registry(workspace).get("r1").state is State.COMPLETED


def test_a_kill_while_a_dataset_comes_in_leaves_nothing(workspace: Workspace, packed_dataset: Path) -> None:
    killed(
        workspace,
        "from tlcore.data import dataset_parcel, writer\n"
        "writer.DatasetWriter._rename = lambda _: os._exit(9)\n"
        f"dataset_parcel.unpack_dataset(home, Path({str(packed_dataset)!r}))",
    )
    assert list(workspace.datasets.glob("*/*")) == []
    sweep_leftovers(workspace)
    assert list(workspace.incoming.iterdir()) == []
    assert unpack_dataset(workspace, packed_dataset).id == "my/pets"


@pytest.fixture
def begun_again(workspace: Workspace) -> Callable[..., JobContext]:
    """begun_again(payload): a job whose first attempt was killed."""

    def make(**payload: object) -> JobContext:
        folder = RunFolder(workspace.jobs / "20260101-000000-aaaa")
        folder.path.mkdir()
        folder.write_meta(RunMeta(folder.id, "unpack", "x", "", "ann", datetime(2026, 1, 1, tzinfo=UTC)))
        (folder.path / "events-1.jsonl").touch()
        return JobContext(workspace, folder, payload, Silence())

    return make


@pytest.mark.parametrize("upload_is_gone", [False, True])
def test_a_run_that_was_in_before_the_kill_is_told_and_comes_in_once(
    workspace: Workspace, packed_run: Path, begun_again: Callable[..., JobContext], upload_is_gone: bool
) -> None:
    add_run(workspace, "r1")  # another run has its id
    upload = workspace.incoming / "upload-run.zip"
    context = begun_again(path=str(upload), remove_after=True)
    run_id = unpack_run(workspace, packed_run, trusted=True, token=token_of(context.folder.id))
    if not upload_is_gone:
        upload.write_bytes(packed_run.read_bytes())
    workspace.registry.unlink()  # it was killed before the list knew the run, say

    assert unpack_the_run(context) == {"run_id": run_id}
    assert {path.name for path in workspace.runs.iterdir()} == {"r1", run_id}
    assert list(workspace.incoming.iterdir()) == []


@pytest.mark.parametrize("upload_is_gone", [False, True])
def test_a_dataset_that_was_in_before_the_kill_is_told_and_comes_in_once(
    workspace: Workspace, packed_dataset: Path, begun_again: Callable[..., JobContext], upload_is_gone: bool
) -> None:
    upload = workspace.incoming / "upload-pets.zip"
    context = begun_again(path=str(upload), remove_after=True)
    info = unpack_dataset(workspace, packed_dataset, made_by=context.folder.id)
    if not upload_is_gone:
        upload.write_bytes(packed_dataset.read_bytes())

    told = unpack_the_dataset(context)

    assert (told["dataset_id"], told["classes"], told["version"]) == (info.id, {"cat": 2, "coffee": 2}, 1)
    assert [path.name for path in (workspace.datasets / "my").iterdir()] == ["pets"]
    assert list(workspace.incoming.iterdir()) == []


def test_what_another_job_brought_in_is_refused_as_before(
    workspace: Workspace, packed_dataset: Path, begun_again: Callable[..., JobContext]
) -> None:
    unpack_dataset(workspace, packed_dataset, made_by="20260101-000000-bbbb")
    with pytest.raises(ImportRefused, match="already here"):
        unpack_the_dataset(begun_again(path=str(packed_dataset)))
