"""The map of the pictures: what the backbone finds alike lies close together (t-SNE, van der Maaten & Hinton 2008)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tlcore.audit.files import Map, map_content, write_map
from tlcore.data.dataset import Dataset
from tlcore.progress import Reporter

MOST_POINTS: Final = 3000
"""Pictures on the map; of a larger dataset every class gets its share. Drawing takes about 10 s on two cores."""

LEAST_POINTS: Final = 5

_DIMENSIONS: Final = 50  # as the authors of t-SNE reduce first
_PERPLEXITY: Final = 30.0
_SEED: Final = 0


def draw_map(dataset: Dataset, points: NDArray[np.float32], folder: Path, reporter: Reporter) -> None:
    """Draws the map and keeps it, unless the kept one shows the same pictures.

    Args:
        dataset: The pictures.
        points: float32, shape (n, dimensions), the widest direction first.
        folder: Where the map is kept.
        reporter: Told that the map is being drawn.

    Raises:
        OSError: The disk is full or can't be written.
    """
    rows = chosen_pictures(dataset.labels, MOST_POINTS)
    content = hashlib.sha256("\n".join(f"{dataset.keys[row]}\t{dataset.hashes[row]}" for row in rows).encode())
    if len(rows) < LEAST_POINTS or map_content(folder) == content.hexdigest():
        return
    of = "" if len(rows) == len(dataset) else f" of {len(dataset):,}"
    reporter.event("task", task=f"Drawing the map of {len(rows):,}{of} pictures")
    plane = _plane(points[rows, :_DIMENSIONS])
    keys = tuple(dataset.keys[row] for row in rows)
    write_map(folder, Map(keys, plane[:, 0].copy(), plane[:, 1].copy()), content.hexdigest())


def chosen_pictures(labels: NDArray[np.int32], most: int) -> list[int]:
    """Which pictures are shown: all, or a seeded draw in which every class keeps its share, and at least one picture.

    Returns:
        Indices, ascending.
    """
    if len(labels) <= most:
        return list(range(len(labels)))
    random = np.random.default_rng(_SEED)
    chosen: list[int] = []
    for label in np.unique(labels).tolist():
        members = np.flatnonzero(labels == label)
        wanted = max(1, int(len(members) * most / len(labels)))
        chosen += random.permutation(members)[:wanted].tolist()
    return sorted(chosen)


def _plane(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Places between 0 and 1, shape (n, 2)."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(_PERPLEXITY, (len(points) - 1) / 3)
    # The same pictures have the same place: t-SNE would divide by their distance.
    jitter = np.random.default_rng(_SEED).normal(scale=1e-4, size=points.shape).astype(np.float32)
    with threadpool_limits(1):  # beside other work on the machine, its threads wait for each other most of the time
        drawn = TSNE(2, perplexity=perplexity, init="pca", random_state=_SEED).fit_transform(points + jitter)
    low, high = drawn.min(axis=0), drawn.max(axis=0)
    places: NDArray[np.float32] = ((drawn - low) / np.maximum(high - low, 1e-9)).astype(np.float32)
    return places
