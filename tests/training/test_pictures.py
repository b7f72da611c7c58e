import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from tlcore.data.catalog import open_dataset
from tlcore.data.dataset import Dataset
from tlcore.data.importer import import_pictures
from tlcore.errors import WorkspaceError
from tlcore.images.decode import load_picture
from tlcore.progress import Silence, Stopped
from tlcore.training import pictures
from tlcore.training.pictures import decode_to_file
from tlcore.workspace import Workspace


@pytest.fixture
def dataset(workspace: Workspace, picture_folder: Path) -> Dataset:
    import_pictures(workspace, picture_folder, "pets")
    return open_dataset(workspace, "my/pets")


def test_pictures_are_decoded_in_order_and_leave_no_file_behind(
    workspace: Workspace, dataset: Dataset, tmp_path: Path
) -> None:
    indices = np.array([5, 0, 17])
    decoded = decode_to_file(dataset, indices, 24, tmp_path / "train.npy", workspace.limits, Silence())
    assert decoded.shape == (3, 24, 24, 3)
    for row, index in zip(decoded, indices.tolist(), strict=True):
        assert (row == load_picture(dataset.read(index), 24, workspace.limits)).all()
    with pytest.raises(ValueError, match="read-only"):
        decoded[0] = 0
    if os.name == "posix":  # elsewhere a mapped file keeps its name
        assert not (tmp_path / "train.npy").exists()


def test_no_pictures_need_no_file(workspace: Workspace, dataset: Dataset, tmp_path: Path) -> None:
    nothing = np.array([], dtype=np.int64)
    assert decode_to_file(dataset, nothing, 8, tmp_path / "x.npy", workspace.limits, Silence()).shape == (0, 8, 8, 3)


@pytest.mark.parametrize("late", [False, True])
def test_a_full_disk_is_told_before_a_picture_is_written(
    workspace: Workspace, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    if late:  # another program took the room after we looked

        def full(*_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "posix_fallocate", full)
    else:
        usage = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(pictures.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(WorkspaceError, match=r"No space left.*Free some disk space"):
        decode_to_file(dataset, np.arange(4), 64, tmp_path / "train.npy", workspace.limits, Silence())


def test_a_stop_is_heeded(workspace: Workspace, dataset: Dataset, tmp_path: Path) -> None:
    class Impatient(Silence):
        def stop_requested(self) -> bool:
            return True

    with pytest.raises(Stopped):
        decode_to_file(dataset, np.arange(4), 64, tmp_path / "train.npy", workspace.limits, Impatient())
