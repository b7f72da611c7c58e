from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from tlcore.data.catalog import find_dataset
from tlcore.data.edits import create_dataset, rename_class
from tlcore.errors import DatasetError, ImportRefused
from tlcore.jobs import add_pictures
from tlcore.jobs.context import JobContext
from tlcore.progress import Silence, Stopped
from tlcore.runs.folder import RunFolder
from tlcore.workspace import Workspace


@pytest.fixture
def upload(workspace: Workspace, crop: Callable[..., bytes]) -> Path:
    """A zip of three pictures, one of them twice, a broken one and a text."""
    path = workspace.incoming / "upload-1.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(3):
            archive.writestr(f"some/folder/{number}.jpg", crop("cat", number))
        archive.writestr("again.jpg", crop("cat", 0))
        archive.writestr("broken.jpg", b"no picture")
        archive.writestr("readme.txt", b"hello")
    return path


@pytest.fixture
def dataset(workspace: Workspace) -> str:
    return create_dataset(workspace, "Pets", ["cat", "dog"]).id


def context(workspace: Workspace, reporter: Silence | None = None, **payload: object) -> JobContext:
    return JobContext(workspace, RunFolder(workspace.jobs), payload, reporter or Silence())


def test_a_zip_of_files_grows_a_class_and_is_removed(workspace: Workspace, upload: Path, dataset: str) -> None:
    class Watching(Silence):
        heard: ClassVar[list[tuple[str, int, int]]] = []

        def progress(self, task: str, done: int, total: int) -> None:
            self.heard.append((task, done, total))

    result = add_pictures.run(context(workspace, Watching(), dataset=dataset, class_name="cat", path=str(upload)))
    assert {total for _, _, total in Watching.heard} == {6}
    assert (result["added"], result["copies"], result["version"]) == (3, 1, 2)
    assert result["classes"] == {"cat": 3, "dog": 0}
    assert {entry["file"] for entry in result["rejected"]} == {"broken.jpg", "readme.txt"}
    assert find_dataset(workspace, dataset).counts == {"cat": 3, "dog": 0}
    assert not upload.exists()


def test_what_is_there_already_makes_no_version(workspace: Workspace, upload: Path, dataset: str) -> None:
    again = workspace.incoming / "upload-2.zip"
    again.write_bytes(upload.read_bytes())
    add_pictures.run(context(workspace, dataset=dataset, class_name="cat", path=str(upload)))
    result = add_pictures.run(context(workspace, dataset=dataset, class_name="cat", path=str(again), audit=True))
    assert (result["added"], result["copies"], result["version"]) == (0, 4, 2)
    assert "audit" not in result


def test_a_refused_upload_is_removed_too(workspace: Workspace, upload: Path, dataset: str) -> None:
    with pytest.raises(DatasetError, match=r"no such class.*dog"):
        add_pictures.run(context(workspace, dataset=dataset, class_name="cow", path=str(upload)))
    assert list(workspace.incoming.iterdir()) == []
    upload.write_bytes(b"no zip")
    with pytest.raises(ImportRefused, match="not a zip"):
        add_pictures.run(context(workspace, dataset=dataset, class_name="cat", path=str(upload)))
    assert list(workspace.incoming.iterdir()) == []
    assert find_dataset(workspace, dataset).version == 1


def test_a_stop_leaves_nothing(workspace: Workspace, upload: Path, dataset: str) -> None:
    class Impatient(Silence):
        def stop_requested(self) -> bool:
            return True

    with pytest.raises(Stopped):
        add_pictures.run(context(workspace, Impatient(), dataset=dataset, class_name="cat", path=str(upload)))
    assert list(workspace.incoming.iterdir()) == []
    assert find_dataset(workspace, dataset).version == 1


def test_only_uploads_are_taken(workspace: Workspace, upload: Path, dataset: str, tmp_path: Path) -> None:
    own = tmp_path / "own.zip"
    upload.rename(own)
    with pytest.raises(ImportRefused, match="incoming"):
        add_pictures.run(context(workspace, dataset=dataset, class_name="cat", path=str(own)))
    assert own.exists()


@pytest.mark.parametrize("upload_is_gone", [False, True])
def test_a_kill_after_the_pictures_are_in_is_told_as_the_undisturbed_job(
    workspace: Workspace, upload: Path, dataset: str, upload_is_gone: bool
) -> None:
    job = RunFolder(workspace.jobs / "20260101-000000-aaaa")
    job.path.mkdir()
    payload = {"dataset": dataset, "class_name": "cat", "path": str(upload)}
    data = upload.read_bytes()
    told = add_pictures.run(JobContext(workspace, job, payload, Silence()))
    if not upload_is_gone:
        upload.write_bytes(data)
    rename_class(workspace, dataset, "dog", "wolf")  # somebody changed it meanwhile
    job.events.touch()
    job.prepare_again()

    again = add_pictures.run(JobContext(workspace, job, payload, Silence()))

    assert again == told
    assert (again["added"], again["copies"], again["version"]) == (3, 1, 2)
    assert find_dataset(workspace, dataset).version == 3
    assert not upload.exists()


def test_what_was_only_about_to_be_added_is_added(
    workspace: Workspace, upload: Path, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: object, **__: object) -> None:
        raise Killed

    job = RunFolder(workspace.jobs / "20260101-000000-aaaa")
    job.path.mkdir()
    payload = {"dataset": dataset, "class_name": "cat", "path": str(upload)}
    data = upload.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("tlcore.data.growing.DatasetWriter.publish_version", kill)
        with pytest.raises(Killed):
            add_pictures.run(JobContext(workspace, job, payload, Silence()))
    upload.write_bytes(data)
    job.events.touch()
    job.prepare_again()
    assert add_pictures.run(JobContext(workspace, job, payload, Silence()))["added"] == 3
    assert find_dataset(workspace, dataset).version == 2
