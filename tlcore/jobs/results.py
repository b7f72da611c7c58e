"""The result of a training is several files that belong together: made beside those of before, then put in their place.

A training that learned for longer replaces what it had left. Until the new files are whole, the earlier ones stay.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from tlcore.runs.folder import RunFolder

_NEW: Final = "saving-result"
_OLD: Final = "saving-earlier"


def begin_result(folder: RunFolder) -> RunFolder:
    """An empty folder for the files of a result, under their names in a run's folder."""
    new = RunFolder(folder.path / _NEW)
    shutil.rmtree(new.path, ignore_errors=True)
    new.path.mkdir()
    return new


def put_in_place(new: RunFolder, folder: RunFolder) -> None:
    """Moves a result into its run's folder, the report last: where it is new, all the rest is.

    Args:
        new: What `begin_result` gave, with everything in it.
        folder: The run's.

    Raises:
        OSError: The disk is full, or something can't be moved.
    """
    for path in new.path.rglob("*"):
        if path.is_file():
            _make_durable(path)
    earlier = folder.path / _OLD
    shutil.rmtree(earlier, ignore_errors=True)
    if folder.bundle.exists():  # a folder can't replace another one
        folder.bundle.replace(earlier)
    new.bundle.replace(folder.bundle)
    for name in (new.model, new.test_pictures, new.report):
        name.replace(folder.path / name.name)
    for leftover in (new.path, earlier):
        shutil.rmtree(leftover, ignore_errors=True)


def _make_durable(path: Path) -> None:
    """Lets a file outlast a power cut: libraries that write by themselves don't see to it."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
