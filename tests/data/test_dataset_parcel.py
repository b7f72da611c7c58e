"""A dataset as one file: the same pictures, labels, parts and notes on another machine, and nothing else."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tlcore.data.catalog import open_dataset
from tlcore.data.dataset import DatasetInfo
from tlcore.data.dataset_parcel import pack_dataset, packed_size, unpack_dataset
from tlcore.data.edits import exclude, remove_class
from tlcore.data.importer import import_pictures
from tlcore.data.notes import read_notes, write_notes
from tlcore.data.parcel import Parcel
from tlcore.data.versions import list_versions
from tlcore.data.writer import DatasetWriter
from tlcore.errors import DatasetError, ImportRefused, WorkspaceError
from tlcore.progress import Silence, Stopped
from tlcore.workspace import MEBIBYTE, Workspace

DATASET = "my/pets"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, make_folder: Callable[..., Path]) -> Workspace:
    """A workspace with one dataset in parts, of which one picture was left out. Read only: tests share it."""
    root = tmp_path_factory.mktemp("there")
    home = Workspace.open(root / "home")
    make_folder(root / "pets" / "train", cat=3, coffee=3)
    make_folder(root / "pets" / "test", cat=1, coffee=1)
    (root / "pets" / "train" / "cat" / "broken.jpg").write_bytes(b"no picture")
    import_pictures(home, root / "pets", "pets")
    exclude(home, DATASET, [open_dataset(home, DATASET).keys[1]], "blurred")
    write_notes(home, DATASET, "taken in May")
    return home


@pytest.fixture(scope="module")
def parcel(home: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack_dataset(home, DATASET, tmp_path_factory.mktemp("parcel") / "pets.zip")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "elsewhere")


def everything(workspace: Workspace, dataset_id: str) -> list[tuple[object, ...]]:
    stored = open_dataset(workspace, dataset_id, with_excluded=True)
    columns = (stored.keys, stored.labels.tolist(), stored.parts, stored.hashes, stored.groups.tolist())
    sizes = (stored.widths.tolist(), stored.heights.tolist())
    pictures = [stored.read(index) for index in range(len(stored))]
    return list(zip(*columns, *sizes, stored.exclusions, pictures, strict=True))


def test_a_dataset_is_on_another_machine_what_it_was(home: Workspace, parcel: Path, elsewhere: Workspace) -> None:
    info = unpack_dataset(elsewhere, parcel)
    before = open_dataset(home, DATASET).info
    assert (info.id, info.fingerprint, info.excluded) == (DATASET, before.fingerprint, 1)
    assert (info.class_names, info.counts, info.parts) == (before.class_names, before.counts, before.parts)
    assert (info.origin, info.created, info.rejected) == ("pets", before.created, before.rejected)
    assert everything(elsewhere, DATASET) == everything(home, DATASET)
    assert (open_dataset(elsewhere, DATASET).looks() == open_dataset(home, DATASET).looks()).all()
    assert read_notes(elsewhere, DATASET) == "taken in May"
    assert [version.number for version in list_versions(elsewhere, DATASET)] == [1]
    assert list(elsewhere.incoming.iterdir()) == []


def test_no_path_of_this_machine_is_in_it(home: Workspace, parcel: Path) -> None:
    assert open_dataset(home, DATASET).info.origin == str(home.root.parent / "pets")
    with zipfile.ZipFile(parcel) as archive:
        assert str(home.root.parent).encode() not in b"".join(archive.read(name) for name in archive.namelist())
        assert sorted({name.split("/")[0] for name in archive.namelist()}) == [
            "dataset.json",
            "index.jsonl",
            "manifest.json",
            "notes.txt",
            "pictures",
        ]
    assert 0 < packed_size(home, DATASET) < parcel.stat().st_size


def test_one_that_is_here_is_told_and_a_taken_name_gets_another(parcel: Path, elsewhere: Workspace) -> None:
    unpack_dataset(elsewhere, parcel)
    with pytest.raises(ImportRefused, match="already here"):
        unpack_dataset(elsewhere, parcel)
    remove_class(elsewhere, DATASET, "coffee")
    info = unpack_dataset(elsewhere, parcel)
    assert (info.id, info.name) == ("my/pets-2", "pets-2")
    assert everything(elsewhere, "my/pets-2") != everything(elsewhere, DATASET)


def test_only_one_s_own_datasets_are_packed(home: Workspace, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="datasets prepare sample/digits"):
        pack_dataset(home, "sample/digits", tmp_path / "digits.zip")
    assert not list(tmp_path.iterdir())


def repacked(parcel: Path, target: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    """The parcel with some members changed, of which its manifest tells."""
    with zipfile.ZipFile(parcel) as source:
        members = {name: source.read(name) for name in source.namelist()}
    manifest = json.loads(members.pop("manifest.json"))
    change(members)
    manifest["files"] = [
        {"path": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in members.items()
    ]
    with zipfile.ZipFile(target, "w") as out:
        for name, data in members.items():
            out.writestr(name, data)
        out.writestr("manifest.json", json.dumps(manifest))
    return target


def rows(**values: Any) -> Callable[[dict[str, bytes]], object]:
    """Replaces values in the first two lines of the index."""

    def change(members: dict[str, bytes]) -> None:
        lines = [json.loads(line) for line in members["index.jsonl"].splitlines()]
        lines[:2] = [line | values for line in lines[:2]]
        members["index.jsonl"] = "\n".join(json.dumps(line) for line in lines).encode()

    return change


def info(**values: Any) -> Callable[[dict[str, bytes]], object]:
    return lambda members: members.update(
        {"dataset.json": json.dumps(json.loads(members["dataset.json"]) | values).encode()}
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda members: members.update({"../x": b""}), "leads out"),
        (lambda members: members.update({"pictures/999999.jpg": b"x"}), "not those that its index names"),
        (lambda members: members.update({"versions/000001.parquet": b"PAR1"}), "not those that its index names"),
        (lambda members: members.update({"pictures/000000.jpg": b"no picture"}), "can't be read"),
        (lambda members: members.update({"index.jsonl": b"{}"}), "can't be read"),
        (lambda members: members.update({"notes.txt": b"\xff"}), "notes"),
        (lambda members: members.pop("dataset.json"), "not those|lacks a part"),
        (rows(file="../../../etc/passwd"), "can't be read"),
        (rows(file="pictures/000000.jpg"), "not those that its index names"),
        (rows(label=7), "does not fit its classes"),
        (rows(key="same"), "names that can't be used"),
        (rows(part="secret"), "can't be read"),
        (rows(excluded="evil\u202e"), "names that can't be used"),
        (info(class_names=["../up", "coffee"]), "classes"),
        (info(class_names=["cat", "cat"]), "classes"),
        (info(source="elsewhere"), "can't be read"),
    ],
)
def test_what_is_no_dataset_is_refused_and_leaves_nothing(
    parcel: Path, elsewhere: Workspace, tmp_path: Path, change: Callable[[dict[str, bytes]], object], words: str
) -> None:
    with pytest.raises(ImportRefused, match=words):
        unpack_dataset(elsewhere, repacked(parcel, tmp_path / "hostile.zip", change))
    assert leftovers(elsewhere) == []


def padded(name: str, size: int) -> Callable[[dict[str, bytes]], object]:
    """Makes a member as long as this, by what JSON passes over."""
    return lambda members: members.update({name: members[name] + b" " * (size - len(members[name]))})


def more_lines(members: dict[str, bytes]) -> None:
    members["index.jsonl"] += members["index.jsonl"].splitlines(keepends=True)[0]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The parts of parcels that were read since."""
    found: list[str] = []

    def note(parcel: Parcel, path: str) -> Iterator[bytes]:
        found.append(path)
        return pieces(parcel, path)

    pieces = Parcel._pieces
    monkeypatch.setattr(Parcel, "_pieces", note)
    return found


