from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tlcore.data.dataset import DatasetInfo
from tlcore.data.incoming import sweep_incoming
from tlcore.data.stored import StoredDataset
from tlcore.data.writer import DatasetWriter
from tlcore.errors import DatasetError, ImportRefused
from tlcore.images.decode import PictureFacts
from tlcore.workspace import Workspace

INFO = DatasetInfo(id="my/x", name="x", source="own", class_names=("a", "b"))
FACTS = PictureFacts(4, 3, "PNG")


def test_a_dataset_appears_whole_and_only_when_published(workspace: Workspace) -> None:
    with DatasetWriter(workspace, "my/x") as writer:
        for number in range(4):
            writer.add(f"k{number}", "ab"[number % 2], "train", bytes([number // 2]), FACTS)
        assert not (workspace.datasets / "my/x").exists()
        info = writer.publish(INFO)
    assert info.counts == {"a": 2, "b": 2}
    assert info.parts == {"train": 4}
    assert info.duplicates == 2
    dataset = StoredDataset.open(workspace.datasets / "my/x")
    assert dataset.info == info
    assert dataset.labels.tolist() == [0, 1, 0, 1]
    assert dataset.read(3) == b"\1"
    assert list(workspace.incoming.iterdir()) == []


def test_an_unpublished_or_late_dataset_leaves_nothing(workspace: Workspace) -> None:
    with DatasetWriter(workspace, "my/x") as writer:
        writer.add("k", "a", None, b"1", FACTS)
    assert not (workspace.datasets / "my/x").exists()
    with DatasetWriter(workspace, "my/x") as late, DatasetWriter(workspace, "my/x") as first:
        first.add("k", "a", None, b"1", FACTS)
        first.publish(INFO)
        late.add("k", "b", None, b"2", FACTS)
        with pytest.raises(ImportRefused, match="already"):
            late.publish(INFO)
    assert StoredDataset.open(workspace.datasets / "my/x").read(0) == b"1"
    assert list(workspace.incoming.iterdir()) == []


def test_only_what_a_killed_process_left_is_swept(workspace: Workspace) -> None:
    code = (
        "import sys, time; from pathlib import Path; from tlcore.workspace import Workspace\n"
        "from tlcore.data.writer import DatasetWriter\n"
        "with DatasetWriter(Workspace.open(Path(sys.argv[1])), 'my/y'):\n"
        "    print('building', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(workspace.root)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"building\n"
        upload = workspace.incoming / "upload.zip"
        upload.write_bytes(b"somebody else's")
        sweep_incoming(workspace)
        assert len(list(workspace.incoming.glob("dataset-*"))) == 2
        process.kill()
        process.wait(60)
        sweep_incoming(workspace)
        assert list(workspace.incoming.iterdir()) == [upload]
    finally:
        process.kill()
        process.communicate()


def test_25_000_pictures_open_at_once(workspace: Workspace) -> None:
    with DatasetWriter(workspace, "my/x") as writer:
        for number in range(25_000):
            writer.add(f"class/folder/picture-{number:06d}.jpg", "ab"[number % 2], None, b"%d" % number, FACTS)
        writer.publish(INFO)
    folder = workspace.datasets / "my/x"
    assert len(list((folder / "pictures").glob("batch-*/0*"))) == 3
    seconds = []
    for _ in range(3):
        started = time.thread_time()  # other processes take time too, on a busy machine
        dataset = StoredDataset.open(folder)
        seconds.append(time.thread_time() - started)
    assert len(dataset) == 25_000
    assert dataset.read(24_999) == b"24999"
    assert min(seconds) < 1.5  # 0.05 on an idle machine


def test_a_damaged_dataset_says_so(workspace: Workspace) -> None:
    with DatasetWriter(workspace, "my/x") as writer:
        writer.add("k", "a", None, b"1", FACTS)
        writer.publish(INFO)
    folder = workspace.datasets / "my/x"
    (folder / "versions/000001.parquet").write_bytes(b"no table")
    with pytest.raises(DatasetError, match=r"index is damaged.*import it again"):
        StoredDataset.open(folder)
    (folder / "dataset.json").write_text('{"id": 1}')
    with pytest.raises(DatasetError, match="description is damaged"):
        StoredDataset.open(folder)
    with pytest.raises(DatasetError, match="no prepared dataset"):
        StoredDataset.open(folder.with_name("nothing"))
