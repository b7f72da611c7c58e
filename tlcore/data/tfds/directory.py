"""What TensorFlow Datasets has prepared on this machine, read from its files without loading it."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from tlcore.data.dataset import PARTS, DatasetInfo, Part
from tlcore.data.stored import INFO, PLAIN_SOURCES, dataset_folder
from tlcore.data.tfds.catalogue import find_entry
from tlcore.data.tfds.pair import Pair, labelled_pair
from tlcore.data.tfds.parts import parts_of
from tlcore.data.tfds.records import FORMATS, TFRECORD
from tlcore.data.tfds.stamp import is_current
from tlcore.errors import InputError
from tlcore.files import read_json
from tlcore.workspace import Workspace, check_id

DATA_DIR_VARIABLE: Final = "TFDS_DATA_DIR"

DOWNLOADS: Final = "downloads"
"""In the same folder: archives, and what was unpacked or fetched by hand."""

TfdsState = Literal["ready", "on disk", "download", "manual"]
"""Where a dataset is: read in; prepared by TensorFlow Datasets and not yet read in; to be downloaded by the program; to
be fetched by a person first."""

_INFO_FILE: Final = "dataset_info.json"
_FEATURES_FILE: Final = "features.json"
_VERSION: Final = re.compile(r"\d+\.\d+\.\d+")
_TEMPLATE: Final = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SplitFiles:
    """The files of one split.

    Attributes:
        name: As TensorFlow Datasets calls it.
        files: In order.
        lengths: Pictures in each of them.
        part: What it is for; None in a dataset that nobody divided.
        taken: Whether it belongs to the dataset: some are samples, copies or pictures without a class.
    """

    name: str
    files: tuple[Path, ...]
    lengths: tuple[int, ...]
    part: Part | None
    taken: bool

    @property
    def pictures(self) -> int:
        """Number of pictures in all files."""
        return sum(self.lengths)


@dataclass(frozen=True)
class OnDisk:
    """A dataset of pictures with one class each that TensorFlow Datasets has prepared.

    Attributes:
        id: Its name, and its variant after a slash where it has one.
        folder: Where its files lie: the folder of its version.
        version: As TensorFlow Datasets counts.
        file_format: `array_record`, `tfrecord` or one that can't be read in place.
        pair: Which features are the picture and its class.
        class_names: In the order of the labels.
        splits: As its makers divided it.
        description, citation, homepage, licence: What its makers say.
    """

    id: str
    folder: Path
    version: str
    file_format: str
    pair: Pair
    class_names: tuple[str, ...]
    splits: tuple[SplitFiles, ...]
    description: str
    citation: str
    homepage: str
    licence: str

    def info(self) -> DatasetInfo:
        """What is known of it before its pictures are read in."""
        entry = find_entry(self.id)
        name, _, config = self.id.partition("/")
        shown = entry.name if entry else name.replace("_", " ").capitalize()
        pictures: dict[Part, int] = {}
        for split in self.taken():
            if split.part is not None:
                pictures[split.part] = pictures.get(split.part, 0) + split.pictures
        return DatasetInfo(
            id=self.id,
            name=f"{shown} ({config})" if config else shown,
            source="tfds",
            description=entry.description if entry else self.description,
            class_names=self.class_names,
            parts={part: pictures[part] for part in PARTS if part in pictures},
            origin=str(self.folder),
            licence=self.licence,
            homepage=self.homepage or (entry.homepage if entry else ""),
            citation=self.citation or (entry.citation if entry else ""),
        )

    def taken(self) -> tuple[SplitFiles, ...]:
        """The splits whose pictures belong to the dataset."""
        return tuple(split for split in self.splits if split.taken)


def data_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder that TensorFlow Datasets keeps its datasets in: `$TFDS_DATA_DIR`, else `~/tensorflow_datasets`."""
    return Path(environment.get(DATA_DIR_VARIABLE) or Path.home() / "tensorflow_datasets").expanduser().absolute()


