"""Prepared datasets on disk.

    <folder>/dataset.json    DatasetInfo
    <folder>/index.parquet   a row a picture: key, label, part, sha256, width, height, file
    <folder>/pictures/       the original bytes, numbered, ten thousand a folder

`tlcore.data.writer` makes them.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import ValidationError

from tlcore.data.dataset import DatasetInfo, Part
from tlcore.errors import DatasetError, PictureError, WorkspaceError
from tlcore.files import read_json
from tlcore.workspace import Workspace, check_id

INFO: Final = "dataset.json"
INDEX: Final = "index.parquet"
PICTURES: Final = "pictures"

DELETED: Final = "deleted-"
"""Start of the names of folders in `incoming` that only wait to be removed."""

_READ_AGAIN = "Delete the dataset and import it again."


def dataset_folder(workspace: Workspace, dataset_id: str) -> Path:
    """Where a dataset lies, or would.

    Args:
        workspace: The workspace.
        dataset_id: Such as `my/leaves`.

    Raises:
        DatasetError: The id has not the form `source/name`.
        InputError: A part of the id can't be the name of a folder.
    """
    source, slash, name = dataset_id.partition("/")
    if not slash:
        raise DatasetError(
            "A dataset's id has two parts", value=dataset_id[:200], hint="Such as sample/digits or my/leaves."
        )
    return workspace.datasets / check_id("dataset source", source) / check_id("dataset", name)


def read_info(folder: Path) -> DatasetInfo:
    """What is known of the dataset in `folder`.

    Raises:
        DatasetError: There is none, or its description is damaged.
    """
    try:
        return DatasetInfo.model_validate(read_json(folder / INFO))
    except FileNotFoundError as error:
        raise DatasetError("There is no prepared dataset here", value=folder.name) from error
    except (OSError, ValueError, ValidationError) as error:
        raise DatasetError("This dataset's description is damaged", value=folder.name, hint=_READ_AGAIN) from error


class StoredDataset:
    """A prepared dataset on disk; implements `tlcore.data.dataset.Dataset`. Threads may share it.

    Attributes:
        folder: Where it lies.
        widths: Of the upright pictures in pixels, int32, shape (n,).
        heights: Of the upright pictures in pixels, int32, shape (n,).
    """

    @classmethod
    def open(cls, folder: Path) -> StoredDataset:
        """The dataset in `folder`. Reads the index only: tens of milliseconds for 25,000 pictures.

        Raises:
            DatasetError: There is none, or it is damaged.
        """
        info = read_info(folder)
        try:
            table = pq.read_table(folder / INDEX, use_threads=False)
            return cls(folder, info, table)
        except (OSError, KeyError, pa.ArrowException) as error:
            raise DatasetError("This dataset's index is damaged", value=info.id, hint=_READ_AGAIN) from error

    def __init__(self, folder: Path, info: DatasetInfo, index: Any) -> None:
        self.folder = folder
        self.info = info
        self.keys: Sequence[str] = index["key"].to_numpy().tolist()
        self.labels: NDArray[np.int32] = index["label"].to_numpy().astype(np.int32)
        self.parts: Sequence[Part | None] = index["part"].to_numpy().tolist()
        self.hashes: Sequence[str] = index["sha256"].to_numpy().tolist()
        self.widths: NDArray[np.int32] = index["width"].to_numpy().astype(np.int32)
        self.heights: NDArray[np.int32] = index["height"].to_numpy().astype(np.int32)
        self._files: Sequence[str] = index["file"].to_numpy().tolist()

    def __len__(self) -> int:
        return len(self.keys)

    def read(self, index: int) -> bytes:
        """The encoded picture at `index`.

        Raises:
            PictureError: The stored file is gone or can't be read.
        """
        try:
            return (self.folder / PICTURES / self._files[index]).read_bytes()
        except OSError as error:
            raise PictureError(
                f"A picture of the dataset can't be read: {error.strerror}",
                value=f"{self.info.id}: {self.keys[index]}",
                hint=_READ_AGAIN,
            ) from error


def remove_dataset(workspace: Workspace, dataset_id: str) -> None:
    """Deletes a dataset from the disk: gone by one rename, then file by file.

    Raises:
        WorkspaceError: It can't be removed.
    """
    grave = workspace.incoming / f"{DELETED}{uuid4().hex}"
    try:
        dataset_folder(workspace, dataset_id).rename(grave)
    except OSError as error:
        raise WorkspaceError(f"The dataset can't be deleted: {error.strerror}", value=dataset_id) from error
    shutil.rmtree(grave, ignore_errors=True)
