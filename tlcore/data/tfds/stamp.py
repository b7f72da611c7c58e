"""Whether the files that a dataset points into are still those that were read in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from tlcore.errors import DatasetError
from tlcore.files import read_json

STAMP: Final = "tfds.json"
"""Beside a dataset's `dataset.json`: where its files are, and their sizes and times when they were read in."""


def make_stamp(folder: Path, version: str, files: Iterable[Path]) -> dict[str, Any]:
    """The stamp of files that lie in `folder`, as plain data.

    Raises:
        OSError: A file can't be looked at.
    """
    return {"folder": str(folder), "version": version, "files": [[path.name, *_facts(path)] for path in files]}


def is_current(dataset: Path) -> bool:
    """Whether all files of the dataset in this folder are as they were when they were read in."""
    try:
        document = read_json(dataset / STAMP)
        folder = Path(document["folder"])
        return all(_facts(folder / name) == [size, modified] for name, size, modified in document["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def check_current(dataset: Path, dataset_id: str) -> None:
    """Refuses a dataset whose files were changed or are gone.

    Raises:
        DatasetError: They were; it has to be prepared again.
    """
    if is_current(dataset):
        return
    try:
        place = read_json(dataset / STAMP)["folder"]
    except (OSError, ValueError, KeyError, TypeError):
        place = "unknown"
    raise DatasetError(
        "The files of this dataset were changed, moved or removed since they were read in",
        value=f"{dataset_id} in {place}",
        hint=f"Bring them back, or prepare it again: 'datasets prepare {dataset_id}', or its button on the Data page.",
    )


def _facts(path: Path) -> list[int]:
    facts = path.stat()
    return [facts.st_size, facts.st_mtime_ns]
