"""The decoded pictures of a run, cached so that each file is decoded once however many epochs and runs follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from tlcore.caches import Recipe, RowCache, Rows, fill, open_cache
from tlcore.config import AugmentationConfig
from tlcore.data.batches import read_batches
from tlcore.data.dataset import Dataset
from tlcore.images.decode import DECODING
from tlcore.progress import Reporter, Stopped
from tlcore.training.sources import AugmentedSource, Source, in_batches
from tlcore.workspace import Workspace

BATCH = 32


def told_batches(
    batches: Iterable[NDArray[np.uint8]], task: str, total: int, reporter: Reporter
) -> Iterator[NDArray[np.uint8]]:
    """The same batches, with progress told and stops heeded.

    Args:
        batches: Pictures, shape (n, …).
        task: What is being done, in words.
        total: Number of pictures in all.
        reporter: Who is told.

    Raises:
        Stopped: Somebody asked to stop.
    """
    done = 0
    reporter.progress(task, 0, total)
    for batch in batches:
        if reporter.stop_requested():
            raise Stopped
        yield batch
        done += len(batch)
        reporter.progress(task, done, total)


def hashes_of(dataset: Dataset, indices: NDArray[np.int64]) -> list[str]:
    """The SHA-256 of some pictures, which caches find their rows by."""
    return [dataset.hashes[index] for index in indices.tolist()]


def image_recipe(dataset_id: str, size: int) -> Recipe:
    """The cache entry of a dataset's decoded pictures: uint8, shape (size, size, 3) a row."""
    return Recipe(
        kind="images",
        dataset=dataset_id,
        parts=(("decoding", DECODING), ("size", str(size))),
        row=(size, size, 3),
        dtype="uint8",
        title=f"Pictures at {size} × {size} pixels",
    )


def cached_pictures(
    workspace: Workspace, dataset: Dataset, indices: NDArray[np.int64], size: int, reporter: Reporter
) -> tuple[RowCache, Rows, bool]:
    """Decodes the pictures that the cache does not have yet.

    Args:
        workspace: Where caches are, and the limits of decoding.
        dataset: Where the pictures are.
        indices: Which of them, shape (n,).
        size: Side in pixels.
        reporter: Who is told.

    Returns:
        The open cache, which the caller closes once the rows are no longer read; the pictures in the order of the
        indices, uint8, shape (n, size, size, 3); and whether all were there.

    Raises:
        PictureError: A stored picture is gone or damaged.
        CacheFull: There is no room, even if all is evicted that is not in use.
        WorkspaceError: The disk is full. What was decoded so far is kept.
        Stopped: Somebody asked to stop. What was decoded so far is kept.
    """
    hashes = hashes_of(dataset, indices)

    def make(positions: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.uint8]]]:
        batches = read_batches(dataset, indices[positions], size, BATCH, workspace.limits)
        for batch in told_batches(batches, "Reading pictures", len(positions), reporter):
            yield (batch,)

    with ExitStack() as stack:
        cache = stack.enter_context(open_cache(workspace, image_recipe(dataset.info.id, size)))
        made = fill(workspace, [cache], hashes, make, reporter)
        rows = cache.rows(hashes)
        stack.pop_all()
    return cache, rows, made == 0


def make_views(
    pictures: Source,
    hashes: Sequence[str],
    positions: NDArray[np.int64],
    augmentation: AugmentationConfig,
    seed: int,
    view: int,
) -> Iterator[NDArray[np.uint8]]:
    """One changed copy of each picture, in batches, for an engine that looks at them.

    Args:
        pictures: n decoded pictures, uint8, shape (size, size, 3) each.
        hashes: SHA-256 of each of the n pictures.
        positions: Which of them, in which order.
        augmentation: How large the changes may be.
        seed: Of the changes.
        view: Number of the view.

    Returns:
        uint8, shape (at most 32, size, size, 3) each.
    """
    return in_batches(AugmentedSource(pictures, hashes, augmentation, seed), positions, BATCH, view)
