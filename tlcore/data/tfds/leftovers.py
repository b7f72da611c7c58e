"""What TensorFlow Datasets leaves behind when it is stopped: half-prepared datasets and half-downloaded files."""

from __future__ import annotations

import shutil
from pathlib import Path


def find_leftovers(data_dir: Path, name: str) -> frozenset[Path]:
    """The folders of half-prepared versions of a dataset and of half-downloaded files, in use or not.

    Args:
        data_dir: The folder of all datasets.
        name: Of the dataset, without a variant.
    """
    found: set[Path] = set()
    for pattern in ("incomplete.*", "*/incomplete.*"):
        found.update((data_dir / name).glob(pattern))
    found.update((data_dir / "downloads" / name).glob("**/*.tmp.*/"))
    return frozenset(found)


def remove_leftovers(data_dir: Path, name: str, before: frozenset[Path]) -> None:
    """Removes those that came since `before`; files that were downloaded whole stay, and are used the next time."""
    for path in find_leftovers(data_dir, name) - before:
        shutil.rmtree(path, ignore_errors=True)
