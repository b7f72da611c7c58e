"""Prepared datasets on disk.

    <folder>/dataset.json             DatasetInfo of the current version; replacing it publishes a change
    <folder>/versions/000001.parquet  the index of a version: a row a picture
    <folder>/versions/000001.json     what the version is, and what was changed
    <folder>/pictures/<batch>/        pictures that came together: their original bytes, numbered, ten thousand a
                                      folder, and looks.parquet: how they look from afar

`tlcore.data.writer` makes them, `tlcore.data.edits` changes them.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from tlcore.data.alike import group_numbers
from tlcore.data.dataset import DatasetInfo, Part
from tlcore.data.incoming import DELETED
from tlcore.data.index import Row, read_table, rows_of, unreadable
from tlcore.data.looks import read_looks
from tlcore.data.places import Place, read_place
from tlcore.errors import DatasetError, PictureError, WorkspaceError
from tlcore.files import read_json
from tlcore.migrations.schema import refuse_newer_schema
from tlcore.workspace import Workspace, check_id

INFO: Final = "dataset.json"
PICTURES: Final = "pictures"
VERSIONS: Final = "versions"


PLAIN_SOURCES: Final = ("my", "sample")
"""First parts of the ids that are not TensorFlow Datasets' own names."""

TFDS: Final = "tfds"
"""The folder of datasets that came by TensorFlow Datasets."""

OLD_INDEX: Final = "index.parquet"
"""Where the index of a dataset lies that was made before there were versions."""
_READ_AGAIN = "Delete the dataset and import it again."


def dataset_folder(workspace: Workspace, dataset_id: str) -> Path:
    """Where a dataset lies, or would.

    Args:
        workspace: The workspace.
        dataset_id: Such as `my/leaves`, or a name of TensorFlow Datasets: `beans`, `emnist/letters`.

    Raises:
        InputError: A part of the id can't be the name of a folder.
    """
    source, _, name = dataset_id.partition("/")
    if source in PLAIN_SOURCES:
        return workspace.datasets / source / check_id("dataset", name)
    parts = [check_id("dataset", part) for part in dataset_id.split("/")]
    return workspace.datasets / TFDS / check_id("dataset", "--".join(parts))


def index_path(folder: Path, version: int) -> Path:
    """Where the index of a version lies."""
    path = folder / VERSIONS / f"{version:06d}.parquet"
    if version == 1 and not path.exists() and (folder / OLD_INDEX).exists():
        return folder / OLD_INDEX
    return path


def read_info(folder: Path) -> DatasetInfo:
    """What is known of the dataset in `folder`.

    Raises:
        DatasetError: There is none, its description is damaged, or a newer program wrote it.
    """
    try:
        document = read_json(folder / INFO)
        refuse_newer_schema(document, 1, "This dataset", DatasetError)
        return DatasetInfo.model_validate(document)
    except FileNotFoundError as error:
        raise DatasetError("There is no prepared dataset here", value=folder.name) from error
    except (OSError, ValueError, ValidationError) as error:
        raise DatasetError("This dataset's description is damaged", value=folder.name, hint=_READ_AGAIN) from error


def read_rows(folder: Path, version: int) -> list[Row]:
    """The rows of a version's index.

    Raises:
        DatasetError: There is no such version any more, or it is damaged.
    """
    return rows_of(_read_index(folder, version))


def _read_index(folder: Path, version: int) -> Any:
    try:
        return read_table(index_path(folder, version))
    except unreadable() as error:
        raise DatasetError("This dataset's index is damaged", value=folder.name, hint=_READ_AGAIN) from error


class StoredDataset:
    """A prepared dataset on disk; implements `tlcore.data.dataset.Dataset`. Threads may share it.

    Attributes:
        folder: Where it lies.
        widths: Of the upright pictures in pixels, int32, shape (n,).
        heights: Of the upright pictures in pixels, int32, shape (n,).
        exclusions: For each picture why it was left out, or None.
    """

    @classmethod
    def open(cls, folder: Path, with_excluded: bool = False) -> StoredDataset:
        """The dataset in `folder`. Reads the index only: tens of milliseconds for 25,000 pictures.

        Args:
            folder: Where it lies.
            with_excluded: Also the pictures that somebody left out, in their old places.

        Raises:
            DatasetError: There is none, or it is damaged.
        """
        info = read_info(folder)
        return cls(folder, info, _read_index(folder, info.version), with_excluded)

    def __init__(self, folder: Path, info: DatasetInfo, index: Any, with_excluded: bool = False) -> None:
        self.folder = folder
        self.info = info
        if not with_excluded and info.excluded:
            index = index.filter(index["excluded"].is_null())
        self.keys: Sequence[str] = index["key"].to_numpy().tolist()
        self.labels: NDArray[np.int32] = index["label"].to_numpy().astype(np.int32)
        self.parts: Sequence[Part | None] = index["part"].to_numpy().tolist()
        self.hashes: Sequence[str] = index["sha256"].to_numpy().tolist()
        self.widths: NDArray[np.int32] = index["width"].to_numpy().astype(np.int32)
        self.heights: NDArray[np.int32] = index["height"].to_numpy().astype(np.int32)
        self.exclusions: Sequence[str | None] = index["excluded"].to_numpy().tolist()
        groups: NDArray[np.int32] = index["group"].to_numpy().astype(np.int32)
        # An index of an older program does not know near-copies, only equal bytes.
        self.groups = group_numbers(self.hashes) if (groups < 0).any() else groups
        self._files: Sequence[str] = index["file"].to_numpy().tolist()
        self._slices: NDArray[np.int64] = np.stack(
            [index[name].to_numpy() for name in ("record", "offset", "length")], axis=1
        )
        self._indices: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.keys)

    def index_of(self, key: str) -> int | None:
        """Where the picture of this name is now; None when it is not in the dataset."""
        if not self._indices:
            self._indices = {key: index for index, key in enumerate(self.keys)}
        return self._indices.get(key)

    def looks(self) -> NDArray[np.uint8]:
        """How each picture looks from afar, uint8, shape (n, 264); zeros where that is not known.

        Raises:
            DatasetError: What was kept of it is damaged.
        """
        return read_looks(self.folder / PICTURES, self.hashes)

    def read(self, index: int) -> bytes:
        """The encoded picture at `index`.

        Raises:
            PictureError: The stored file is gone or can't be read.
        """
        record, offset, length = self._slices[index].tolist()
        place = Place(self._files[index], record, offset, length)
        try:
            return read_place(self.folder / PICTURES, place)
        except OSError as error:
            raise PictureError(
                f"A picture of the dataset can't be read: {error.strerror}",
                value=f"{self.info.id}: {self.keys[index]}",
                hint=_READ_AGAIN
                if place.ours
                else f"Was {Path(place.file).parent} changed? Prepare the dataset again.",
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
