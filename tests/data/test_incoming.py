"""What uploads are called: on disk nobody's name stands in another's way, and messages show what a person knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlcore.data.archive import open_archive
from tlcore.data.incoming import called, upload_path
from tlcore.data.labels import arrange_by_table, named_table
from tlcore.data.listing import Listing, Member
from tlcore.data.parcel import open_parcel
from tlcore.errors import ImportRefused
from tlcore.workspace import Workspace


def test_of_a_name_from_outside_what_is_plain_stays(workspace: Workspace) -> None:
    path = upload_path(workspace, "../../my photos!.ZIP")
    assert path.parent == workspace.incoming
    assert called(path) == "my-photos.zip"
    assert called(upload_path(workspace, "..")) == "archive"
    assert called(upload_path(workspace, "x" * 500 + ".csv")) == "x" * 60 + ".csv"


def test_two_of_one_name_are_two_files(workspace: Workspace) -> None:
    assert upload_path(workspace, "a.zip") != upload_path(workspace, "a.zip")


@pytest.mark.parametrize("name", ["upload-cats.zip", "photos.zip", "my-upload-0123456789ab-x.zip"])
def test_a_file_of_ones_own_is_called_as_it_is(name: str) -> None:
    assert called(Path(name)) == name


def test_refusals_call_an_upload_as_a_person_does(workspace: Workspace) -> None:
    path = upload_path(workspace, "holiday.zip")
    path.write_bytes(b"no zip")
    for opened in (open_archive(path, workspace.limits), open_parcel(path, "dataset", workspace.limits)):
        with pytest.raises(ImportRefused) as caught, opened:
            pass
        assert caught.value.value == "holiday.zip"


def test_an_uploaded_train_csv_means_the_pictures_in_train(workspace: Workspace) -> None:
    listing = Listing()
    for name in ("train/1.jpg", "train/2.jpg", "test/1.jpg"):
        listing.members.append(Member(tuple(name.split("/")), 0, 0, bytes))
    path = upload_path(workspace, "train.csv")
    path.write_text("file,label\n1.jpg,cat\n2.jpg,dog\n9.jpg,dog\n")
    layout = arrange_by_table(listing, named_table(listing, path, workspace.limits), workspace.limits)
    assert {candidate.key: candidate.class_name for candidate in layout.candidates} == {
        "train/1.jpg": "cat",
        "train/2.jpg": "dog",
    }
    assert "train.csv, line 4: 9.jpg" in [rejected.file for rejected in layout.rejected]
