"""Arrays and a few words about them in one file, replaced whole: how weights and states are kept while a run learns.

Plain arrays and JSON: loading runs no code, and whoever loads them has built the same model before. No framework is
imported: pages ask how far a run got.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

DAMAGED: Final = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)
"""What reading a file that was cut off or spoiled may raise."""

_ABOUT: Final = "about"
_WORTH_A_SYNC: Final = 0.5  # seconds of an epoch; making sure that a file is on the disk takes some hundredths


def is_worth_a_sync(seconds: float) -> bool:
    """Whether an epoch that took so long is worth the time of making sure that it outlasts a power cut."""
    return seconds >= _WORTH_A_SYNC


def write_arrays(path: Path, about: dict[str, Any], values: Sequence[Any], durable: bool = False) -> None:
    """Replaces `path`; a reader finds the old file or the new one.

    Args:
        path: The file, whose folder is there.
        about: Plain JSON data.
        values: Keras variables.
        durable: Whether the file must also outlast a power cut, which costs more than a short epoch. Without, the file
            may be damaged after one, and a process that is killed loses nothing all the same.

    Raises:
        OSError: The disk is full; the earlier file is then still there.
    """
    arrays: dict[str, Any] = {f"{number:05d}": np.asarray(value) for number, value in enumerate(values)}
    arrays[_ABOUT] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    # One name is enough, as a run has one worker: what a killed one left half-written is written over.
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_about(path: Path) -> dict[str, Any]:
    """The words of a file, without its arrays.

    Raises:
        Exception: One of `DAMAGED`.
    """
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        about: dict[str, Any] = json.loads(stored[_ABOUT].tobytes())
    return about


def read_arrays(path: Path, start: int, count: int) -> list[NDArray[Any]]:
    """`count` arrays of a file from the one numbered `start` on.

    Raises:
        Exception: One of `DAMAGED`.
    """
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        return [stored[f"{number:05d}"] for number in range(start, start + count)]


def names(values: Sequence[Any]) -> list[str]:
    """Name and shape of each variable in order. Not the path: Keras numbers the models and layers of a process."""
    return [f"{value.name} {tuple(value.shape)}" for value in values]
