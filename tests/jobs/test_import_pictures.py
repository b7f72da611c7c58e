from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tlcore.data.catalog import find_dataset
from tlcore.errors import DatasetError, ImportRefused
from tlcore.jobs import import_pictures, prepare
from tlcore.jobs.context import JobContext
from tlcore.progress import Silence
from tlcore.runs.folder import RunFolder
from tlcore.workspace import Workspace


@pytest.fixture
def upload(workspace: Workspace, tmp_path: Path, pictures: Path) -> Path:
    """A zip of three pictures, one of them a text file, in the incoming folder."""
    root = tmp_path / "three"
    for name, number in (("rough", "000"), ("rough", "001"), ("smooth", "000")):
        (root / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(pictures / name / f"{number}.jpg", root / name)
    (root / "smooth" / "note.jpg").write_text("not a picture")
    return Path(shutil.make_archive(str(workspace.incoming / "upload"), "zip", root))


def context(workspace: Workspace, **payload: object) -> JobContext:
    return JobContext(workspace, RunFolder(workspace.jobs), payload, Silence())


def test_an_upload_becomes_a_dataset_and_is_removed(workspace: Workspace, upload: Path) -> None:
    payload = {"path": str(upload), "name": "leaves", "remove_after": True, "origin": "leaves.zip"}
    result = import_pictures.run(context(workspace, **payload))
    assert find_dataset(workspace, result["dataset_id"]).origin == "leaves.zip"
    assert result["dataset_id"] == "my/leaves"
    assert result["classes"] == {"rough": 2, "smooth": 1}
    assert [Path(rejected["file"]).name for rejected in result["rejected"]] == ["note.jpg"]
    assert result["rejected"][0]["reason"]
    assert set(result) == {"dataset_id", "name", "classes", "rejected", "duplicates", "version"}
    assert not upload.exists()


def test_a_refused_upload_is_removed_too(workspace: Workspace) -> None:
    upload = workspace.incoming / "upload.zip"
    upload.write_bytes(b"no zip at all")
    with pytest.raises(ImportRefused):
        import_pictures.run(context(workspace, path=str(upload), name="leaves", remove_after=True))
    assert not upload.exists()


def test_only_uploads_are_ever_removed(workspace: Workspace, tmp_path: Path, upload: Path) -> None:
    own = tmp_path / "own.zip"
    shutil.copy(upload, own)
    for path in (own, workspace.incoming, workspace.incoming / ".." / ".." / "own.zip"):
        with pytest.raises(ImportRefused, match="incoming"):
            import_pictures.run(context(workspace, path=str(path), name="leaves", remove_after=True))
    assert own.exists()
    import_pictures.run(context(workspace, path=str(own), name="leaves"))
    assert own.exists()


def test_an_uploaded_folder_is_removed_whole(workspace: Workspace, upload: Path) -> None:
    folder = workspace.incoming / "dropped"
    shutil.unpack_archive(upload, folder)
    import_pictures.run(context(workspace, path=str(folder), name="leaves", remove_after=True))
    assert not folder.exists()


def test_a_sample_is_prepared_once(workspace: Workspace) -> None:
    result = prepare.run(context(workspace, dataset="sample/textures"))
    assert result["dataset_id"] == "sample/textures"
    assert len(result["classes"]) == 3
    assert prepare.run(context(workspace, dataset="sample/textures")) == result
    with pytest.raises(DatasetError, match="sample/textures"):
        prepare.run(context(workspace, dataset="sample/nothing"))


@pytest.mark.parametrize("new_version", [False, True])
def test_one_that_was_killed_after_its_work_is_not_done_twice(
    workspace: Workspace, upload: Path, new_version: bool
) -> None:
    payload = {"path": str(upload), "name": "leaves", "new_version": new_version}
    if new_version:
        import_pictures.run(context(workspace, path=str(upload), name="leaves"))
    job = RunFolder(workspace.jobs / "job")
    job.path.mkdir()
    result = import_pictures.run(JobContext(workspace, job, payload, Silence()))
    (job.path / "events-1.jsonl").touch()
    again = JobContext(workspace, job, payload | {"remove_after": True}, Silence())
    assert import_pictures.run(again) == result
    assert not upload.exists()
    assert import_pictures.run(again) == result  # the upload was gone before the worker was
    assert find_dataset(workspace, "my/leaves").version == 1 + new_version


def test_what_another_job_brought_in_is_not_taken_for_ones_own(workspace: Workspace, upload: Path) -> None:
    import_pictures.run(context(workspace, path=str(upload), name="leaves"))
    job = RunFolder(workspace.jobs / "job")
    job.path.mkdir()
    (job.path / "events-1.jsonl").touch()
    with pytest.raises(ImportRefused, match="already a dataset"):
        import_pictures.run(JobContext(workspace, job, {"path": str(upload), "name": "leaves"}, Silence()))
