from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from PIL import Image

from tlcore.data.dataset import DatasetInfo
from tlcore.data.edits import (
    add_class,
    create_dataset,
    exclude,
    include,
    keep_together,
    move_pictures,
    remove_class,
    remove_empty_class,
    remove_pictures,
    rename_class,
)
from tlcore.data.growing import add_pictures
from tlcore.data.places import Place
from tlcore.data.samples import prepare_sample
from tlcore.data.stored import StoredDataset, dataset_folder
from tlcore.data.versions import list_versions, restore_version
from tlcore.data.writer import DatasetWriter
from tlcore.errors import DatasetError, ImportRefused, WorkspaceError
from tlcore.files import write_json
from tlcore.images.decode import PictureFacts
from tlcore.images.guard import GuardedDecoder
from tlcore.workspace import Limits, Workspace

Crop = Callable[..., bytes]
FACTS = PictureFacts(4, 3, "PNG")


def keeping(workspace: Workspace, versions: int) -> Workspace:
    """The workspace, where so many versions of a dataset are kept."""
    return replace(workspace, limits=replace(workspace.limits, versions=versions))


@pytest.fixture
def pets(workspace: Workspace) -> DatasetInfo:
    """my/pets: four cats and four dogs, cat/0 … dog/3; the last two dogs have equal bytes."""
    with DatasetWriter(workspace, "my/pets") as writer:
        for name in ("cat", "dog"):
            for number in range(4):
                content = min(number, 2) if name == "dog" else number
                writer.add(f"{name}/{number}", name, None, f"{name}{content}".encode(), FACTS)
        return writer.publish(DatasetInfo(id="my/pets", name="pets", source="own", class_names=("cat", "dog")))


@pytest.fixture
def decoder() -> Iterator[GuardedDecoder]:
    with GuardedDecoder(Limits()) as guarded:
        yield guarded


def opened(workspace: Workspace, dataset_id: str = "my/pets", with_excluded: bool = False) -> StoredDataset:
    return StoredDataset.open(dataset_folder(workspace, dataset_id), with_excluded)


def test_leaving_out_is_a_version_and_can_be_undone(workspace: Workspace, pets: DatasetInfo) -> None:
    without = exclude(workspace, "my/pets", ["dog/3", "cat/0"], "blurred")
    assert (without.version, without.excluded, without.counts) == (2, 2, {"cat": 3, "dog": 3})
    assert without.duplicates == 0
    assert without.fingerprint != pets.fingerprint
    dataset = opened(workspace)
    assert dataset.keys == ["cat/1", "cat/2", "cat/3", "dog/0", "dog/1", "dog/2"]
    assert dataset.read(0) == b"cat1"
    assert dataset.index_of("dog/2") == 5
    assert dataset.index_of("dog/3") is None
    every = opened(workspace, with_excluded=True)
    assert every.exclusions == ["blurred", *[None] * 6, "blurred"]
    again = include(workspace, "my/pets", ["dog/3", "cat/0"])
    assert (again.version, again.excluded) == (3, 0)
    assert again.fingerprint == pets.fingerprint
    assert [(version.number, version.change) for version in list_versions(workspace, "my/pets")] == [
        (3, "2 pictures put back"),
        (2, "2 pictures left out: blurred"),
        (1, "Made"),
    ]


def test_what_changes_nothing_makes_no_version(workspace: Workspace, pets: DatasetInfo) -> None:
    assert include(workspace, "my/pets", ["cat/0"]).version == 1
    assert move_pictures(workspace, "my/pets", ["cat/0"], "cat").version == 1
    exclude(workspace, "my/pets", ["cat/0"], "first reason")
    assert exclude(workspace, "my/pets", ["cat/0"], "second reason").version == 2
    assert opened(workspace, with_excluded=True).exclusions[0] == "first reason"


def test_classes_are_renamed_added_and_removed(workspace: Workspace, pets: DatasetInfo) -> None:
    info = rename_class(workspace, "my/pets", "cat", " zebra ")
    assert info.class_names == ("dog", "zebra")
    assert info.counts == {"dog": 4, "zebra": 4}
    assert opened(workspace).keys[0] == "cat/0"  # keys never change
    assert add_class(workspace, "my/pets", "ant").counts == {"ant": 0, "dog": 4, "zebra": 4}
    moved = move_pictures(workspace, "my/pets", ["dog/0", "cat/1"], "new one")
    assert moved.counts == {"ant": 0, "dog": 3, "new one": 2, "zebra": 3}
    kept = {path.name for path in (workspace.datasets / "my/pets/pictures").glob("*/000/*")}
    assert len(kept) == 8
    left = remove_class(workspace, "my/pets", "zebra")
    assert left.counts == {"ant": 0, "dog": 3, "new one": 2}
    dataset = opened(workspace)
    assert [left.class_names[label] for label in dataset.labels] == ["new one", "new one", "dog", "dog", "dog"]
    assert len(list((workspace.datasets / "my/pets/pictures").glob("*/000/*"))) == 5


