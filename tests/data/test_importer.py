from __future__ import annotations

import errno
import os
import stat
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlcore.data.catalog import list_datasets, open_dataset
from tlcore.data.importer import import_pictures
from tlcore.data.stored import StoredDataset
from tlcore.errors import ImportRefused, WorkspaceError
from tlcore.progress import Stopped
from tlcore.workspace import Limits, Workspace

Crop = Callable[..., bytes]


@pytest.fixture
def good(crop: Crop) -> dict[str, bytes]:
    """Two classes of two photos, as the members of an archive."""
    return {f"{name}/{number}.jpg": crop(name, number) for name in ("cat", "coffee") for number in range(2)}


@pytest.fixture
def unpacked(tmp_path: Path) -> Callable[[dict[str, bytes]], Path]:
    """Writes members as a folder."""

    def write(members: dict[str, bytes]) -> Path:
        for name, data in members.items():
            path = tmp_path / "given" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return tmp_path / "given"

    return write


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[[dict[str, bytes]], Path]:
    """Writes members as a zip."""

    def write(members: dict[str, bytes]) -> Path:
        path = tmp_path / "given.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return path

    return write


def test_a_folder_and_a_zip_of_it_become_the_same_dataset(
    workspace: Workspace, good: dict[str, bytes], unpacked: Any, zipped: Any, listener: Any
) -> None:
    heard = listener()
    folder = import_pictures(workspace, unpacked(good), "As a folder", heard)
    archive = import_pictures(workspace, zipped(good), "archive")
    assert folder.id == "my/As-a-folder"
    assert folder.name == "As a folder"
    assert folder.counts == {"cat": 2, "coffee": 2}
    assert folder.fingerprint == archive.fingerprint != ""
    assert heard.heard[0] == ("Checking pictures", 0, 4)
    assert heard.heard[-1] == ("Checking pictures", 4, 4)
    dataset = StoredDataset.open(workspace.datasets / "my/archive")
    assert list(dataset.keys) == sorted(good)
    assert [dataset.read(index) for index in range(4)] == [good[key] for key in dataset.keys]
    assert dataset.labels.tolist() == [0, 0, 1, 1]
    assert list(dataset.parts) == [None] * 4
    assert set(dataset.widths) == set(dataset.heights) == {96}
    assert list(workspace.incoming.iterdir()) == []


@pytest.mark.parametrize(
    ("spelt", "parts"),
    [
        (("train", "validation", "test"), {"train": 4, "validation": 4, "test": 4}),
        (("Training", "VAL"), {"train": 4, "validation": 4}),
        (("train_set", "testing_data"), {"train": 4, "test": 4}),
        (("valid", "test"), {"validation": 4, "test": 4}),
    ],
)
def test_folders_named_like_parts_are_parts(
    workspace: Workspace, good: dict[str, bytes], unpacked: Any, spelt: tuple[str, ...], parts: dict[str, int]
) -> None:
    members = {f"wrap/per/{part}/{name}": data for part in spelt for name, data in good.items()}
    info = import_pictures(workspace, unpacked(members), "parts")
    assert info.parts == parts
    assert info.class_names == ("cat", "coffee")
    assert info.duplicates == 4 * (len(spelt) - 1)
    assert open_dataset(workspace, info.id).keys[0].endswith("cat/0.jpg")


def test_classes_called_like_parts_stay_classes(workspace: Workspace, crop: Crop, unpacked: Any) -> None:
    info = import_pictures(workspace, unpacked({"train/1.jpg": crop("cat", 0), "bus/1.jpg": crop("cat", 1)}), "x")
    assert info.class_names == ("bus", "train")
    assert info.parts == {}


