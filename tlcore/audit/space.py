"""Pictures as points: who is near whom, and the directions in which they differ most. Memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tlcore.progress import Reporter, Stopped

TASK: Final = "Comparing the pictures"

_QUERIES: Final = 1024
_REFERENCES: Final = 8192


@dataclass(frozen=True)
class Neighbours:
    """The nearest others of each picture.

    Attributes:
        indices: int64, shape (n, k), the nearest first.
        distances: float32, shape (n, k): 1 - cosine similarity, 0 for the same direction.
    """

    indices: NDArray[np.int64]
    distances: NDArray[np.float32]


def nearest(embeddings: NDArray[np.float16], count: int, reporter: Reporter) -> Neighbours:
    """The `count` nearest others of each picture, by brute force in blocks: exact, and 25,000 pictures take seconds.

    Args:
        embeddings: Of length 1, shape (n, channels).
        count: How many neighbours; at most n - 1 are given.
        reporter: Told how many pictures are done, and asked whether to stop.

    Raises:
        Stopped: Somebody asked to stop.
    """
    total = len(embeddings)
    count = min(count, max(total - 1, 0))
    indices = np.zeros((total, count), dtype=np.int64)
    distances = np.zeros((total, count), dtype=np.float32)
    for start in range(0, total if count else 0, _QUERIES):
        if reporter.stop_requested():
            raise Stopped
        reporter.progress(TASK, start, total)
        rows = slice(start, min(start + _QUERIES, total))
        likeness, found = _nearest_of(embeddings, rows, count)
        order = np.argsort(-likeness, axis=1, kind="stable")
        indices[rows] = np.take_along_axis(found, order, axis=1)
        distances[rows] = np.maximum(1 - np.take_along_axis(likeness, order, axis=1), 0)
    reporter.progress(TASK, total, total)
    return Neighbours(indices, distances)


def _nearest_of(
    embeddings: NDArray[np.float16], rows: slice, count: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Likeness and index of the nearest others of some pictures, in no order."""
    queries = embeddings[rows].astype(np.float32)
    best = np.full((len(queries), count), -np.inf, dtype=np.float32)
    found = np.zeros((len(queries), count), dtype=np.int64)
    for start in range(0, len(embeddings), _REFERENCES):
        likeness = queries @ embeddings[start : start + _REFERENCES].astype(np.float32).T
        for row in range(max(rows.start, start), min(rows.stop, start + likeness.shape[1])):
            likeness[row - rows.start, row - start] = -np.inf  # not itself
        kept = min(count, likeness.shape[1])
        top = np.argpartition(-likeness, kept - 1, axis=1)[:, :kept]
        both = np.concatenate([best, np.take_along_axis(likeness, top, axis=1)], axis=1)
        places = np.concatenate([found, top + start], axis=1)
        chosen = np.argpartition(-both, count - 1, axis=1)[:, :count]
        best = np.take_along_axis(both, chosen, axis=1)
        found = np.take_along_axis(places, chosen, axis=1)
    return best, found


def principal(embeddings: NDArray[np.float16], dimensions: int) -> NDArray[np.float32]:
    """The pictures in the directions in which they differ most, scaled to a mean squared length of 1.

    Args:
        embeddings: Shape (n, channels).
        dimensions: How many directions, at most n - 1 and channels.

    Returns:
        float32, shape (n, dimensions), the widest direction first.
    """
    total, channels = embeddings.shape
    dimensions = max(1, min(dimensions, total - 1, channels))
    mean = sum(block.sum(axis=0, dtype=np.float64) for block in _blocks(embeddings)) / total
    centre = mean.astype(np.float32)
    scatter = np.zeros((channels, channels), dtype=np.float64)
    for block in _blocks(embeddings):
        scatter += (block - centre).T @ (block - centre)
    with threadpool_limits(1):  # beside other work on the machine its threads wait for each other: 9 s instead of 1
        _, directions = np.linalg.eigh(scatter)
    axes = directions[:, ::-1][:, :dimensions].astype(np.float32)
    points = np.concatenate([(block - centre) @ axes for block in _blocks(embeddings)])
    length = np.sqrt((points**2).sum(axis=1).mean())
    return (points / max(float(length), 1e-12)).astype(np.float32)


def _blocks(embeddings: NDArray[np.float16]) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(embeddings), _REFERENCES):
        yield embeddings[start : start + _REFERENCES].astype(np.float32)
