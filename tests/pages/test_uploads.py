"""Uploads become archives in the workspace under names of our own."""

from __future__ import annotations

import os
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.typing import UploadedFile

from pages.widgets.uploads import forget_upload, keep_files, keep_folder, keep_one, keep_upload
from tlcore.data.importer import import_pictures
from tlcore.errors import ImportRefused, WorkspaceError
from tlcore.workspace import Limits, Workspace


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


def small(workspace: Workspace) -> Workspace:
    return replace(workspace, limits=Limits(archive_bytes=100, expanded_bytes=100, pictures=1, path_length=40))


def test_what_is_too_large_together_is_refused_before_it_is_written(workspace: Workspace) -> None:
    strict = small(workspace)
    with pytest.raises(ImportRefused, match="too large"):
        keep_upload(strict, upload("a.zip", bytes(101)))
    with pytest.raises(ImportRefused, match="too large"):
        keep_folder(strict, [upload("a/1", bytes(60)), upload("a/2", bytes(60))])
    with pytest.raises(ImportRefused, match="too many files"):
        keep_folder(strict, [upload(f"a/{number}", b"") for number in range(5)])
    assert list(workspace.incoming.iterdir()) == []


def test_files_from_before_count_too_and_stay(workspace: Workspace) -> None:
    first = keep_files(workspace, [upload("a/1", bytes(60))], None)
    with pytest.raises(ImportRefused, match="too large"):
        keep_files(small(workspace), [upload("a/2", bytes(60))], first)
    assert zipfile.ZipFile(first.path).namelist() == ["a/1"]


def test_too_little_room_is_told_before_anything_is_written(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=50))
    for keep in (lambda given: keep_upload(workspace, given), lambda given: keep_folder(workspace, [given])):
        with pytest.raises(WorkspaceError, match="too little room"):
            keep(upload("a.zip", bytes(60)))
    assert list(workspace.incoming.iterdir()) == []


@pytest.mark.parametrize("name", ["a/" + "x" * 70_000, "a/\ud800.jpg"], ids=["too long", "no Unicode"])
def test_a_name_that_no_archive_can_have_is_refused_in_plain_words(workspace: Workspace, name: str) -> None:
    first = keep_files(workspace, [upload("a/1", b"one")], None)
    with pytest.raises(ImportRefused, match="name of a file can't be used"):
        keep_files(workspace, [upload("a/2", b"two"), upload(name, b"three")], first)
    assert zipfile.ZipFile(first.path).namelist() == ["a/1"]


def test_on_a_machine_that_strangers_share_uploads_are_kept_for_a_day(workspace: Workspace) -> None:
    demo = replace(workspace, mode="demo")
    for shared, stays in ((workspace, True), (demo, False)):
        old = keep_upload(shared, upload("old.zip", b""))
        yesterday = time.time() - 30 * 3600
        os.utime(old, (yesterday, yesterday))
        keep_upload(shared, upload("next.zip", b""))
        assert old.exists() == stays