@pytest.mark.parametrize(
    ("change", "words", "whole"),
    [
        (padded("index.jsonl", MEBIBYTE + 8 * 2048 + 1), "larger than it can be.*index.jsonl", ["dataset.json"]),
        (padded("dataset.json", MEBIBYTE + 10 * 1024 + 1), "larger than it can be.*dataset.json", []),
        (more_lines, "more entries than it can have", ["dataset.json", "index.jsonl"]),
        (lambda members: members.update({f"pictures/{n:06d}.jpg": b"" for n in range(11)}), "too many pictures", []),
    ],
)
def test_no_more_is_read_than_so_many_pictures_can_need(
    parcel: Path,
    elsewhere: Workspace,
    tmp_path: Path,
    read: list[str],
    change: Callable[[dict[str, bytes]], object],
    words: str,
    whole: list[str],
) -> None:
    few = replace(elsewhere, limits=replace(elsewhere.limits, pictures=10))
    with pytest.raises(ImportRefused, match=words):
        unpack_dataset(few, repacked(parcel, tmp_path / "hostile.zip", change))
    assert read == whole
    assert leftovers(elsewhere) == []
    assert unpack_dataset(few, parcel).pictures == 7


@pytest.mark.parametrize("over", [0, 1])
def test_a_manifest_is_no_longer_than_its_files_need(
    parcel: Path, elsewhere: Workspace, tmp_path: Path, over: int
) -> None:
    hostile = repacked(parcel, tmp_path / "hostile.zip", lambda _: None)
    with zipfile.ZipFile(hostile) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    most = 64 * 1024 + 256 * (len(members) - 1)
    padded("manifest.json", most + over)(members)
    with zipfile.ZipFile(hostile, "w") as out:
        for name, data in members.items():
            out.writestr(name, data)
    if not over:
        assert unpack_dataset(elsewhere, hostile).pictures == 7
        return
    with pytest.raises(ImportRefused, match="list of its parts is too long"):
        unpack_dataset(elsewhere, hostile)


