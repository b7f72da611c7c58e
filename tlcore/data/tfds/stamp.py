"""Whether the files that a dataset points into are still those that were read in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tlcore.data.stored import read_info
from tlcore.errors import DatasetError
from tlcore.files import read_json

STAMP: Final = "tfds.json"
"""Beside a dataset's `dataset.json`: where its files are, their sizes and times, and what was in them when read in."""


_CHANGED: Final = "The files of this dataset were changed, moved or removed since they were read in"
_OLDER: Final = "This version of the dataset was read in from other files than there are now"


@dataclass(frozen=True)
class Stamp:
    """What was read in last.

    Attributes:
        folder: Where its files are.
        read: When. All versions that come from it have this time as their `created`; it tells them from versions that
            were made of what the files had in them before.
        contents: Digest of all pictures with their classes.
    """

    folder: str
    read: datetime
    contents: str


def make_stamp(folder: Path, version: str, files: Iterable[Path]) -> dict[str, Any]:
    """The stamp of files that lie in `folder`, as plain data; `read` and `contents` are still missing.

    Raises:
        OSError: A file can't be looked at.
    """
    facts = [[path.relative_to(folder).as_posix(), *_facts(path)] for path in files]
    return {"folder": str(folder), "version": version, "files": facts}


def read_stamp(dataset: Path) -> Stamp | None:
    """The stamp of the dataset in this folder; None where there is none, or one of an older program."""
    try:
        document = read_json(dataset / STAMP)
        return Stamp(str(document["folder"]), datetime.fromisoformat(document["read"]), str(document["contents"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_current(dataset: Path) -> bool:
    """Whether the dataset's current version tells what is in its files, and these are as they were when read in."""
    return _files_are_same(dataset) and _is_of_last_reading(dataset)


def check_current(dataset: Path, dataset_id: str) -> None:
    """Refuses a dataset whose files were changed or are gone, or whose version is of what they were before.

    Raises:
        DatasetError: It has to be prepared again; or a newer version be brought back.
    """
    same = _files_are_same(dataset)
    if same and _is_of_last_reading(dataset):
        return
    try:
        place = read_json(dataset / STAMP)["folder"]
    except (OSError, ValueError, KeyError, TypeError):
        place = "unknown"
    step = "Go back to a newer version of it" if same else "Bring them back"
    raise DatasetError(
        _OLDER if same else _CHANGED,
        value=f"{dataset_id} in {place}",
        hint=f"{step}, or prepare it again: 'datasets prepare {dataset_id}', or its button on the Data page.",
    )


def _files_are_same(dataset: Path) -> bool:
    try:
        document = read_json(dataset / STAMP)
        folder = Path(document["folder"])
        return all(_facts(folder / name) == [size, modified] for name, size, modified in document["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _is_of_last_reading(dataset: Path) -> bool:
    """A version that was brought back has the `created` of the reading that it comes from."""
    stamp = read_stamp(dataset)
    try:
        return stamp is not None and read_info(dataset).created == stamp.read
    except DatasetError:
        return False


def _facts(path: Path) -> list[int]:
    facts = path.stat()
    return [facts.st_size, facts.st_mtime_ns]
