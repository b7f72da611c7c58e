from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tlcore.data.tfds.directory import data_dir, find_on_disk, list_on_disk, state_of
from tlcore.data.tfds.records import FORMATS
from tlcore.workspace import Workspace


@pytest.fixture
def copied(tfds_files: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory of the test's own."""
    shutil.copytree(tfds_files("array_record"), tmp_path / "tfds")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    return tmp_path / "tfds"


def test_the_folder_is_the_one_that_tfds_reads() -> None:
    assert data_dir({"TFDS_DATA_DIR": "/data/sets"}) == Path("/data/sets")
    assert data_dir({}) == Path.home() / "tensorflow_datasets"
    assert data_dir({"TFDS_DATA_DIR": "~/sets"}) == Path.home() / "sets"


@pytest.mark.parametrize("file_format", FORMATS)
def test_pictures_with_classes_are_found_and_nothing_else(
    tfds_files: Callable[[str], Path], file_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", str(tfds_files(file_format)))
    found = {on_disk.id: on_disk for on_disk in list_on_disk()}
    assert list(found) == ["halves/large", "halves/small", "only_train", "squares"]  # no words
    squares = found["squares"]
    assert squares.file_format == file_format
    assert squares.class_names == ("cat", "coffee", "rocket")
    assert {split.name: (split.pictures, split.part) for split in squares.splits} == {
        "train": (26, "train"),
        "validation": (6, "validation"),
        "test": (6, "test"),
        "extra": (3, None),
    }
    assert len(found["only_train"].splits[0].files) == 3
    info = squares.info()
    assert info.parts == {"train": 26, "validation": 6, "test": 6}
    assert (info.source, info.homepage, info.citation) == ("tfds", "https://example.org/squares", "@misc{squares}")
    assert find_on_disk("squares") == squares
    assert found["halves/small"].info().name == "Halves (small)"


@pytest.mark.parametrize(
    "unknown", ["words", "halves", "nothing", "my/squares", "../squares", "squares/1.0.0", "a/b/c", ""]
)
def test_what_is_not_there_is_not_found(copied: Path, unknown: str) -> None:
    assert find_on_disk(unknown) is None


def test_the_newest_whole_version_counts(copied: Path) -> None:
    for version in ("1.10.0", "1.9.0"):
        shutil.copytree(copied / "squares/1.0.0", copied / "squares" / version)
    assert [found.version for found in list_on_disk() if found.id == "squares"] == ["1.10.0"]
    next((copied / "squares/1.10.0").glob("squares-test*")).unlink()
    assert [found.version for found in list_on_disk() if found.id == "squares"] == ["1.9.0"]


@pytest.mark.parametrize("missing", ["dataset_info.json", "features.json"])
def test_half_prepared_never_looks_ready(copied: Path, workspace: Workspace, missing: str) -> None:
    shutil.move(copied / "squares/1.0.0", copied / "squares/incomplete.A1B2C3_1.0.0")
    assert find_on_disk("squares") is None
    (copied / "only_train/1.0.0" / missing).unlink()
    assert [found.id for found in list_on_disk()] == ["halves/large", "halves/small"]
    assert state_of(workspace, "squares") == "download"


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"splits": 5}', '{"splits": [{}]}', '{"splits": [{"shardLengths": ["x"]}]}']
)
def test_a_damaged_description_is_no_dataset(copied: Path, text: str) -> None:
    (copied / "squares/1.0.0/dataset_info.json").write_text(text)
    assert find_on_disk("squares") is None


def test_files_are_named_by_the_template(copied: Path) -> None:
    path = copied / "squares/1.0.0/dataset_info.json"
    document = json.loads(path.read_text())
    for split in document["splits"]:
        split["filepathTemplate"] = "{SPLIT}/{DATASET}.{FILEFORMAT}-{SHARD_INDEX}-{NUM_SHARDS}"
        (file,) = path.parent.glob(f"squares-{split['name']}*")
        (path.parent / split["name"]).mkdir()
        file.rename(path.parent / split["name"] / "squares.array_record-00000-00001")
    path.write_text(json.dumps(document))
    found = find_on_disk("squares")
    assert found is not None
    assert found.splits[0].files == (path.parent / "train/squares.array_record-00000-00001",)


def test_where_a_dataset_is(copied: Path, workspace: Workspace) -> None:
    assert state_of(workspace, "squares") == "on disk"
    assert state_of(workspace, "beans") == "download"
    assert state_of(workspace, "resisc45") == "manual"


def test_no_folder_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "nowhere"))
    assert list_on_disk() == []