@pytest.mark.parametrize("compressed", ["manifest.json", "index.jsonl", "pictures/000003.jpg"])
def test_what_would_unfold_is_refused_unread(
    parcel: Path, elsewhere: Workspace, tmp_path: Path, read: list[str], compressed: str
) -> None:
    hostile = tmp_path / "hostile.zip"
    with zipfile.ZipFile(parcel) as source, zipfile.ZipFile(hostile, "w") as out:
        assert {member.compress_type for member in source.infolist()} == {zipfile.ZIP_STORED}
        for name in source.namelist():
            out.writestr(name, source.read(name), zipfile.ZIP_DEFLATED if name == compressed else None)
    with pytest.raises(ImportRefused, match=f"compressed its parts.*{compressed}.*without unpacking it"):
        unpack_dataset(elsewhere, hostile)
    assert read == []
    assert leftovers(elsewhere) == []


def test_a_lie_about_id_and_source_does_no_harm(parcel: Path, elsewhere: Workspace, tmp_path: Path) -> None:
    values = {"id": "../../outside", "source": "tfds", "name": "../up", "fingerprint": "f" * 64, "version": 99}
    unpacked = unpack_dataset(elsewhere, repacked(parcel, tmp_path / "lie.zip", info(**values)))
    assert (unpacked.id, unpacked.source, unpacked.version) == ("my/up", "own", 1)
    assert unpacked.fingerprint != "f" * 64
    assert [path.name for path in elsewhere.datasets.glob("*/*")] == ["up"]


def test_a_stop_or_a_full_disk_leaves_nothing(
    parcel: Path, elsewhere: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopping(Silence):
        def stop_requested(self) -> bool:
            return True

    with pytest.raises(Stopped):
        unpack_dataset(elsewhere, parcel, Stopping())

    def no_room(self: DatasetWriter) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(DatasetWriter, "_rename", no_room)
    with pytest.raises(WorkspaceError, match="nothing of it was kept"):
        unpack_dataset(elsewhere, parcel)
    assert leftovers(elsewhere) == []


def leftovers(workspace: Workspace) -> list[Path]:
    return [*workspace.datasets.glob("my/*"), *workspace.incoming.iterdir()]


def test_the_description_keeps_its_words(parcel: Path) -> None:
    with zipfile.ZipFile(parcel) as archive:
        told = DatasetInfo.model_validate_json(archive.read("dataset.json"))
    assert (told.origin, told.name, len(told.rejected)) == ("pets", "pets", 1)
