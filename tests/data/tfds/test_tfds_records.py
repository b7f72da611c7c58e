from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tlcore.data.places import read_place
from tlcore.data.tfds.chunks import largest_chunk
from tlcore.data.tfds.pair import Pair
from tlcore.data.tfds.records import FORMATS, read_examples

PAIR = Pair("image", "label", 3)
CLASSES = ("cat", "coffee", "rocket")


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_picture_is_found_in_place_with_its_label(tfds_files: Callable[[str], Path], file_format: str) -> None:
    folder = tfds_files(file_format)
    originals = {
        hashlib.sha256(path.read_bytes()).hexdigest(): path.parent.name
        for path in (folder.parent / "pictures").glob("*/*.jpg")
    }
    files = sorted((folder / "only_train/1.0.0").glob("*-of-*"))
    assert len(files) == 3
    seen = set()
    for file in files:
        for example in read_examples(file, file_format, PAIR):
            digest = hashlib.sha256(example.data).hexdigest()
            assert originals[digest] == CLASSES[example.label]
            assert read_place(Path("/"), example.place) == example.data
            seen.add(digest)
    assert seen == set(originals)


def test_a_picture_without_a_class_keeps_its_negative_label(tfds_files: Callable[[str], Path]) -> None:
    (file,) = (tfds_files("array_record") / "squares/1.0.0").glob("squares-train*")
    labels = [example.label for example in read_examples(file, "array_record", PAIR)]
    assert sorted(labels) == [-1, 0, *[0] * 8, *[1] * 8, *[2] * 8]


def test_a_file_that_was_cut_off_is_told(tfds_files: Callable[[str], Path], tmp_path: Path) -> None:
    (whole,) = (tfds_files("tfrecord") / "squares/1.0.0").glob("squares-test*")
    broken = tmp_path / whole.name
    broken.write_bytes(whole.read_bytes()[:-5000])
    with pytest.raises(OSError, match="middle of a record") as error:
        list(read_examples(broken, "tfrecord", PAIR))
    assert error.value.filename == str(broken)


@pytest.mark.parametrize("feature", ["photo", "label"])
def test_a_record_without_the_picture_is_told(tfds_files: Callable[[str], Path], feature: str) -> None:
    (file,) = (tfds_files("array_record") / "squares/1.0.0").glob("squares-test*")
    with pytest.raises(OSError, match=f"no {feature} with a"):
        next(read_examples(file, "array_record", Pair(feature, "label", 3)))


def test_what_is_no_record_at_all_is_told(tmp_path: Path) -> None:
    file = tmp_path / "noise"
    file.write_bytes(bytes(range(256)) * 40)
    with pytest.raises(OSError, match="middle of a record"):
        list(read_examples(file, "tfrecord", PAIR))


def test_a_record_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "large"
    with file.open("wb") as stream:
        stream.write((2**30).to_bytes(8, "little") + bytes(4))
        stream.truncate(2**30 + 16)  # a hole in the file: it takes no room
    with pytest.raises(OSError, match="1,074 MB and may have 18 MB") as error:
        next(read_examples(file, "tfrecord", PAIR, 10**6))
    assert error.value.filename == str(file)


def test_a_record_that_unpacks_to_too_much_is_refused_unread(tmp_path: Path, run_script: Callable[..., None]) -> None:
    file = tmp_path / "bomb"
    run_script("write_records.py", file, 1, 50_000_000)
    assert file.stat().st_size < 200_000
    with pytest.raises(OSError, match="50 MB and may have 18 MB"):
        next(read_examples(file, "array_record", PAIR, 10**6))


@pytest.mark.parametrize(("records", "size"), [(1, 200), (5_000, 10), (90, 70_000), (3, 9_000_000)])
def test_the_largest_record_is_known_unread(
    tmp_path: Path, run_script: Callable[..., None], records: int, size: int
) -> None:
    file = tmp_path / "records"
    run_script("write_records.py", file, records, size)
    beside = 8 * records + 200  # the list of places at the end
    assert size <= largest_chunk(file) <= size + beside
    file.write_bytes(file.read_bytes()[:-60_000])
    with pytest.raises(ValueError, match="middle of a record"):
        largest_chunk(file)
