"""What a phase learns from: rows by position, whether they lie in memory, in a cache, or in picture files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tlcore.config import AugmentationConfig
from tlcore.data.batches import decoding_threads, read_batches
from tlcore.data.dataset import Dataset
from tlcore.data.ordered import ordered_map
from tlcore.images.augment import augment, view_rng
from tlcore.workspace import Limits


class RowsLike(Protocol):
    """An array, or cached rows that behave like one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, …)."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, places: Any, /) -> NDArray[Any]: ...


class Source(Protocol):
    """Pictures or features of one part of a dataset, by position.

    Attributes:
        shape: Of one row.
        dtype: Of the values.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102 - see the class

    @property
    def dtype(self) -> np.dtype[Any]: ...  # noqa: D102

    def __len__(self) -> int: ...

    def batch(self, positions: NDArray[np.int64], turn: int) -> NDArray[Any]:
        """The rows at `positions`, in that order.

        Args:
            positions: Shape (n,).
            turn: Number of the pass through the pictures, from 0: what is drawn at random is drawn for each pass.

        Returns:
            Shape (n, …); a new array.
        """
        ...


class RowsSource:
    """Cached rows, or an array.

    Args:
        rows: Shape (n, …).
    """

    def __init__(self, rows: RowsLike) -> None:
        self._rows = rows
        self.shape: tuple[int, ...] = tuple(rows.shape[1:])
        self.dtype = np.dtype(rows.dtype)

    def __len__(self) -> int:
        return len(self._rows)

    def batch(self, positions: NDArray[np.int64], turn: int) -> NDArray[Any]:  # noqa: ARG002 - the same in each pass
        """See `Source.batch`."""
        return self._rows[positions]


class ViewSource:
    """Several views of each picture, of which every pass takes one at random.

    Args:
        views: The same pictures in the same order, once for each view; shape (n, …) each.
        seed: Of the choice.
    """

    def __init__(self, views: Sequence[RowsLike], seed: int) -> None:
        if len({(tuple(rows.shape), np.dtype(rows.dtype)) for rows in views}) != 1:
            raise ValueError(f"views must be alike: {[(rows.shape, rows.dtype) for rows in views]}")
        self._views = views
        self._seed = seed
        self.shape: tuple[int, ...] = tuple(views[0].shape[1:])
        self.dtype = np.dtype(views[0].dtype)

    def __len__(self) -> int:
        return len(self._views[0])

    def batch(self, positions: NDArray[np.int64], turn: int) -> NDArray[Any]:
        """See `Source.batch`."""
        chosen = self._choice(turn)[positions]
        rows = np.empty((len(positions), *self.shape), dtype=self.dtype)
        for number, view in enumerate(self._views):
            here = np.flatnonzero(chosen == number)
            if len(here):
                rows[here] = view[positions[here]]
        return rows

    def _choice(self, turn: int) -> NDArray[np.int64]:
        """Which view each picture has in this pass."""
        return np.random.default_rng((self._seed, turn)).integers(len(self._views), size=len(self))


class AugmentedSource:
    """Pictures that are changed at random, anew in each pass.

    Args:
        pictures: uint8, shape (size, size, 3) a row.
        hashes: SHA-256 of each picture: with the seed and the pass it decides how the picture is changed.
        augmentation: How large the changes may be.
        seed: Of the changes.
        threads: Number of threads; None is `decoding_threads()`.
    """

    def __init__(
        self,
        pictures: Source,
        hashes: Sequence[str],
        augmentation: AugmentationConfig,
        seed: int,
        threads: int | None = None,
    ) -> None:
        if len(hashes) != len(pictures):
            raise ValueError(f"{len(hashes)} hashes for {len(pictures)} pictures")
        self._pictures = pictures
        self._hashes = hashes
        self._augmentation = augmentation
        self._seed = seed
        self._threads = threads or decoding_threads()
        self.shape = pictures.shape
        self.dtype = pictures.dtype

    def __len__(self) -> int:
        return len(self._pictures)

    def batch(self, positions: NDArray[np.int64], turn: int) -> NDArray[Any]:
        """See `Source.batch`."""
        pictures = self._pictures.batch(positions, turn)

        def change(place: int) -> None:
            rng = view_rng(self._seed, turn, self._hashes[int(positions[place])])
            pictures[place] = augment(pictures[place], self._augmentation, rng)

        for _ in self._pool.map(change, range(len(positions))):
            pass
        return pictures

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads, thread_name_prefix="augment")  # its threads end when it is collected


class DecodedSource:
    """Picture files, decoded whenever they are asked for: no cache, and no more memory than a batch.

    Args:
        dataset: Where the pictures are.
        indices: Which of them, shape (n,).
        size: Side in pixels.
        limits: Of decoding.
        threads: Number of decoding threads; None is `decoding_threads()`.
    """

    def __init__(
        self, dataset: Dataset, indices: NDArray[np.int64], size: int, limits: Limits, threads: int | None = None
    ) -> None:
        self._dataset = dataset
        self._indices = indices
        self._size = size
        self._limits = limits
        self._threads = threads
        self.shape = (size, size, 3)
        self.dtype = np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self._indices)

    def batch(self, positions: NDArray[np.int64], turn: int) -> NDArray[Any]:  # noqa: ARG002 - the same in each pass
        """See `Source.batch`.

        Raises:
            PictureError: A stored picture is gone or damaged.
        """
        wanted = self._indices[positions]
        (batch,) = read_batches(self._dataset, wanted, self._size, len(wanted), self._limits, self._threads)
        return batch


def in_batches(source: Source, positions: NDArray[np.int64], batch_size: int, turn: int = 0) -> Iterator[NDArray[Any]]:
    """Rows in batches, of which the next one is made while this one is used.

    Args:
        source: Whose rows.
        positions: Which, in which order.
        batch_size: Rows a batch; the last one may be smaller.
        turn: Number of the pass.

    Yields:
        Shape (at most batch_size, …).
    """
    pieces = (positions[start : start + batch_size] for start in range(0, len(positions), batch_size))
    with closing(ordered_map(lambda piece: source.batch(piece, turn), pieces, threads=1, ahead=2)) as batches:
        yield from batches