@pytest.mark.parametrize("name", ["", "  ", "DOG", "x" * 101])
def test_unusable_class_names_are_refused(workspace: Workspace, pets: DatasetInfo, name: str) -> None:
    with pytest.raises(DatasetError):
        rename_class(workspace, "my/pets", "cat", name)
    assert opened(workspace).info.version == 1


def test_unknown_pictures_classes_and_datasets_are_told(workspace: Workspace, pets: DatasetInfo) -> None:
    with pytest.raises(DatasetError, match=r"not in the dataset.*cow"):
        exclude(workspace, "my/pets", ["cat/0", "cow/1"], "why")
    with pytest.raises(DatasetError, match=r"no such class.*Valid: cat, dog"):
        remove_class(workspace, "my/pets", "cow")
    with pytest.raises(DatasetError, match="no such dataset"):
        include(workspace, "my/nothing", ["cat/0"])
    assert opened(workspace).info.excluded == 0


def test_samples_keep_their_classes_but_pictures_may_be_left_out(workspace: Workspace) -> None:
    info = prepare_sample(workspace, "sample/digits")
    with pytest.raises(DatasetError, match="makers'"):
        rename_class(workspace, info.id, "1", "one")
    with pytest.raises(DatasetError, match="makers'"):
        remove_pictures(workspace, info.id, ["1/0001.png"])
    assert exclude(workspace, info.id, ["1/0001.png"], "unclear").excluded == 1


def test_removed_pictures_are_gone_for_good(workspace: Workspace, pets: DatasetInfo) -> None:
    removed = remove_pictures(workspace, "my/pets", ["cat/2"])
    assert removed.pictures == 7
    files = sorted((workspace.datasets / "my/pets/pictures").glob("*/000/*"))
    assert b"cat2" not in [path.read_bytes() for path in files]
    back = restore_version(workspace, "my/pets", 1)
    assert (back.version, back.pictures) == (3, 7)
    assert "cat/2" not in opened(workspace).keys


def test_versions_come_back_and_old_ones_are_forgotten(workspace: Workspace, pets: DatasetInfo) -> None:
    rename_class(workspace, "my/pets", "cat", "kitten")
    exclude(workspace, "my/pets", ["dog/0"], "why")
    back = restore_version(workspace, "my/pets", 1)
    assert (back.version, back.class_names, back.excluded) == (4, ("cat", "dog"), 0)
    assert back.fingerprint == pets.fingerprint
    with pytest.raises(DatasetError, match="can't be brought back"):
        restore_version(workspace, "my/pets", 99)
    few = keeping(workspace, 5)
    for number in range(5):
        old, new = ("puss", "cat") if number % 2 else ("cat", "puss")
        rename_class(few, "my/pets", old, new)
    versions = list_versions(workspace, "my/pets")
    assert len(versions) == 4 + 5
    assert versions[-1].pictures == 8
    assert sum(version.restorable for version in versions) == 5 - 1  # and the current one
    with pytest.raises(DatasetError, match="can't be brought back"):
        restore_version(workspace, "my/pets", 1)


def test_near_copies_found_elsewhere_stay_together(workspace: Workspace, pets: DatasetInfo) -> None:
    assert opened(workspace).groups.tolist() == [0, 1, 2, 3, 4, 5, 6, 6]
    info = keep_together(workspace, "my/pets", [["cat/0", "dog/0"], ["dog/0", "cat/3", "gone"]])
    assert opened(workspace).groups.tolist() == [0, 1, 2, 0, 0, 5, 6, 6]
    assert info.fingerprint != pets.fingerprint
    assert keep_together(workspace, "my/pets", [["cat/3", "cat/0"]]).version == info.version


def test_an_empty_dataset_is_filled(workspace: Workspace, crop: Crop, decoder: GuardedDecoder) -> None:
    begun = create_dataset(workspace, "My toys", ["robot", "bear"])
    assert (begun.id, begun.class_names, begun.pictures) == ("my/My-toys", ("bear", "robot"), 0)
    photo = crop("cat", 0)
    added = add_pictures(
        workspace, begun.id, "robot", [("a.jpg", photo), ("../a.jpg", crop("cat", 1)), ("b.txt", b"text")], decoder
    )
    assert added.info.counts == {"bear": 0, "robot": 2}
    assert [key[:8] for key in added.keys] == ["robot/a~"] * 2
    assert len(set(added.keys)) == 2
    assert [entry.file for entry in added.rejected] == ["b.txt"]
    again = add_pictures(workspace, begun.id, "bear", [("again.jpg", photo)], decoder)
    assert (again.copies, again.keys, again.info.version) == (1, (), 2)
    assert opened(workspace, begun.id).read(0) == photo
    with pytest.raises(DatasetError, match="no such class"):
        add_pictures(workspace, begun.id, "cow", [("a.jpg", photo)], decoder)
    with pytest.raises(ImportRefused, match="already"):
        create_dataset(workspace, "My toys", [])
    with pytest.raises(DatasetError, match="already a class"):
        create_dataset(workspace, "Others", ["a", "A"])