def test_bad_files_among_good_ones_are_listed_and_the_rest_imported(
    workspace: Workspace, good: dict[str, bytes], zipped: Any
) -> None:
    bad = {
        "cat/words.jpg": b"These are words.",
        "cat/cut.jpg": good["cat/0.jpg"][:1500],
        "cat/notes.txt": b"notes",
        "coffee/inner.zip": b"PK",
        "loose.jpg": good["cat/0.jpg"],
        "README.md": b"read me",
        "birds/none.jpg": b"",
        "empty/": b"",
        "bell\a/1.jpg": good["cat/0.jpg"],
    }
    junk = {"__MACOSX/cat/._0.jpg": b"x", "cat/.DS_Store": b"x", "coffee/Thumbs.db": b"x", ".git/1.jpg": b"x"}
    info = import_pictures(workspace, zipped(good | bad | junk), "mixed")
    assert info.counts == {"cat": 2, "coffee": 2}
    reasons = {entry.file: entry.reason for entry in info.rejected}
    assert set(reasons) == {*(name.strip("/") for name in bad if "\a" not in name), "bell\\x07/1.jpg", "birds"}
    assert "not a picture" in reasons["cat/words.jpg"]
    assert "cut off" in reasons["cat/cut.jpg"]
    assert "ends in .txt" in reasons["cat/notes.txt"]
    assert "unpack" in reasons["coffee/inner.zip"]
    assert "outside the class folders" in reasons["loose.jpg"]
    assert "no picture that can be read" in reasons["birds"]
    assert "no picture that can be read" in reasons["empty"]
    assert open_dataset(workspace, info.id).info == info


def test_names_are_text_whatever_they_look_like(workspace: Workspace, crop: Crop, zipped: Any) -> None:
    members = {
        "<b>bold</b> & co/1.jpg": crop("cat", 0),
        "🐈 cats/1.jpg": crop("cat", 1),
        "Bäume/" + "long" * 40 + ".jpg": crop("coffee", 1),
        "win\\dows\\1.jpg": crop("coffee", 2),
        "no_extension/1": crop("rocket", 0),
        "Wrong/1.png": crop("rocket", 1),
    }
    info = import_pictures(workspace, zipped(members), "名前 <script>")
    assert set(info.class_names) == {"<b>bold<", "🐈 cats", "Bäume", "win", "no_extension", "Wrong"}
    assert info.name == "名前 <script>"
    assert info.id == "my/script"
    files = sorted(path.suffix for path in (workspace.datasets / "my/script/pictures").glob("*/000/*"))
    assert files == [".jpg"] * 6


def test_utf8_names_without_the_flag_are_read(workspace: Workspace, good: dict[str, bytes], zipped: Any) -> None:
    path = zipped({name.replace("cat", "xxxx"): data for name, data in good.items()})
    path.write_bytes(path.read_bytes().replace(b"xxxx/", "chä/".encode()))
    assert import_pictures(workspace, path, "flagless").class_names == ("chä", "coffee")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names, links or devices")
def test_odd_entries_of_a_folder_are_left_out(workspace: Workspace, good: dict[str, bytes], unpacked: Any) -> None:
    folder = unpacked(good)
    (folder / "cat/link.jpg").symlink_to("/etc/passwd")
    (folder / "cats too").symlink_to(folder / "cat")
    os.mkfifo(folder / "coffee/pipe.jpg")
    latin = os.fsencode(folder / "coffee") + b"/caf\xe9.jpg"
    Path(os.fsdecode(latin)).write_bytes(good["cat/1.jpg"] + b" ")
    info = import_pictures(workspace, folder, "odd")
    reasons = {entry.file: entry.reason for entry in info.rejected}
    assert set(reasons) == {"cat/link.jpg", "cats too", "coffee/pipe.jpg"}
    assert "link" in reasons["cats too"]
    assert "coffee/café.jpg" in open_dataset(workspace, info.id).keys


def refuse(workspace: Workspace, path: Path, leftovers: Any) -> str:
    """The message with which an import is refused; nothing of it is left."""
    with pytest.raises(ImportRefused) as caught:
        import_pictures(workspace, path, "given")
    assert leftovers(workspace) == []
    assert caught.value.hint
    assert caught.value.exit_status == 2
    return str(caught.value)


