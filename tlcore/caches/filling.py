"""Making the rows that a cache does not have yet: by one process at a time, and never lost when it ends."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from tlcore.caches.budget import reserve
from tlcore.caches.entry import cannot_write, end_promise, writer_lock_path
from tlcore.caches.rowfiles import DIGEST_BYTES, Digests, digests_of
from tlcore.caches.rows import RowCache
from tlcore.locks import take_lock
from tlcore.progress import Reporter, Stopped
from tlcore.workspace import MEBIBYTE, Workspace

WAITING: Final = "Waiting for another training that prepares the same pictures"
"""The task that is told while another process fills the cache."""

Make = Callable[[NDArray[np.int64]], Iterable[tuple[NDArray[Any], ...]]]

_BLOCK_BYTES: Final = 64 * MEBIBYTE
_BLOCK_SECONDS: Final = 1.0
_SPARE_BYTES: Final = MEBIBYTE
_LOOK_SECONDS: Final = 0.2
_TELL_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)


class TooLarge(ValueError):
    """A value is finite, and too large for the type of the cache that it was made for."""


def fill(
    workspace: Workspace, caches: Sequence[RowCache], hashes: Sequence[str], make: Make, reporter: Reporter
) -> int:
    """Makes the rows that are missing in any of some caches, and adds to each what it lacks.

    Args:
        workspace: Where the caches are.
        caches: Open caches of different recipes that are filled in one pass.
        hashes: SHA-256 of the pictures' bytes, in hexadecimal digits.
        make: Takes positions in `hashes`, ascending, and makes batches of their rows in this order: for each batch one
            array a cache, shape (k, …). It tells its own progress. Values are cast to the cache's type.
        reporter: Told while another process fills one of them, and asked whether to stop.

    Returns:
        For how many pictures rows were made; 0 when all were there.

    Raises:
        CacheFull: There is no room, even if all is evicted that is not in use.
        WorkspaceError: The disk is full or can't be written. What was made so far is kept.
        Stopped: Somebody asked to stop. What was made so far is kept.
        TooLarge: A cache's type can't hold a value. What was made before is kept.
    """
    if len({cache.recipe.key for cache in caches}) < len(caches):
        raise ValueError("two of the caches have the same recipe")
    if not len(_lacking(caches, hashes)):
        return 0
    with ExitStack() as stack:
        for cache in sorted(caches, key=lambda cache: cache.recipe.key):
            stack.enter_context(_writing(workspace, cache, caches, hashes, reporter))
        lacks = [cache.missing(hashes) for cache in caches]
        positions = np.unique(np.concatenate(lacks))
        if not len(positions):
            return 0
        reserve(workspace, {cache.folder: _growth(cache, lack) for cache, lack in zip(caches, lacks, strict=True)})
        pool = stack.enter_context(ThreadPoolExecutor(1, "cache-writer"))
        digests = digests_of(hashes)
        writers = [
            stack.enter_context(_Writer(cache, lack, digests[lack], pool))
            for cache, lack in zip(caches, lacks, strict=True)
        ]
        _add_all(writers, positions, make(positions), reporter)
        return len(positions)


def _growth(cache: RowCache, lack: NDArray[np.int64]) -> int:
    return len(lack) * (cache.recipe.row_bytes + DIGEST_BYTES)


def _lacking(caches: Sequence[RowCache], hashes: Sequence[str]) -> NDArray[np.int64]:
    """Positions that are missing in any of the caches."""
    return np.unique(np.concatenate([cache.missing(hashes) for cache in caches]))


@contextmanager
def _writing(
    workspace: Workspace, cache: RowCache, caches: Sequence[RowCache], hashes: Sequence[str], reporter: Reporter
) -> Iterator[None]:
    """The right to add rows to a cache, whose torn end is cut off."""
    lock = _wait(workspace, cache, caches, hashes, reporter)
    try:
        with _in_words():
            cache.files.cut_torn()
        yield
    finally:
        end_promise(cache.folder)
        lock.release()


def _wait(
    workspace: Workspace, cache: RowCache, caches: Sequence[RowCache], hashes: Sequence[str], reporter: Reporter
) -> FileLock:
    path = writer_lock_path(workspace, cache.recipe.key)
    told = float("-inf")
    while (lock := take_lock(path, _LOOK_SECONDS)) is None:
        if time.monotonic() - told >= _TELL_SECONDS:
            told = time.monotonic()
            reporter.progress(WAITING, len(hashes) - len(_lacking(caches, hashes)), len(hashes))
        if reporter.stop_requested():
            raise Stopped
    return lock


def _add_all(
    writers: Sequence[_Writer],
    positions: NDArray[np.int64],
    batches: Iterable[tuple[NDArray[Any], ...]],
    reporter: Reporter,
) -> None:
    """Hands each batch to the writers; whatever happens, its maker ends before this returns."""
    done = 0
    try:
        for batch in batches:
            some = positions[done : done + len(batch[0])]
            for writer, rows in zip(writers, batch, strict=True):
                writer.add(some, rows)
            done += len(some)
            if done < len(positions) and reporter.stop_requested():
                raise Stopped
    finally:
        if isinstance(batches, Generator):
            batches.close()
    if done != len(positions):
        raise RuntimeError(f"rows were made for {done} of {len(positions)} pictures")


class _Writer:
    """Adds one cache's share of what is made. Rows become known a block at a time, made safe beside further work."""

    def __init__(self, cache: RowCache, lack: NDArray[np.int64], digests: Digests, pool: Executor) -> None:
        """Adds nothing yet.

        Args:
            cache: The cache, whose writer's lock is held and whose torn end is cut off.
            lack: Positions whose rows it lacks, ascending.
            digests: Of the pictures at these positions: the rows' order in the file is theirs.
            pool: Where blocks are made safe, one at a time.
        """
        self._files = cache.files
        self._recipe = cache.recipe
        self._lack = lack
        self._digests = digests
        self._pool = pool
        self._before = cache.files.count()
        self._settling: Future[None] | None = None
        self._unsettled = 0
        self._settled_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._save()
            return
        with _in_words():
            try:
                self._await()
                self._settle(self._whole())
            except OSError:
                self._save()
                raise

    def add(self, positions: NDArray[np.int64], rows: NDArray[Any]) -> None:
        """Appends those rows that the cache lacks.

        Args:
            positions: Whose rows these are.
            rows: One each.
        """
        if rows.shape != (len(positions), *self._recipe.row):
            raise ValueError(f"rows of shape {rows.shape} for {len(positions)} pictures and {self._recipe.row} each")
        start, end = np.searchsorted(self._lack, (positions[0], positions[-1] + 1)) if len(positions) else (0, 0)
        if start == end:
            return
        if end - start < len(positions):
            rows = rows[np.isin(positions, self._lack[start:end], assume_unique=True)]
        with _in_words():
            self._files.append_rows(_cast(rows, np.dtype(self._recipe.dtype)))
            self._unsettled += rows.nbytes
            if self._unsettled >= _BLOCK_BYTES or time.monotonic() - self._settled_at >= _BLOCK_SECONDS:
                self._await()
                self._settling = self._pool.submit(self._settle, self._whole())
                self._unsettled, self._settled_at = 0, time.monotonic()

    def _whole(self) -> int:
        return self._files.rows_written() - self._before

    def _await(self) -> None:
        if self._settling is not None:
            self._settling.result()

    def _settle(self, whole: int) -> None:
        """Makes the first `whole` rows of this writer known, as far as they aren't."""
        known = self._files.cut_index() - self._before
        if known < whole:
            self._files.append_digests(self._digests[known:whole])

    def _save(self) -> None:
        """Keeps what is whole after something went wrong; on a full disk a few rows make room for the digests."""
        with suppress(OSError):
            self._await()
        for spare_bytes in (0, _SPARE_BYTES):
            try:
                known = self._files.cut_index() - self._before
                whole = max(known, self._whole() - -(-spare_bytes // self._recipe.row_bytes))
                self._files.cut_rows(self._before + whole)
                self._settle(whole)
            except OSError as error:
                _log.warning("the last rows of %s can't be kept: %s", self._recipe.title, error)
            else:
                return


def _cast(rows: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if rows.dtype == dtype:
        return rows
    if dtype.kind != "f":
        raise ValueError(f"{rows.dtype} values for a cache of {dtype}")
    with np.errstate(over="ignore"):
        fitted = rows.astype(dtype)
    infinite = np.isinf(fitted)
    if infinite.any() and np.isfinite(rows[infinite]).any():
        raise TooLarge(f"values too large for {dtype}")
    return fitted


@contextmanager
def _in_words() -> Iterator[None]:
    """Tells what a disk refuses in plain words."""
    try:
        yield
    except OSError as error:
        raise cannot_write(error) from error
