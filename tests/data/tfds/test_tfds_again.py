from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tlcore.data import edits
from tlcore.data.catalog import open_dataset, prepare_dataset
from tlcore.data.tfds.directory import state_of
from tlcore.data.versions import restore_version
from tlcore.errors import DatasetError
from tlcore.progress import Silence, Stopped
from tlcore.workspace import Workspace


@pytest.fixture
def files(tfds_files: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a dataset of the test's own."""
    shutil.copytree(tfds_files("array_record") / "squares", tmp_path / "tfds/squares")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    return tmp_path / "tfds/squares/1.0.0"


def touch(files: Path) -> None:
    for path in files.iterdir():
        os.utime(path, ns=(1, 1))


def change_test(files: Path) -> None:
    """The files are made anew: its test pictures are those of validation now."""
    (test,) = files.glob("squares-test*")
    (validation,) = files.glob("squares-validation*")
    shutil.copyfile(validation, test)


def test_files_that_were_only_touched_lose_nothing(files: Path, workspace: Workspace) -> None:
    prepare_dataset(workspace, "squares", "ours")
    edits.exclude(workspace, "squares", ["train/000003"], "blurred")
    edits.move_pictures(workspace, "squares", ["train/000004"], "rocket")
    before = open_dataset(workspace, "squares", with_excluded=True)
    touch(files)
    assert state_of(workspace, "squares") == "on disk"
    info = prepare_dataset(workspace, "squares")
    after = open_dataset(workspace, "squares", with_excluded=True)
    assert (info.version, info.excluded, info.parts) == (4, 1, {})
    assert (after.keys, after.exclusions) == (before.keys, before.exclusions)
    assert after.labels.tolist() == before.labels.tolist()
    assert info.fingerprint == before.info.fingerprint
    assert after.looks().any(axis=1).all()
    assert open_dataset(workspace, restore_version(workspace, "squares", 3).id).info.excluded == 1
    assert prepare_dataset(workspace, "squares", "own").parts == {"train": 23, "validation": 6, "test": 6}


def test_a_moved_folder_loses_nothing_either(
    files: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_dataset(workspace, "squares")
    edits.exclude(workspace, "squares", ["train/000003"], "blurred")
    edits.move_pictures(workspace, "squares", ["train/000004"], "rocket")
    before = open_dataset(workspace, "squares", with_excluded=True)
    root = files.parents[1].rename(files.parents[1].with_name("moved"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(root))
    prepare_dataset(workspace, "squares")
    after = open_dataset(workspace, "squares", with_excluded=True)
    assert after.exclusions == before.exclusions
    assert after.labels.tolist() == before.labels.tolist()
    assert hashlib.sha256(after.read(0)).hexdigest() == before.hashes[0]
    restore_version(workspace, "squares", 3)  # its rows point into the folder that is gone
    with pytest.raises(DatasetError, match="read in from other files"):
        open_dataset(workspace, "squares")


def test_pictures_that_changed_do_not_stay_left_out(files: Path, workspace: Workspace) -> None:
    prepare_dataset(workspace, "squares")
    edits.exclude(workspace, "squares", ["train/000003", "test/000001"], "blurred")
    change_test(files)
    assert prepare_dataset(workspace, "squares").excluded == 1
    dataset = open_dataset(workspace, "squares", with_excluded=True)
    reasons = dict(zip(dataset.keys, dataset.exclusions, strict=True))
    assert {key: reason for key, reason in reasons.items() if reason} == {"train/000003": "blurred"}
    assert dataset.info.parts == {"train": 23, "validation": 6, "test": 6}


def test_an_older_version_of_other_files_is_not_opened(files: Path, workspace: Workspace) -> None:
    prepare_dataset(workspace, "squares")
    edits.exclude(workspace, "squares", ["train/000003"], "blurred")
    change_test(files)
    assert prepare_dataset(workspace, "squares").version == 3
    restore_version(workspace, "squares", 2)
    with pytest.raises(DatasetError, match=r"read in from other files.*newer version.*datasets prepare squares"):
        open_dataset(workspace, "squares")
    edits.exclude(workspace, "squares", ["train/000005"], "dark")  # a change does not make it right
    assert state_of(workspace, "squares") == "on disk"
    with pytest.raises(DatasetError, match="read in from other files"):
        open_dataset(workspace, "squares")
    restore_version(workspace, "squares", 3)
    assert open_dataset(workspace, "squares").info.excluded == 1
    restore_version(workspace, "squares", 5)
    assert prepare_dataset(workspace, "squares").excluded == 2
    assert open_dataset(workspace, "squares").info.version == 8


def test_files_may_lie_in_folders(files: Path, workspace: Workspace) -> None:
    path = files / "dataset_info.json"
    document = json.loads(path.read_text())
    for split in document["splits"]:
        (file,) = files.glob(f"squares-{split['name']}*")
        (files / split["name"]).mkdir()
        file.rename(files / split["name"] / file.name)
        split["filepathTemplate"] = "{SPLIT}/{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
    path.write_text(json.dumps(document))
    prepare_dataset(workspace, "squares")
    assert len(open_dataset(workspace, "squares")) == 36


def test_no_more_records_are_read_than_announced(files: Path, workspace: Workspace) -> None:
    path = files / "dataset_info.json"
    path.write_text(path.read_text().replace('"26"', '"5"'))
    with pytest.raises(DatasetError, match="more than the 5 pictures"):
        prepare_dataset(workspace, "squares")


def test_a_stop_is_heeded_before_the_first_picture(files: Path, workspace: Workspace) -> None:
    class Impatient(Silence):
        asked = 0

        def stop_requested(self) -> bool:
            self.asked += 1
            return True

    told = Impatient()
    with pytest.raises(Stopped):
        prepare_dataset(workspace, "squares", None, told)
    assert told.asked == 1
