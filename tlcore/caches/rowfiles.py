"""The two files of an entry: rows, and the digests of the pictures that they belong to.

A digest is appended only once its row lies safely on the disk. So however a writer ends, what has a digest is whole;
what has none, and what was torn, is cut off by the next writer. Files grow by plain writes: a full disk then raises an
error, where writing through a memory map would kill the process.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Collection, Sequence
from io import FileIO
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tlcore.caches.recipe import Recipe

ROWS: Final = "rows.bin"
INDEX: Final = "index.bin"
DIGEST_BYTES: Final = 32

_DIGEST: Final = np.dtype(f"S{DIGEST_BYTES}")
_ABSENT: Final = -1

Digests = NDArray[np.bytes_]


def digests_of(hashes: Sequence[str]) -> Digests:
    """SHA-256 values in hexadecimal digits as an array that sorts and compares fast.

    Raises:
        ValueError: One isn't a SHA-256.
    """
    data = bytes.fromhex("".join(hashes))
    if len(data) != DIGEST_BYTES * len(hashes):
        raise ValueError("not all hashes are SHA-256 values in hexadecimal digits")
    return np.frombuffer(data, dtype=_DIGEST)


class RowFiles:
    """An entry's open files. Many may read while one, who holds the writer's lock, appends."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        """Opens the files, which are made where missing.

        Raises:
            OSError: They can't be opened or made.
        """
        self.recipe = recipe
        self._rows = FileIO(folder / ROWS, "a+")
        try:
            self._index = FileIO(folder / INDEX, "a+")
        except OSError:
            self._rows.close()
            raise
        self._known: Digests = np.empty(0, dtype=_DIGEST)
        self._order: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._sorted = self._known
        self._mapped = np.empty((0, *recipe.row), dtype=recipe.dtype)

    @property
    def closed(self) -> bool:
        """Whether the files were closed."""
        return self._rows.closed

    def close(self) -> None:
        """Closes the files; what was mapped stays readable."""
        self._rows.close()
        self._index.close()
        self._mapped = self._mapped[:0].copy()

    def count(self) -> int:
        """Number of whole rows: those with a digest, unless the file of rows was cut short by something else."""
        return min(_size(self._index) // DIGEST_BYTES, _size(self._rows) // self.recipe.row_bytes)

    def find(self, wanted: Digests) -> NDArray[np.int64]:
        """Numbers of the rows that belong to digests; -1 where there is none. Takes in what others added meanwhile."""
        self._refresh()
        if not len(self._known):
            return np.full(len(wanted), _ABSENT, dtype=np.int64)
        places = np.minimum(np.searchsorted(self._sorted, wanted), len(self._sorted) - 1)
        return np.where(self._sorted[places] == wanted, self._order[places], _ABSENT)

    def _refresh(self) -> None:
        count = self.count()
        if count == len(self._known):
            return
        self._index.seek(0)
        self._known = np.frombuffer(self._index.read(count * DIGEST_BYTES), dtype=_DIGEST)
        self._order = np.argsort(self._known)
        self._sorted = self._known[self._order]

    def map_rows(self, least: int) -> NDArray[np.generic]:
        """The whole rows, shape (n, …), read through a memory map: the kernel drops what is not in use.

        Every map keeps a descriptor, of which a process has few. So all share one until rows beyond it are wanted.

        Args:
            least: How many rows, from the first on, are wanted at least.
        """
        recipe = self.recipe
        if len(self._mapped) < least and (count := self.count()):
            mapped = mmap.mmap(self._rows.fileno(), count * recipe.row_bytes, access=mmap.ACCESS_READ)
            self._mapped = np.frombuffer(mapped, dtype=recipe.dtype).reshape(count, *recipe.row)
        return self._mapped

    def cut_torn(self) -> int:
        """Cuts off what an earlier writer left half done. For the holder of the writer's lock.

        Returns:
            Number of whole rows that stay.
        """
        count = self.count()
        _cut(self._index, count * DIGEST_BYTES)
        self.cut_rows(count)
        self._refresh()
        return count

    def cut_rows(self, count: int) -> None:
        """Cuts the file of rows to its first `count`."""
        _cut(self._rows, count * self.recipe.row_bytes)

    def cut_index(self) -> int:
        """Cuts off a digest that was written in part, and returns how many there are."""
        count = _size(self._index) // DIGEST_BYTES
        _cut(self._index, count * DIGEST_BYTES)
        return count

    def append_rows(self, rows: NDArray[np.generic]) -> None:
        """Appends rows that have no digest yet.

        Raises:
            OSError: The disk is full; part of the rows may have been written.
        """
        _write_all(self._rows, np.ascontiguousarray(rows).data.cast("B") if rows.size else memoryview(b""))

    def append_digests(self, digests: Digests) -> None:
        """Makes the rows appended last safe, then known: one digest each, in their order.

        Raises:
            OSError: The disk is full; part of the digests may have been written.
        """
        _sync(self._rows)
        _write_all(self._index, memoryview(digests.tobytes()))
        _sync(self._index)

    def rows_written(self) -> int:
        """Number of rows in the file that are whole, with a digest or not."""
        return _size(self._rows) // self.recipe.row_bytes


def has_files(folder: Path) -> bool:
    """Whether an entry has both files. One has not whose maker was killed, or had a full disk: it holds no row."""
    return all((folder / name).is_file() for name in (ROWS, INDEX))


def scrub(folder: Path, row_bytes: int, hashes: Collection[str]) -> None:
    """Overwrites the rows of pictures that were deleted for good; the others stay. Nobody may have the entry open.

    Rows without a digest, which a killed writer left, may be of such pictures too: they are cut off. A digest is erased
    before its row, so that nobody ever finds a row that was erased in part.

    Args:
        folder: Of the entry.
        row_bytes: Size of one row.
        hashes: SHA-256 of the pictures' bytes, in hexadecimal digits.

    Raises:
        OSError: The files can't be written.
    """
    with FileIO(folder / INDEX, "r+") as index, FileIO(folder / ROWS, "r+") as rows:
        count = min(_size(index) // DIGEST_BYTES, _size(rows) // row_bytes)
        _cut(index, count * DIGEST_BYTES)
        _cut(rows, count * row_bytes)
        known = np.frombuffer(index.read(count * DIGEST_BYTES), dtype=_DIGEST)
        places = np.flatnonzero(np.isin(known, digests_of(tuple(hashes)))).tolist()
        for file, size in ((index, DIGEST_BYTES), (rows, row_bytes)):
            for place in places:
                file.seek(place * size)
                _write_all(file, memoryview(bytes(size)))
            _sync(file)


def _size(file: FileIO) -> int:
    return os.fstat(file.fileno()).st_size


def _cut(file: FileIO, size: int) -> None:
    if _size(file) > size:
        file.truncate(size)


def _write_all(file: FileIO, data: memoryview) -> None:
    """Writes everything: the system may take less at a time, and does on a disk that is about to be full."""
    while len(data):
        data = data[file.write(data) :]


def _sync(file: FileIO) -> None:
    if hasattr(os, "fdatasync"):  # not on macOS and Windows
        os.fdatasync(file.fileno())
    else:
        os.fsync(file.fileno())
