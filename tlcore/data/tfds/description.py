"""What TensorFlow Datasets wrote of a dataset beside its files. The folder may be anybody's: nothing in it is believed.

Whatever can't be right refuses the folder, and no file outside it is ever read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Final

from tlcore.data.dataset import PARTS, DatasetInfo, Part
from tlcore.data.listing import is_text
from tlcore.data.tfds.catalogue import find_entry
from tlcore.data.tfds.pair import Pair, labelled_pair
from tlcore.data.tfds.parts import parts_of
from tlcore.data.tfds.records import TFRECORD
from tlcore.errors import DatasetError
from tlcore.files import read_json

INFO_FILE: Final = "dataset_info.json"
FEATURES_FILE: Final = "features.json"

MOST_CLASSES: Final = 100_000
"""A dataset of more is refused. The largest of TensorFlow Datasets' own has some eight thousand."""

_TEMPLATE: Final = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
_LONGEST_NAME: Final = 100
_LONGEST_TEXT: Final = 20_000
_MOST_FILES: Final = 100_000
_MOST_BYTES: Final = 32 * 1024**2  # of a description; those of TensorFlow Datasets have some kilobytes


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


def read_folder(folder: Path, dataset_id: str) -> OnDisk | None:
    """The dataset in the folder of a version; None where it is none of pictures with one class each, or none at all.

    Raises:
        DatasetError: Its description is damaged, or its files are not all there, or lie elsewhere.
    """
    try:
        if not (folder / INFO_FILE).exists() or not (folder / FEATURES_FILE).exists():
            return None
        changed = tuple(path.stat().st_mtime_ns for path in (folder, folder / INFO_FILE, folder / FEATURES_FILE))
        found = _parse(folder, dataset_id, changed)
        for split in found.splits if found else ():
            for file in split.files:
                _check_file(folder, file)
    except _Wrong as error:
        raise _unusable(folder, str(error)) from error
    except OSError as error:
        raise _unusable(folder, error.strerror or "it can't be read") from error
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        raise _unusable(folder, "its description is damaged") from error
    return found


class _Wrong(Exception):
    """Why a folder can't be used, in plain words."""


def _unusable(folder: Path, reason: str) -> DatasetError:
    return DatasetError(
        f"A folder of TensorFlow Datasets can't be used: {reason}",
        value=folder,
        hint="Delete the folder and prepare the dataset again, or ask whoever made it.",
    )


@lru_cache(maxsize=512)
def _parse(folder: Path, dataset_id: str, _changed: tuple[int, ...]) -> OnDisk | None:
    """Reads the description; kept until a file of it is written anew."""
    document = _document(folder, INFO_FILE)
    pair = labelled_pair(_document(folder, FEATURES_FILE), _supervised(document))
    if pair is None:
        return None
    file_format = _name(document.get("fileFormat") or TFRECORD, "the format of its files")
    listed = [split for split in document["splits"] if split.get("shardLengths")]
    if not listed:
        return None
    names = [_name(split["name"], "a split") for split in listed]
    if len(set(names)) != len(names):
        raise _Wrong("two of its splits have the same name")
    if sum(len(split["shardLengths"]) for split in listed) > _MOST_FILES:
        raise _Wrong(f"it has more than {_MOST_FILES:,} files")
    parts = parts_of(names)
    location, licence = document.get("location") or {}, document.get("redistributionInfo") or {}
    return OnDisk(
        id=dataset_id,
        folder=folder,
        version=folder.name,
        file_format=file_format,
        pair=pair,
        class_names=_class_names(folder, pair),
        splits=tuple(
            SplitFiles(
                name=name,
                files=_files(folder, dataset_id.partition("/")[0], file_format, split),
                lengths=tuple(_length(length) for length in split["shardLengths"]),
                part=parts.get(name),
                taken=name in parts,
            )
            for name, split in zip(names, listed, strict=True)
        ),
        description=_text(document.get("description")),
        citation=_text(document.get("citation")),
        homepage=next((_text(url) for url in location.get("urls") or () if _is_address(url)), ""),
        licence=_text(licence.get("license")),
    )


