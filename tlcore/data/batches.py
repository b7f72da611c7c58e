"""Pictures of a dataset as batches of pixels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from tlcore.data.dataset import Dataset
from tlcore.data.ordered import ordered_map
from tlcore.images.decode import load_picture
from tlcore.workspace import Limits

_AHEAD_PER_THREAD = 8
_MOST_THREADS = 8


def decoding_threads() -> int:
    """One a processor that this process may use, at most 8: more would wait for each other and for the disk."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, _MOST_THREADS)


def read_batches(
    dataset: Dataset, indices: NDArray[np.int64], size: int, batch_size: int, limits: Limits, threads: int | None = None
) -> Iterator[NDArray[np.uint8]]:
    """The pictures at `indices`, in that order. Threads decode a little ahead; Pillow frees them from Python's lock.

    The dataset's pictures were checked when they came in, so they are decoded here and not in a guarded process.

    Args:
        dataset: Where the pictures are.
        indices: Which of them, shape (n,).
        size: Side in pixels.
        batch_size: Pictures a batch; the last one may be smaller.
        limits: Of decoding.
        threads: Number of decoding threads; None is `decoding_threads()`.

    Yields:
        uint8, shape (batch_size, size, size, 3).

    Raises:
        PictureError: A stored picture is gone or damaged.
    """

    def load(index: int) -> NDArray[np.uint8]:
        return load_picture(dataset.read(index), size, limits)

    threads = threads or decoding_threads()
    wanted = (int(index) for index in indices)
    with closing(ordered_map(load, wanted, threads, threads * _AHEAD_PER_THREAD)) as pictures:
        for start in range(0, len(indices), batch_size):
            batch = np.empty((min(batch_size, len(indices) - start), size, size, 3), dtype=np.uint8)
            for place in range(len(batch)):
                batch[place] = next(pictures)
            yield batch
