"""Cached rows as arrays: which are there, which are missing, and reading them in any order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from tlcore.caches.entry import cannot_write, doors, enter, leave
from tlcore.caches.recipe import Recipe
from tlcore.caches.rowfiles import RowFiles, digests_of
from tlcore.workspace import Workspace


class RowCache:
    """One entry, open: it is never evicted while it is. Made by `open_cache`; not for use by several threads at once.

    Attributes:
        recipe: What decides its rows.
        folder: Where it lies.
        files: Its files, for `fill`.
    """

    def __init__(self, recipe: Recipe, folder: Path, files: RowFiles, lock: FileLock) -> None:
        self.recipe = recipe
        self.folder = folder
        self.files = files
        self._lock = lock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def missing(self, hashes: Sequence[str]) -> NDArray[np.int64]:
        """Positions in `hashes` whose row is not there, ascending; of equal hashes the first.

        Args:
            hashes: SHA-256 of the pictures' bytes, in hexadecimal digits.
        """
        wanted = digests_of(hashes)
        absent = np.flatnonzero(self.files.find(wanted) < 0)
        _, first = np.unique(wanted[absent], return_index=True)
        return absent[np.sort(first)]

    def rows(self, hashes: Sequence[str]) -> Rows:
        """The rows of pictures, in their order; the same picture may be named more than once.

        Args:
            hashes: SHA-256 of the pictures' bytes, in hexadecimal digits.

        Raises:
            RuntimeError: A row is missing: fill the cache first.
        """
        places = self.files.find(digests_of(hashes))
        absent = int(np.count_nonzero(places < 0))
        if absent:
            raise RuntimeError(f"{absent} of {len(places)} rows are missing in the cache of {self.recipe.title}")
        return Rows(self, places)

    def close(self) -> None:
        """Lets the entry go. What was read stays, and `Rows` that were read from once can be read on."""
        if not self.files.closed:
            self.files.close()
            leave(self.folder, self._lock)


class Rows:
    """Cached rows in a wanted order, read from the disk when they are asked for. Threads may share it."""

    def __init__(self, cache: RowCache, places: NDArray[np.int64]) -> None:
        """Opens nothing yet.

        Args:
            cache: Whose rows these are; it stays open for as long as this object lives.
            places: Numbers of the rows in its file, shape (n,).
        """
        self._cache = cache
        self._places = places
        self._mapped: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self._places)

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, …) of all rows together."""
        return (len(self._places), *self._cache.recipe.row)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        return np.dtype(self._cache.recipe.dtype)

    def __getitem__(self, wanted: slice | NDArray[np.int64]) -> NDArray[Any]:
        """The rows at positions, as an array of the caller's own.

        Raises:
            IndexError: A position lies outside.
            RuntimeError: The cache was closed before anything was read.
        """
        if self._mapped is None:
            if self._cache.files.closed:
                raise RuntimeError(f"the cache of {self._cache.recipe.title} was closed before its rows were read")
            self._mapped = self._cache.files.map_rows(int(self._places.max(initial=-1)) + 1)
        return np.take(self._mapped, self._places[wanted], axis=0)


def open_cache(workspace: Workspace, recipe: Recipe) -> RowCache:
    """Opens the entry of a recipe; an empty one where there is none yet.

    Raises:
        WorkspaceError: The workspace can't be written, or the disk is full.
    """
    with doors(workspace):
        try:
            folder, lock = enter(workspace, recipe)
            try:
                files = RowFiles(folder, recipe)
            except OSError:
                leave(folder, lock)
                raise
        except OSError as error:
            raise cannot_write(error) from error
    return RowCache(recipe, folder, files, lock)