def _document(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    _check_file(folder, path)
    if path.stat().st_size > _MOST_BYTES:
        raise _Wrong(f"{name} is larger than {_MOST_BYTES / 1e6:.0f} MB")
    document = read_json(path)
    if not isinstance(document, dict):
        raise _Wrong(f"{name} is damaged")
    return document


def _supervised(document: dict[str, Any]) -> list[Any] | None:
    """The names of what to learn from and what to learn; None where the dataset names none."""
    keys = document.get("supervisedKeys")
    if not keys:
        return None
    if "tuple" in keys:
        return [item.get("featureKey") for item in keys["tuple"].get("items", [])]
    return [keys.get("input"), keys.get("output")]  # as versions before 4.2 wrote it


def _class_names(folder: Path, pair: Pair) -> tuple[str, ...]:
    if pair.classes > MOST_CLASSES:
        raise _Wrong(f"it has {pair.classes:,} classes, and at most {MOST_CLASSES:,} can be used")
    path = folder / f"{_name(pair.label, 'its label')}.labels.txt"
    if not path.exists():
        return tuple(str(number) for number in range(pair.classes))
    _check_file(folder, path)
    if path.stat().st_size > _MOST_BYTES:
        raise _Wrong("the list of its classes is too long")
    lines = path.read_text(encoding="utf-8").split("\n")
    names = tuple(line.strip() for line in lines if line.strip())
    if len(names) != pair.classes:
        raise _Wrong(f"it has {pair.classes:,} classes, and names of {len(names):,}")
    if len(set(names)) != len(names):
        raise _Wrong("two of its classes have the same name")
    if not all(_is_name(name) for name in names):
        raise _Wrong(f"a class has a name of more than {_LONGEST_NAME} letters, or of letters that can't be shown")
    return names


def _files(folder: Path, name: str, file_format: str, split: dict[str, Any]) -> tuple[Path, ...]:
    """The files of a split, by the template that it names."""
    number = len(split["shardLengths"])
    template = str(split.get("filepathTemplate") or _TEMPLATE)
    if len(template) > _LONGEST_TEXT:
        raise _Wrong("the names of its files are too long")
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
        file = template
        for word, text in words.items():
            file = file.replace(f"{{{word}}}", text)
        files.append(folder / file)
    return tuple(files)


def _check_file(folder: Path, path: Path) -> None:
    """Refuses what is no file in the folder: one elsewhere, a link to one, a device, a pipe."""
    if not path.is_relative_to(folder) or ".." in path.relative_to(folder).parts:
        raise _Wrong("it names files that lie outside the folder")
    try:
        place = path.resolve(strict=True)
    except FileNotFoundError as error:
        raise _Wrong(f"{PurePosixPath(path.relative_to(folder))} is missing") from error
    except RuntimeError as error:  # a circle of links, in Python before 3.13
        raise _Wrong("a file is a link to itself") from error
    if not place.is_relative_to(folder.resolve()):
        raise _Wrong("it names files that lie outside the folder")
    if not place.is_file():
        raise _Wrong("what should be a file is none")


def _name(value: Any, what: str) -> str:
    """A name that becomes part of names of files."""
    if not isinstance(value, str) or not _is_name(value) or any(letter in value for letter in "/\\:"):
        raise _Wrong(f"{what} has a name that can't be used")
    return value


def _is_name(name: str) -> bool:
    return len(name) <= _LONGEST_NAME and is_text((name,))


def _length(value: Any) -> int:
    length = int(value)
    if length < 0:
        raise _Wrong("a file has less than no pictures")
    return length


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("https://", "http://"))


def _text(value: Any) -> str:
    """A text as it can be shown and stored; "" for what is none."""
    return value[:_LONGEST_TEXT].encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""
