from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from tlcore.config import SplitConfig
from tlcore.data import edits
from tlcore.data.catalog import (
    delete_dataset,
    ensure_dataset,
    find_dataset,
    is_prepared,
    list_datasets,
    open_dataset,
    prepare_dataset,
)
from tlcore.data.splits import split_dataset
from tlcore.data.stored import dataset_folder
from tlcore.data.tfds.directory import find_on_disk, state_of
from tlcore.data.tfds.records import FORMATS
from tlcore.data.versions import list_versions
from tlcore.errors import DatasetError, PictureError
from tlcore.progress import Stopped
from tlcore.workspace import Workspace


@pytest.fixture
def use(tfds_files: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """use("tfrecord"): that data directory is this machine's."""

    def choose(file_format: str) -> Path:
        monkeypatch.setenv("TFDS_DATA_DIR", str(tfds_files(file_format)))
        return tfds_files(file_format)

    return choose


@pytest.fixture
def copied(tfds_files: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory of the test's own."""
    shutil.copytree(tfds_files("array_record"), tmp_path / "tfds")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    return tmp_path / "tfds"


@pytest.mark.parametrize("file_format", FORMATS)
def test_three_splits_are_read_in_place(
    use: Callable[[str], Path], workspace: Workspace, file_format: str, watcher: Any
) -> None:
    folder, told = use(file_format), watcher()
    dataset = ensure_dataset(workspace, "squares", told)
    assert dataset.info.parts == {"train": 24, "validation": 6, "test": 6}
    assert dataset.info.counts == {"cat": 12, "coffee": 12, "rocket": 12}
    assert told.heard[-1] == ("Checking pictures", 38, 38)
    originals = {
        hashlib.sha256(path.read_bytes()).hexdigest(): path.parent.name
        for path in (folder.parent / "pictures").glob("*/*.jpg")
    }
    for index, digest in enumerate(dataset.hashes):
        assert hashlib.sha256(dataset.read(index)).hexdigest() == digest
        assert originals[digest] == dataset.info.class_names[dataset.labels[index]]
    assert set(dataset.widths.tolist()) == {96}
    assert dataset.looks().any(axis=1).all()
    # Nothing was copied.
    assert not list(dataset_folder(workspace, "squares").glob("pictures/*/*/*"))
    reasons = {entry.file: entry.reason for entry in dataset.info.rejected}
    assert set(reasons) == {"split extra", "split train", *(key for key in reasons if key.startswith("train/"))}
    assert len(reasons) == 3  # one picture is broken
    assert reasons["split train"].startswith("1 of its pictures have no class")


def test_both_formats_give_the_same_dataset(use: Callable[[str], Path], tmp_path: Path) -> None:
    found = []
    for file_format in FORMATS:
        use(file_format)
        found.append(ensure_dataset(Workspace.open(tmp_path / file_format), "squares"))
    one, other = found
    assert one.info.fingerprint == other.info.fingerprint
    assert one.keys == other.keys


def test_only_train_is_divided_by_us(use: Callable[[str], Path], workspace: Workspace) -> None:
    use("array_record")
    dataset = ensure_dataset(workspace, "only_train")
    assert set(dataset.parts) == {"train"}
    split = split_dataset(dataset, SplitConfig(train=60, validation=20, test=20), seed=3)
    assert min(len(split.train), len(split.validation), len(split.test)) > 0
    together = np.concatenate([split.train, split.validation, split.test])
    assert sorted(together.tolist()) == list(range(36))


def test_the_makers_division_can_be_left_out_and_brought_back(use: Callable[[str], Path], workspace: Workspace) -> None:
    use("array_record")
    prepare_dataset(workspace, "squares", "ours")
    assert set(open_dataset(workspace, "squares").parts) == {None}
    edits.exclude(workspace, "squares", ["test/000000"], "too dark")
    assert prepare_dataset(workspace, "squares", "own").parts == {"train": 24, "validation": 6, "test": 5}
    again = prepare_dataset(workspace, "squares", "ours")
    assert again.parts == {}
    assert again.excluded == 1
    assert prepare_dataset(workspace, "squares", "ours") == again == prepare_dataset(workspace, "squares")
    assert [version.change for version in list_versions(workspace, "squares")][:2] == [
        "Its makers' division left out",
        "Divided as its makers did",
    ]


def test_without_train_nothing_is_divided(use: Callable[[str], Path], workspace: Workspace) -> None:
    use("tfrecord")
    dataset = ensure_dataset(workspace, "halves/small")
    assert (len(dataset), set(dataset.parts)) == (9, {None})
    assert dataset.folder.name == "halves--small"


def test_it_is_known_before_and_after_it_is_read_in(use: Callable[[str], Path], workspace: Workspace) -> None:
    use("array_record")
    assert [info.id for info in list_datasets(workspace)][2:] == [
        "halves/large",
        "halves/small",
        "only_train",
        "squares",
    ]
    assert find_dataset(workspace, "squares").counts is None
    assert not is_prepared(workspace, "squares")
    with pytest.raises(DatasetError, match="datasets prepare squares"):
        open_dataset(workspace, "squares")
    info = prepare_dataset(workspace, "squares")
    assert find_dataset(workspace, "squares") == info
    assert [found.id for found in list_datasets(workspace)].count("squares") == 1
    assert state_of(workspace, "squares") == "ready"
    delete_dataset(workspace, "squares")
    assert state_of(workspace, "squares") == "on disk"
    with pytest.raises(DatasetError, match="Nothing of this dataset"):
        delete_dataset(workspace, "squares")


def test_files_that_were_changed_or_removed_are_told_and_read_in_again(copied: Path, workspace: Workspace) -> None:
    prepare_dataset(workspace, "squares")
    dataset = open_dataset(workspace, "squares")
    (test,) = (copied / "squares/1.0.0").glob("squares-test*")
    away = test.rename(copied / "away")
    with pytest.raises(DatasetError, match=r"changed, moved or removed.*datasets prepare squares"):
        open_dataset(workspace, "squares")
    with pytest.raises(PictureError, match=r"Was .* changed"):
        dataset.read(len(dataset) - 1)
    assert state_of(workspace, "squares") == "download"
    (validation,) = (copied / "squares/1.0.0").glob("squares-validation*")
    shutil.copyfile(validation, test)  # as if somebody had prepared it anew, with other pictures
    assert state_of(workspace, "squares") == "on disk"
    assert prepare_dataset(workspace, "squares").version == 2
    assert open_dataset(workspace, "squares").info.duplicates == 6
    shutil.copyfile(away, test)
    with pytest.raises(DatasetError, match="changed"):
        open_dataset(workspace, "squares")


def test_a_moved_folder_is_read_in_where_it_is_now(
    copied: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_dataset(workspace, "squares")
    moved = copied.rename(copied.with_name("moved"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(moved))
    with pytest.raises(DatasetError, match="changed, moved or removed"):
        open_dataset(workspace, "squares")
    prepare_dataset(workspace, "squares")
    assert open_dataset(workspace, "squares").read(0)


@pytest.mark.parametrize("kept", [0, 3000, -70_000])
def test_damaged_files_refuse_the_whole_dataset(copied: Path, workspace: Workspace, kept: int) -> None:
    (train,) = (copied / "squares/1.0.0").glob("squares-train*")
    train.write_bytes(train.read_bytes()[:kept])
    with pytest.raises(DatasetError, match=r"can't be read.*Delete the folder"):
        prepare_dataset(workspace, "squares")
    assert not is_prepared(workspace, "squares")
    assert list(workspace.incoming.glob("dataset-*")) == []


def test_a_stop_leaves_nothing(use: Callable[[str], Path], workspace: Workspace, watcher: Any) -> None:
    use("array_record")
    with pytest.raises(Stopped):
        prepare_dataset(workspace, "squares", None, watcher(stop_at="Checking"))
    assert state_of(workspace, "squares") == "on disk"
    assert list(workspace.incoming.glob("dataset-*")) == []


def test_two_who_prepare_the_same_take_turns(use: Callable[[str], Path], workspace: Workspace, watcher: Any) -> None:
    use("array_record")
    (workspace.datasets / "tfds").mkdir()
    told = watcher()
    told.stop_requested = lambda: bool(told.events)
    with FileLock(workspace.datasets / "tfds" / ".squares.lock"), pytest.raises(Stopped):
        prepare_dataset(workspace, "squares", None, told)
    assert "Another job" in told.events[0][1]["text"]
    assert prepare_dataset(workspace, "squares").version == 1


def test_too_many_pictures_for_a_workspace_of_strangers(use: Callable[[str], Path], workspace: Workspace) -> None:
    use("array_record")
    small = replace(workspace, mode="demo", limits=replace(workspace.limits, pictures=30))
    with pytest.raises(DatasetError, match="38 pictures, at most 30"):
        prepare_dataset(small, "squares")


def test_other_formats_of_files_are_told(copied: Path, workspace: Workspace) -> None:
    path = copied / "squares/1.0.0/dataset_info.json"
    path.write_text(path.read_text().replace('"array_record"', '"riegeli"'))
    for file in path.parent.glob("*array_record*"):
        file.rename(path.parent / file.name.replace("array_record", "riegeli"))
    assert find_on_disk("squares") is not None
    with pytest.raises(DatasetError, match=r"riegeli.*array_record, tfrecord"):
        prepare_dataset(workspace, "squares")


def test_a_sample_has_no_makers_division(workspace: Workspace) -> None:
    with pytest.raises(DatasetError, match="Only the division of TensorFlow Datasets"):
        prepare_dataset(workspace, "sample/textures", "ours")


def test_browsing_needs_neither_tensorflow_nor_its_datasets(use: Callable[[str], Path], workspace: Workspace) -> None:
    use("tfrecord")
    prepare_dataset(workspace, "squares")
    code = (
        "import sys\n"
        "from tlcore.data.catalog import *\n"
        "from tlcore.workspace import Workspace\n"
        "workspace = Workspace.open()\n"
        "assert open_dataset(workspace, 'squares').read(0)\n"
        "assert len(list_datasets(workspace)) == 6\n"
        "print(sorted({'tensorflow', 'tensorflow_datasets', 'array_record'} & set(sys.modules)))"
    )
    home = Path(__file__).parents[3]
    environment = os.environ | {"TLCORE_HOME": str(workspace.root)}
    ran = subprocess.run([sys.executable, "-c", code], cwd=home, env=environment, capture_output=True, text=True)
    assert ran.stdout.strip() == "[]", ran.stderr
