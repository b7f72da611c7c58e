from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tlcore.data.places import read_place
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
