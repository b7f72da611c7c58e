"""Pictures that don't belong: blank, tiny, or unlike everything else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tlcore.audit.record import Item
from tlcore.audit.space import Neighbours
from tlcore.data.dataset import Dataset

BLANK: Final = 8.0
"""Brightest minus darkest region, of 255, below which a picture shows nothing."""

TINY: Final = 64
"""Pixels of the shorter side below which a picture may be called tiny."""

_SMALLER: Final = 0.25  # of the usual size; where all pictures are small, none is tiny

NEIGHBOUR: Final = 5
"""The neighbour whose distance counts: up to four copies of a strange picture don't keep each other company."""

UNLIKE: Final = 0.6
"""Distance to that neighbour. Among cat and dog photos its median is 0.38, of a trailer there it is 0.65, and photos of
other things have 0.63 or more to them; scanned digits and textures never reach 0.35 among themselves."""

_DEVIATIONS: Final = 3.0  # robust standard deviations beyond the class's median


def find_blank(dataset: Dataset, relief: NDArray[np.float32]) -> list[Item]:
    """Pictures that show nothing.

    Args:
        dataset: The pictures.
        relief: Brightest minus darkest region of each, 0..255.
    """
    rows = np.flatnonzero(relief < BLANK)
    return [_item(dataset, int(row), "One colour all over") for row in rows[np.argsort(relief[rows], kind="stable")]]


def find_tiny(dataset: Dataset, widths: Sequence[int], heights: Sequence[int]) -> list[Item]:
    """Pictures that are much smaller than the others, the smallest first."""
    if not len(dataset):
        return []
    sides = np.minimum(np.asarray(widths), np.asarray(heights))
    rows = np.flatnonzero((sides < TINY) & (sides < _SMALLER * np.median(sides)))
    return [
        _item(dataset, int(row), f"{widths[row]} × {heights[row]} pixels; usual are {int(np.median(sides))} or more")
        for row in rows[np.argsort(sides[rows], kind="stable")]
    ]


def find_outliers(
    dataset: Dataset, rows: NDArray[np.int64], neighbours: Neighbours, passed_over: NDArray[np.bool_]
) -> list[Item]:
    """Pictures that are far from everything, the furthest first.

    Args:
        dataset: The pictures.
        rows: Which of them `neighbours` is about: one of each group of copies.
        neighbours: Their nearest others.
        passed_over: bool, shape (n,): pictures whose fault has a better name.
    """
    if neighbours.distances.shape[1] < NEIGHBOUR:
        return []
    distance = neighbours.distances[:, NEIGHBOUR - 1]
    labels = dataset.labels[rows]
    strange = np.zeros(len(rows), dtype=np.bool_)
    for label in np.unique(labels).tolist():
        members = labels == label
        usual = float(np.median(distance[members]))
        deviation = 1.4826 * float(np.median(np.abs(distance[members] - usual)))
        strange[members] = distance[members] > max(UNLIKE, usual + _DEVIATIONS * deviation)
    strange &= ~passed_over[rows]
    return [
        _item(
            dataset,
            int(rows[place]),
            f"Unlike every other picture, in {dataset.info.class_names[labels[place]]} or elsewhere",
            round(min(float(distance[place]), 1.0), 3),
        )
        for place in sorted(np.flatnonzero(strange).tolist(), key=lambda place: -distance[place])
    ]


def _item(dataset: Dataset, row: int, note: str, score: float | None = None) -> Item:
    key = dataset.keys[row]
    return Item(
        keys=(key,), note=note, score=score, affected=(key,), classes=(dataset.info.class_names[dataset.labels[row]],)
    )
