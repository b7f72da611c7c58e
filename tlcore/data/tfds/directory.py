"""What TensorFlow Datasets has prepared on this machine, read from its files without loading it."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from tlcore.data.stored import INFO, PLAIN_SOURCES, dataset_folder
from tlcore.data.tfds.catalogue import find_entry
from tlcore.data.tfds.description import OnDisk, read_folder
from tlcore.data.tfds.records import FORMATS
from tlcore.data.tfds.stamp import is_current
from tlcore.errors import DatasetError, InputError
from tlcore.workspace import Workspace, check_id

DATA_DIR_VARIABLE: Final = "TFDS_DATA_DIR"

DOWNLOADS: Final = "downloads"
"""In the same folder: archives, and what was unpacked or fetched by hand."""

TfdsState = Literal["ready", "on disk", "download", "manual"]
"""Where a dataset is: read in; prepared by TensorFlow Datasets and not yet read in; to be downloaded by the program; to
be fetched by a person first."""

_VERSION: Final = re.compile(r"\d+\.\d+\.\d+")

_log = logging.getLogger(__name__)


def data_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder that TensorFlow Datasets keeps its datasets in: `$TFDS_DATA_DIR`, else `~/tensorflow_datasets`."""
    return Path(environment.get(DATA_DIR_VARIABLE) or Path.home() / "tensorflow_datasets").expanduser().absolute()


def find_on_disk(dataset_id: str) -> OnDisk | None:
    """The newest version of a dataset that is whole; None where there is none, or it is no dataset of pictures.

    What TensorFlow Datasets is still preparing, or left half-prepared, lies in folders of other names and is not seen.
    What is damaged is logged and left out; `find_fault` tells what is wrong with it.
    """
    place = _place(dataset_id)
    return None if place is None else _newest(*place)


def find_fault(dataset_id: str) -> DatasetError | None:
    """Why a dataset that lies on this machine can't be used; None where there is nothing wrong, or no such dataset."""
    place = _place(dataset_id)
    for path in _versions(place[0]) if place else ():
        try:
            if read_folder(path, place[1] if place else "") is not None:
                return None
        except DatasetError as error:
            return error
    return None


def _place(dataset_id: str) -> tuple[Path, str] | None:
    """Where TensorFlow Datasets would keep a dataset, and its full id; None for what can't be the name of one."""
    entry = find_entry(dataset_id)
    name = entry.id if entry else dataset_id
    try:
        parts = [check_id("dataset", part) for part in name.split("/")]
    except InputError:
        return None
    if len(parts) > 2 or parts[0] in PLAIN_SOURCES:
        return None
    return data_dir().joinpath(*parts), name


def list_on_disk() -> list[OnDisk]:
    """All datasets of pictures that TensorFlow Datasets has prepared on this machine, by name."""
    found = []
    for folder in _folders(data_dir()):
        for place, name in (
            (folder, folder.name),
            *((inner, f"{folder.name}/{inner.name}") for inner in _folders(folder)),
        ):
            on_disk = None if _VERSION.fullmatch(place.name) else _newest(place, name)
            if on_disk is not None:
                found.append(on_disk)
    return found


def state_of(workspace: Workspace, dataset_id: str) -> TfdsState:
    """Where a dataset of TensorFlow Datasets is.

    Raises:
        InputError: The id can't be the name of a dataset.
    """
    folder = dataset_folder(workspace, dataset_id)
    if (folder / INFO).is_file() and is_current(folder):
        return "ready"
    on_disk = find_on_disk(dataset_id)
    if on_disk is not None and on_disk.file_format in FORMATS:
        return "on disk"
    entry = find_entry(dataset_id)
    return "manual" if entry is not None and entry.manual else "download"


def _folders(folder: Path) -> list[Path]:
    """The folders in a folder whose names can be those of datasets, variants or versions."""
    try:
        inside = sorted(folder.iterdir())
    except OSError:
        return []
    return [path for path in inside if _is_name(path.name) and _is_folder(path)]


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _is_name(name: str) -> bool:
    try:
        return bool(check_id("dataset", name)) and name != DOWNLOADS and not name.startswith("incomplete.")
    except InputError:
        return False


def _newest(folder: Path, dataset_id: str) -> OnDisk | None:
    for path in _versions(folder):
        try:
            on_disk = read_folder(path, dataset_id)
        except DatasetError as error:
            _log.warning("%s", error)
            continue
        if on_disk is not None:
            return on_disk
    return None


def _versions(folder: Path) -> list[Path]:
    """The folders of a dataset's versions, the newest first."""
    versions = [path for path in _folders(folder) if _VERSION.fullmatch(path.name)]
    return sorted(versions, key=lambda path: [int(part) for part in path.name.split(".")], reverse=True)