def test_what_holds_fewer_than_two_classes_is_refused(
    workspace: Workspace, good: dict[str, bytes], zipped: Any, leftovers: Any
) -> None:
    assert "no files" in refuse(workspace, zipped({}), leftovers)
    assert "no files" in refuse(workspace, zipped({"cat/": b"", "dog/": b""}), leftovers)
    one = {name: data for name, data in good.items() if name.startswith("cat")}
    message = refuse(workspace, zipped(one), leftovers)
    assert "Only one class" in message
    assert "class cat" in message
    assert "folder named after the class" in message
    message = refuse(workspace, zipped(one | {"dog/1.jpg": b"These are words."}), leftovers)
    assert "dog/1.jpg (This is not a picture" in message
    assert "No picture" in refuse(workspace, zipped({"a/1.txt": b"", "b/1.jpg": b"words"}), leftovers)
    flat = {name.replace("/", "-"): data for name, data in good.items()}
    assert "outside the class folders" in refuse(workspace, zipped(flat), leftovers)


def test_a_class_that_cannot_be_learnt_is_refused(
    workspace: Workspace, good: dict[str, bytes], crop: Crop, zipped: Any, leftovers: Any
) -> None:
    members = {f"{part}/{name}": data for part in ("train", "test") for name, data in good.items()}
    message = refuse(workspace, zipped(members | {"test/rocket/1.jpg": crop("rocket", 0)}), leftovers)
    assert "no picture in the train part" in message
    assert "rocket" in message
    twice = {f"{part}/{name}": data for part in ("train", "val", "valid") for name, data in good.items()}
    assert "Two folders seem to be the validation part" in refuse(workspace, zipped(twice), leftovers)
    case = good | {"Cat/9.jpg": crop("cat", 9)}
    assert "upper and lower case" in refuse(workspace, zipped(case), leftovers)


@pytest.mark.parametrize(
    "name",
    ["../out.jpg", "cat/../../out.jpg", "/etc/out.jpg", "C:\\out.jpg", "..\\out.jpg", "\\\\host\\share\\out.jpg"],
)
def test_paths_that_lead_out_refuse_the_archive(
    workspace: Workspace, good: dict[str, bytes], zipped: Any, leftovers: Any, name: str
) -> None:
    message = refuse(workspace, zipped(good | {name: good["cat/0.jpg"]}), leftovers)
    assert "leads out" in message
    assert "Pack the class folders again" in message
    assert not list(workspace.root.parent.rglob("out.jpg"))


def test_long_and_deep_paths_refuse_the_archive(
    workspace: Workspace, good: dict[str, bytes], zipped: Any, leftovers: Any
) -> None:
    assert "too long" in refuse(workspace, zipped(good | {"cat/" + "x" * 500 + ".jpg": b""}), leftovers)
    assert "too many folders" in refuse(workspace, zipped(good | {"a/" * 12 + "1.jpg": b""}), leftovers)


def test_bombs_are_refused_unopened(workspace: Workspace, good: dict[str, bytes], zipped: Any, leftovers: Any) -> None:
    assert "far more than pictures" in refuse(workspace, zipped(good | {"cat/9.jpg": bytes(20_000_000)}), leftovers)
    small = Workspace(workspace.root, Limits(expanded_bytes=5000))
    assert "too large together" in refuse(small, zipped(good), leftovers)
    few = Workspace(workspace.root, Limits(pictures=3))
    assert "too many pictures" in refuse(few, zipped(good), leftovers)
    none = Workspace(workspace.root, Limits(archive_bytes=100))
    assert "archive is too large" in refuse(none, zipped(good), leftovers)


