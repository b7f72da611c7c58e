from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlcore.data.catalog import list_datasets
from tlcore.data.tfds.description import MOST_CLASSES
from tlcore.data.tfds.directory import data_dir, find_fault, find_on_disk, list_on_disk, state_of
from tlcore.data.tfds.prepare import prepare_tfds
from tlcore.data.tfds.records import FORMATS
from tlcore.errors import DatasetError
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


def _change(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def _every_split(**values: object) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        for split in document["splits"]:
            split.update(values)

    return change


def _refusal(workspace: Workspace) -> str:
    """What somebody is told who asks by name for a dataset that is in no list."""
    assert find_on_disk("squares") is None
    assert "squares" not in [info.id for info in list_datasets(workspace)]
    assert len(list_on_disk()) == 3
    with pytest.raises(DatasetError, match="can't be used: ") as error:
        prepare_tfds(workspace, "squares")
    return str(error.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_every_split(filepathTemplate="a" * 300), "File name too long"),
        (_every_split(filepathTemplate="/etc/passwd"), "outside the folder"),
        (_every_split(filepathTemplate="../../../secret"), "outside the folder"),
        (_every_split(filepathTemplate="sub/../../1.0.0/features.json"), "outside the folder"),
        (_every_split(filepathTemplate="."), "should be a file is none"),
        (_every_split(filepathTemplate="nul\0l"), "damaged"),
        (_every_split(name="../train"), "a split has a name"),
        (_every_split(name="train"), "same name"),
        (_every_split(name="\ud800"), "a split has a name"),
        (_every_split(name=["train"]), "a split has a name"),
        (_every_split(shardLengths=["-5"]), "less than no pictures"),
        (_every_split(shardLengths=[float("inf")]), "damaged"),
        (_every_split(shardLengths=[1] * 100_001), "files"),
        (lambda document: document.update(fileFormat="../x"), "format"),
    ],
)
def test_a_hostile_description_is_left_out_and_told(
    copied: Path, workspace: Workspace, change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    (copied.parent / "secret").write_text("secret")
    _change(copied / "squares/1.0.0/dataset_info.json", change)
    assert reason in _refusal(workspace)


@pytest.mark.parametrize("urls", [[5], [None, "javascript:alert(1)"], "text", {"a": 5}])
def test_an_odd_address_is_none(copied: Path, workspace: Workspace, urls: Any) -> None:
    _change(
        copied / "squares/1.0.0/dataset_info.json",
        lambda document: document.update(location={"urls": urls}, description="\ud800", citation=[5]),
    )
    (info,) = [info for info in list_datasets(workspace) if info.id == "squares"]
    assert (info.homepage, info.citation, info.description) == ("", "", "?")


@pytest.mark.parametrize("link", ["squares-train.array_record-00000-of-00001", "label.labels.txt", "features.json"])
def test_links_that_lead_out_of_the_folder_are_not_followed(copied: Path, workspace: Workspace, link: str) -> None:
    path = copied / "squares/1.0.0" / link
    away = path.rename(copied.parent / "away")
    path.symlink_to(away)
    assert "outside the folder" in _refusal(workspace)


def test_a_pipe_is_not_waited_for(copied: Path, workspace: Workspace) -> None:
    path = copied / "squares/1.0.0/dataset_info.json"
    path.unlink()
    os.mkfifo(path)
    assert "is none" in _refusal(workspace)


def test_what_may_not_be_looked_at_does_not_hide_the_rest(
    copied: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tests may run as root, whom nothing is forbidden.
    plain = {name: getattr(Path, name) for name in ("stat", "resolve", "is_dir", "is_file")}

    def forbid(name: str) -> Any:
        def look(path: Path, **options: Any) -> Any:
            if path.name.startswith(("squares-train", "locked")):
                raise PermissionError(13, "Permission denied", str(path))
            return plain[name](path, **options)

        return look

    (copied / "locked").mkdir()
    for name in plain:
        monkeypatch.setattr(Path, name, forbid(name))
    assert "Permission denied" in _refusal(workspace)


def _classes(number: int) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document["featuresDict"]["features"]["label"]["classLabel"]["numClasses"] = str(number)

    return change


def test_millions_of_classes_are_refused_before_they_take_memory(copied: Path, workspace: Workspace) -> None:
    _change(copied / "squares/1.0.0/features.json", _classes(MOST_CLASSES + 1))
    (copied / "squares/1.0.0/label.labels.txt").unlink()
    assert "100,001 classes" in _refusal(workspace)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ("cat\ncat\nrocket\n", "same name"),
        ("cat\ncoffee\n", "3 classes, and names of 2"),
        ("cat\ncoffee\nrocket\nmoon\n", "3 classes, and names of 4"),
        (f"cat\ncoffee\n{'r' * 101}\n", "more than 100 letters"),
        ("cat\ncoffee\nro\u202ecket\n", "can't be shown"),
    ],
)
def test_names_of_classes_are_checked(copied: Path, workspace: Workspace, names: str, reason: str) -> None:
    (copied / "squares/1.0.0/label.labels.txt").write_text(names, encoding="utf-8")
    assert reason in _refusal(workspace)


def test_a_label_that_is_a_path_is_not_read(copied: Path, workspace: Workspace) -> None:
    def rename(document: dict[str, Any]) -> None:
        features = document["featuresDict"]["features"]
        features["../../other"] = features.pop("label")

    def supervise(document: dict[str, Any]) -> None:
        document["supervisedKeys"]["tuple"]["items"][1]["featureKey"] = "../../other"

    (copied / "other.labels.txt").write_text("a\nb\nc\n")
    _change(copied / "squares/1.0.0/features.json", rename)
    _change(copied / "squares/1.0.0/dataset_info.json", supervise)
    assert "its label has a name" in _refusal(workspace)


def test_nothing_is_wrong_with_what_is_whole_or_not_there(copied: Path) -> None:
    assert find_fault("squares") is find_fault("words") is find_fault("nothing") is find_fault("../x") is None
