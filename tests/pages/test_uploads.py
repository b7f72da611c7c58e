"""Uploads become archives in the workspace under names of our own."""

from __future__ import annotations

import os
import time
import zipfile
from pathlib import Path

import pytest
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.typing import UploadedFile

from pages.widgets.uploads import forget_upload, keep_files, keep_folder, keep_one, keep_upload
from tlcore.data.importer import import_pictures
from tlcore.errors import ImportRefused, WorkspaceError
from tlcore.workspace import Workspace


def upload(name: str, data: bytes) -> UploadedFile:
    return UploadedFile(UploadedFileRec(name, name, "", data), FileURLs())


def test_an_archive_is_copied_whole_under_a_safe_name(workspace: Workspace) -> None:
    given = upload("../../my photos!.zip", b"content")
    given.read()  # somebody read it before

    path = keep_upload(workspace, given)

    assert path.read_bytes() == b"content"
    assert path.parent == workspace.incoming
    assert path.name.endswith("my-photos.zip")


def test_a_folder_is_imported_like_any_archive(workspace: Workspace, picture_folder: Path) -> None:
    files = [upload(f"pets/{path.parent.name}/{path.name}", path.read_bytes()) for path in picture_folder.glob("*/*")]

    info = import_pictures(workspace, keep_folder(workspace, files), "pets")

    assert info.counts == {"cat": 12, "coffee": 12}


def test_hostile_paths_of_a_folder_stay_text_and_are_refused(workspace: Workspace, picture_folder: Path) -> None:
    data = next(picture_folder.glob("cat/*")).read_bytes()
    path = keep_folder(workspace, [upload("..\\..\\outside.jpg", data), upload("/etc/x/1.jpg", data)])

    assert not (workspace.root.parent / "outside.jpg").exists()
    assert zipfile.ZipFile(path).namelist()[0] == "../../outside.jpg"
    with pytest.raises(ImportRefused):
        import_pictures(workspace, path, "pets")


def test_files_chosen_one_after_the_other_are_kept_together_and_once(workspace: Workspace) -> None:
    first = keep_files(workspace, [upload("cat/1.jpg", b"one"), upload("cat/2.jpg", b"two")], None)

    both = keep_files(
        workspace, [upload("cat/1.jpg", b"one"), upload("cat/2.jpg", b"other"), upload("x/1", b"3")], first
    )

    assert both.path == first.path
    assert zipfile.ZipFile(both.path).namelist() == ["cat/1.jpg", "cat/2.jpg", "cat/2-2.jpg", "x/1"]
    assert (both.files, both.folders) == (4, {"cat": 3, "x": 1})


def test_other_files_than_archives_keep_their_kind(workspace: Workspace) -> None:
    kept = keep_one(workspace, upload("../Labels of mine.CSV", b"file,label"))

    assert kept.path.suffix == ".csv"
    assert kept.path.parent == workspace.incoming
    forget_upload(kept)
    assert not kept.path.exists()


def test_uploads_of_people_who_went_away_are_removed_in_time(workspace: Workspace) -> None:
    old, recent = (keep_upload(workspace, upload(name, b"")) for name in ("old.zip", "recent.zip"))
    eight_days_ago = time.time() - 8 * 24 * 3600
    os.utime(old, (eight_days_ago, eight_days_ago))

    keep_upload(workspace, upload("next.zip", b""))

    assert not old.exists()
    assert recent.exists()


def test_a_missing_folder_is_told(workspace: Workspace) -> None:
    workspace.incoming.rmdir()
    with pytest.raises(WorkspaceError, match="can't be kept"):
        keep_upload(workspace, upload("a.zip", b""))