def test_a_member_that_lies_about_its_size_is_one_rejected_file(
    workspace: Workspace, good: dict[str, bytes], zipped: Any
) -> None:
    path = zipped(good | {"cat/liar.jpg": bytes(50_000)})
    # The table of contents says ten bytes; whoever believes the stream instead gets as much as it likes to send.
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02", 0, data.rindex(b"cat/liar.jpg"))
    data[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    path.write_bytes(data)
    info = import_pictures(workspace, path, "lies")
    assert [entry.file for entry in info.rejected] == ["cat/liar.jpg"]
    assert "damaged inside the archive" in info.rejected[0].reason


def test_links_passwords_and_odd_methods_refuse_the_archive(
    workspace: Workspace, good: dict[str, bytes], zipped: Any, leftovers: Any
) -> None:
    path = zipped(good)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("cat/link.jpg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert "link or a device" in refuse(workspace, path, leftovers)
    data = bytearray(zipped(good).read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert "password" in refuse(workspace, path, leftovers)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("cat/1.jpg", b"x")
    assert "method" in refuse(workspace, path, leftovers)


@pytest.mark.parametrize("content", [b"", b"These are words.", b"Rar!\x1a\x07", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_zip_is_refused(workspace: Workspace, tmp_path: Path, leftovers: Any, content: bytes) -> None:
    path = tmp_path / "given.zip"
    path.write_bytes(content)
    assert "not a zip archive" in refuse(workspace, path, leftovers)


def test_a_cut_off_zip_and_a_missing_path_are_refused(
    workspace: Workspace, good: dict[str, bytes], zipped: Any, leftovers: Any
) -> None:
    path = zipped(good)
    path.write_bytes(path.read_bytes()[:-200])
    assert "not a zip archive" in refuse(workspace, path, leftovers)
    assert "no such folder or zip" in refuse(workspace, path.with_name("nowhere"), leftovers)


def test_a_name_twice_in_one_archive_counts_once(workspace: Workspace, good: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in good.items():
            archive.writestr(name, data)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("cat/0.jpg", good["coffee/1.jpg"])
        archive.writestr("cat/0.JPG", good["coffee/1.jpg"])
    info = import_pictures(workspace, path, "twice")
    assert [(entry.file, "twice" in entry.reason) for entry in info.rejected] == [("cat/0.jpg", True)]
    dataset = open_dataset(workspace, info.id)
    assert list(dataset.keys) == ["cat/0.JPG", "cat/0.jpg", "cat/1.jpg", "coffee/0.jpg", "coffee/1.jpg"]
    assert dataset.read(1) == good["cat/0.jpg"]
    assert info.duplicates == 1


def test_a_stop_a_full_disk_and_a_crash_leave_nothing(
    workspace: Workspace, picture_folder: Path, listener: Any, leftovers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Stopped):
        import_pictures(workspace, picture_folder, "pets", listener(stop_after=4))
    assert leftovers(workspace) == []
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name.startswith("000007"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(WorkspaceError, match=r"No space left on device.*Free some disk space"):
        import_pictures(workspace, picture_folder, "pets")
    assert leftovers(workspace) == []
    monkeypatch.undo()
    assert import_pictures(workspace, picture_folder, "pets").pictures == 24


def test_a_taken_name_is_refused_with_a_free_one(workspace: Workspace, picture_folder: Path) -> None:
    first = import_pictures(workspace, picture_folder, "pets")
    with pytest.raises(ImportRefused, match=r"already a dataset of this name.*such as PETS-2"):
        import_pictures(workspace, picture_folder, "PETS")
    assert list_datasets(workspace)[2:] == [first]


@pytest.mark.parametrize("name", ["../../evil", "/etc", "..", "CON\0", ".hidden", "", "x" * 300])
def test_no_name_leaves_the_workspace(workspace: Workspace, picture_folder: Path, name: str) -> None:
    info = import_pictures(workspace, picture_folder, name)
    folders = list((workspace.datasets / "my").iterdir())
    assert [f"my/{folder.name}" for folder in folders] == [info.id]
    assert len(info.id) <= 63
    assert info.name.isprintable()


def test_the_order_is_the_same_whatever_the_file_systems(
    workspace: Workspace, good: dict[str, bytes], zipped: Any
) -> None:
    forwards = import_pictures(workspace, zipped(good), "forwards")
    backwards = import_pictures(workspace, zipped(dict(reversed(good.items()))), "backwards")
    assert forwards.fingerprint == backwards.fingerprint
    swapped = {name.replace("0", "2"): data for name, data in good.items()}
    assert import_pictures(workspace, zipped(swapped), "swapped").fingerprint != forwards.fingerprint
