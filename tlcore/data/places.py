"""Where the bytes of a picture lie: in a file of their own, or inside a larger file that somebody else wrote."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Final

_OPEN_FILES: Final = 32


@dataclass(frozen=True)
class Place:
    """Where an encoded picture lies.

    Attributes:
        file: Path of the file; relative to the dataset's folder of pictures, or absolute where the file is not ours.
        record: Number of the record in an array_record file; -1 in any other file.
        offset: First byte of the picture in the file, or in the record.
        length: Bytes of the picture; -1 is all to the end.
    """

    file: str
    record: int = -1
    offset: int = 0
    length: int = -1

    @property
    def ours(self) -> bool:
        """Whether the file belongs to the dataset, and goes when its picture is removed."""
        return not Path(self.file).is_absolute()


def read_place(root: Path, place: Place) -> bytes:
    """The encoded picture at a place.

    Args:
        root: What relative files are relative to.
        place: Where the picture lies.

    Raises:
        OSError: The file is gone, can't be read, or is shorter than it was.
    """
    path = root / place.file
    if place.record >= 0:
        data = _read_record(path, place.record)[place.offset :]
        data = data if place.length < 0 else data[: place.length]
    else:
        with path.open("rb") as file:
            file.seek(place.offset)
            data = file.read(place.length)
    if len(data) < place.length:
        raise OSError(errno.EIO, "the file ends before its picture does", str(path))
    return data


@dataclass(frozen=True)
class _Records:
    """An open array_record file. Its reader is not said to be safe for threads, so they take turns."""

    reader: Any
    lock: Lock


def _read_record(path: Path, number: int) -> bytes:
    facts = path.stat()  # a file that was written anew is opened anew
    records = _open_records(str(path), facts.st_size, facts.st_mtime_ns)
    with records.lock:
        try:
            found: list[bytes] = records.reader.read([number])
        except (IndexError, ValueError, RuntimeError) as error:
            raise OSError(errno.EIO, f"the file has no record {number}", str(path)) from error
    return found[0]


@lru_cache(maxsize=_OPEN_FILES)
def _open_records(path: str, size: int, modified: int) -> _Records:  # noqa: ARG001 - parts of the key
    # Loaded here: only datasets of this format need the package, which has no wheel for Windows.
    from array_record.python.array_record_module import ArrayRecordReader

    try:
        return _Records(ArrayRecordReader(path), Lock())
    except (ValueError, RuntimeError) as error:
        raise OSError(errno.EIO, f"the file can't be read as records ({error})", path) from error