def test_a_smaller_copy_under_another_name_is_recognised(
    workspace: Workspace, photos: dict[str, NDArray[np.uint8]], decoder: GuardedDecoder
) -> None:
    def encoded(name: str, side: int, quality: int) -> bytes:
        file = BytesIO()
        Image.fromarray(photos[name]).resize((side, side)).save(file, "JPEG", quality=quality)
        return file.getvalue()

    info = create_dataset(workspace, "toys", ["a", "b"])
    large = [(f"{name}.jpg", encoded(name, 300, 90)) for name in ("cat", "coffee", "rocket")]
    add_pictures(workspace, info.id, "a", large, decoder)
    add_pictures(workspace, info.id, "b", [("small.jpg", encoded("coffee", 90, 40))], decoder)
    assert opened(workspace, info.id).groups.tolist() == [0, 1, 2, 1]


def test_two_people_change_one_dataset(workspace: Workspace, pets: DatasetInfo) -> None:
    keys = [f"{name}/{number}" for name in ("cat", "dog") for number in range(4)]
    threads = [threading.Thread(target=exclude, args=(workspace, "my/pets", [key], "why")) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened(workspace, with_excluded=True).exclusions == ["why"] * 8
    assert opened(workspace).info.version == 9


def test_a_full_disk_changes_nothing(workspace: Workspace, pets: DatasetInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, document: object) -> None:
        if path.name == "dataset.json":
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("tlcore.data.versions.write_json", full)
        with pytest.raises(WorkspaceError, match="nothing was changed"):
            exclude(workspace, "my/pets", ["cat/0"], "why")
    assert opened(workspace).info == pets
    assert exclude(workspace, "my/pets", ["cat/1"], "why").version == 2
    assert [version.number for version in list_versions(workspace, "my/pets")] == [2, 1]


def test_pictures_that_a_killed_process_brought_are_swept(
    workspace: Workspace, pets: DatasetInfo, crop: Crop, decoder: GuardedDecoder
) -> None:
    stray = workspace.datasets / "my/pets/pictures/batch-stray"
    stray.mkdir()
    (stray / "1.jpg").write_bytes(b"never published")
    add_pictures(workspace, "my/pets", "cat", [("a.jpg", crop("cat", 0))], decoder)
    assert not stray.exists()
    assert len(opened(workspace)) == 9


def test_a_dataset_of_an_older_program_opens_and_can_be_changed(workspace: Workspace) -> None:
    folder = workspace.datasets / "my/old"
    (folder / "pictures/000").mkdir(parents=True)
    rows = {
        "key": ["a/1.png", "a/2.png", "b/1.png"],
        "label": [0, 0, 1],
        "part": [None, None, None],
        "sha256": ["x", "y", "x"],
        "width": [4, 4, 4],
        "height": [3, 3, 3],
        "file": [f"000/{number:06d}.png" for number in range(3)],
    }
    pq.write_table(pa.table(rows), folder / "index.parquet")
    for file in rows["file"]:
        (folder / "pictures" / str(file)).write_bytes(b"bytes")
    info = {"id": "my/old", "name": "old", "source": "own", "class_names": ["a", "b"], "counts": {"a": 2, "b": 1}}
    write_json(folder / "dataset.json", info)
    dataset = opened(workspace, "my/old")
    assert dataset.groups.tolist() == [0, 1, 0]
    assert dataset.exclusions == [None] * 3
    assert dataset.read(2) == b"bytes"
    assert not dataset.looks().any()
    assert exclude(workspace, "my/old", ["a/2.png"], "why").version == 2
    assert opened(workspace, "my/old").keys == ["a/1.png", "b/1.png"]
    assert restore_version(workspace, "my/old", 1).excluded == 0


def test_two_people_add_pictures_of_the_same_name(workspace: Workspace, crop: Crop) -> None:
    info = create_dataset(workspace, "toys", ["a", "b"])
    same = crop("cat", 0)
    both = threading.Barrier(2)

    def bring(number: int) -> None:
        def pictures() -> Iterator[tuple[str, bytes]]:
            both.wait(120)  # both have looked at the dataset before either adds to it
            yield "IMG_1.jpg", crop("coffee", number)
            yield "IMG_2.jpg", same

        with GuardedDecoder(Limits()) as guarded:
            add_pictures(workspace, info.id, "a", pictures(), guarded)

    threads = [threading.Thread(target=bring, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    dataset = opened(workspace, info.id)
    assert len(set(dataset.keys)) == len(dataset) == 3
    assert dataset.info.duplicates == 0


def test_a_name_is_never_given_to_another_picture(
    workspace: Workspace, pets: DatasetInfo, crop: Crop, decoder: GuardedDecoder
) -> None:
    (first,) = add_pictures(workspace, "my/pets", "cat", [("a.jpg", crop("cat", 0))], decoder).keys
    remove_pictures(workspace, "my/pets", [first])
    (second,) = add_pictures(workspace, "my/pets", "cat", [("a.jpg", crop("cat", 1))], decoder).keys
    assert first != second


def test_a_removed_picture_is_gone_from_every_batch(workspace: Workspace, pets: DatasetInfo) -> None:
    with DatasetWriter(workspace, "my/pets") as writer:
        writer.add("cat/0", "cat", None, b"cat0", FACTS)
        writer.add("dog/9", "dog", None, b"dog9", FACTS)
        writer.publish_version("Imported again", lambda info, _: (info, []))
    remove_pictures(workspace, "my/pets", ["cat/0"])
    files = list((workspace.datasets / "my/pets/pictures").glob("*/000/*"))
    assert b"cat0" not in [path.read_bytes() for path in files]
    assert b"cat1" in [path.read_bytes() for path in files]  # of version 1, which can still be brought back
    assert "cat/0" not in opened(workspace).keys
    restore_version(workspace, "my/pets", 1)
    assert "cat/0" not in opened(workspace).keys


def test_many_additions_push_nothing_out(
    workspace: Workspace, pets: DatasetInfo, crop: Crop, decoder: GuardedDecoder
) -> None:
    for number in range(4):
        add_pictures(workspace, "my/pets", "cat", [("a.jpg", crop("cat", number))], decoder)
    versions = list_versions(workspace, "my/pets")
    assert [version.number for version in versions] == [5, 4, 3, 2, 1]
    assert [version.number for version in versions if version.restorable] == [1]
    assert len(opened(workspace)) == 12


def test_pictures_that_no_kept_version_has_are_freed(workspace: Workspace, pets: DatasetInfo) -> None:
    workspace = keeping(workspace, 2)
    for number in range(3):
        with DatasetWriter(workspace, "my/pets") as writer:
            writer.add("cat/0", "cat", None, b"%d" % number, FACTS)
            writer.publish_version("Imported again", lambda info, _: (info, []))
    assert len(list((workspace.datasets / "my/pets/pictures").glob("batch-*"))) == 2
    assert opened(workspace).read(0) == b"2"


def test_a_dataset_that_is_deleted_meanwhile_is_a_plain_error(
    workspace: Workspace, pets: DatasetInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanish(lock: object, timeout: float) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("tlcore.data.versions.FileLock.acquire", vanish)
    with pytest.raises(DatasetError, match="Was it deleted"):
        exclude(workspace, "my/pets", ["cat/0"], "why")


def test_only_an_empty_class_is_dropped_on_the_way_back(workspace: Workspace, pets: DatasetInfo) -> None:
    add_class(workspace, "my/pets", "ant")
    assert remove_empty_class(workspace, "my/pets", "cat").class_names == ("ant", "cat", "dog")
    info = remove_empty_class(workspace, "my/pets", "ant")
    assert (info.class_names, info.counts) == (("cat", "dog"), {"cat": 4, "dog": 4})
    assert remove_empty_class(workspace, "my/pets", "ant").version == info.version


def test_looks_of_pictures_in_files_of_others_are_kept(workspace: Workspace, tmp_path: Path) -> None:
    workspace = keeping(workspace, 2)
    (tmp_path / "records").write_bytes(b"0123")
    look = PictureFacts(4, 3, "PNG", look=bytes(range(256)) + bytes(8))
    with DatasetWriter(workspace, "foreign") as writer:
        for number, name in enumerate("abab"):
            place = Place(str(tmp_path / "records"), offset=number, length=1)
            writer.add(f"{name}{number}", name, None, str(number).encode(), look, place)
        writer.publish(DatasetInfo(id="foreign", name="foreign", source="tfds", class_names=("a", "b")))
    for key in ("a0", "b1", "a2", "b3"):
        exclude(workspace, "foreign", [key], "why")
    dataset = opened(workspace, "foreign", with_excluded=True)
    assert dataset.looks().any(axis=1).all()
    assert dataset.read(3) == b"3"