def find_on_disk(dataset_id: str) -> OnDisk | None:
    """The newest version of a dataset that is whole; None where there is none, or it is no dataset of pictures.

    What TensorFlow Datasets is still preparing, or left half-prepared, lies in folders of other names and is not seen.
    """
    entry = find_entry(dataset_id)
    name = entry.id if entry else dataset_id
    try:
        parts = [check_id("dataset", part) for part in name.split("/")]
    except InputError:
        return None
    if len(parts) > 2 or parts[0] in PLAIN_SOURCES:
        return None
    return _newest(data_dir().joinpath(*parts), name)


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
        inside = sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:
        return []
    return [path for path in inside if _is_name(path.name)]


def _is_name(name: str) -> bool:
    try:
        return bool(check_id("dataset", name)) and name != DOWNLOADS and not name.startswith("incomplete.")
    except InputError:
        return False


def _newest(folder: Path, dataset_id: str) -> OnDisk | None:
    versions = [path for path in _folders(folder) if _VERSION.fullmatch(path.name)]
    for path in sorted(versions, key=lambda path: [int(part) for part in path.name.split(".")], reverse=True):
        on_disk = _read(path, dataset_id)
        if on_disk is not None and all(file.is_file() for split in on_disk.splits for file in split.files):
            return on_disk
    return None


def _read(folder: Path, dataset_id: str) -> OnDisk | None:
    try:
        changed = tuple((folder / name).stat().st_mtime_ns for name in (_INFO_FILE, _FEATURES_FILE))
        return _parse(folder, dataset_id, changed)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        _log.debug("%s is not a dataset that can be read: %s", folder, error)
        return None


@lru_cache(maxsize=512)
def _parse(folder: Path, dataset_id: str, _changed: tuple[int, ...]) -> OnDisk | None:
    """Reads the two files; kept until one of them is written anew."""
    document = read_json(folder / _INFO_FILE)
    pair = labelled_pair(read_json(folder / _FEATURES_FILE), _supervised(document))
    if pair is None:
        return None
    file_format = str(document.get("fileFormat") or TFRECORD)
    name = dataset_id.partition("/")[0]
    listed = [split for split in document["splits"] if split.get("shardLengths")]
    if not listed:
        return None
    parts = parts_of(split["name"] for split in listed)
    return OnDisk(
        id=dataset_id,
        folder=folder,
        version=folder.name,
        file_format=file_format,
        pair=pair,
        class_names=_class_names(folder, pair),
        splits=tuple(
            SplitFiles(
                name=split["name"],
                files=_files(folder, name, file_format, split),
                lengths=tuple(int(length) for length in split["shardLengths"]),
                part=parts.get(split["name"]),
                taken=split["name"] in parts,
            )
            for split in listed
        ),
        description=str(document.get("description", "")),
        citation=str(document.get("citation", "")),
        homepage=next(iter(document.get("location", {}).get("urls", [])), ""),
        licence=str(document.get("redistributionInfo", {}).get("license", "")),
    )


def _supervised(document: dict[str, Any]) -> list[Any] | None:
    """The names of what to learn from and what to learn; None where the dataset names none."""
    keys = document.get("supervisedKeys")
    if not keys:
        return None
    if "tuple" in keys:
        return [item.get("featureKey") for item in keys["tuple"].get("items", [])]
    return [keys.get("input"), keys.get("output")]  # as versions before 4.2 wrote it


def _class_names(folder: Path, pair: Pair) -> tuple[str, ...]:
    try:
        text = (folder / f"{pair.label}.labels.txt").read_text(encoding="utf-8")
    except FileNotFoundError:
        return tuple(str(number) for number in range(pair.classes))
    return tuple(name.strip() for name in text.split("\n") if name.strip())


def _files(folder: Path, name: str, file_format: str, split: dict[str, Any]) -> tuple[Path, ...]:
    """The files of a split, by the template that it names."""
    number = len(split["shardLengths"])
    files = []
    for index in range(number):
        words = {
            "DATASET": name,
            "SPLIT": split["name"],
            "FILEFORMAT": file_format,
            "SHARD_INDEX": f"{index:05d}",
            "NUM_SHARDS": f"{number:05d}",
            "SHARD_X_OF_Y": f"{index:05d}-of-{number:05d}",
        }
        file = split.get("filepathTemplate") or _TEMPLATE
        for word, text in words.items():
            file = file.replace(f"{{{word}}}", text)
        files.append(folder / file)
    return tuple(files)
