"""Which pictures are copies or near-copies of each other, by how they look from afar.

Two measures have to agree: a perceptual hash finds candidates quickly, and the grey values of small copies confirm
them. Either alone calls pictures alike that people would not: hashes meet by chance, and pictures of little detail
(scanned digits) resemble each other in few grey values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tlcore.data.dataset import Dataset

LOOK_BYTES: Final = 264
"""A perceptual hash of 8 bytes, then 16 × 16 grey values; see `tlcore.images.look`."""

MOST_BITS: Final = 8
"""Bits in which the hashes of near-copies may differ, of 64. Photos made smaller (to 0.3) and recompressed (to 35 %)
differ in 0 to 2."""

LEAST_CORRELATION: Final = 0.99
"""Of the grey values of near-copies. 200 photos made smaller and recompressed: 0.993 to 1. Among 1,399 different photos
no pair reaches 0.9, among 1,797 scanned digits 24 pairs reach 0.99 and 122 reach 0.985."""

LEAST_CONTRAST: Final = 4.0
"""Standard deviation of the grey values (0..255) below which a picture is too flat to be told from others."""

_COMPARED_AT_ONCE: Final = 2**21  # pairs of hashes; 16 MB
_CONFIRMED_AT_ONCE: Final = 2**13  # pairs of grey values; 16 MB


def near_pairs(looks: NDArray[np.uint8], start: int = 0, stop: int | None = None) -> NDArray[np.int64]:
    """Pairs that connect all pictures that look alike.

    A pair is left out where others connect its pictures already: of a film's 1,000 frames 999 pairs are enough. So
    memory grows with the number of pictures; time grows with its square: 25,000 pictures take a second or two.

    Args:
        looks: uint8, shape (n, 264); all zeros where a picture's look is not known.
        start: Only pairs whose larger index is at least this are looked for.
        stop: Only pairs whose smaller index is below this are looked for; None is all.

    Returns:
        int64, shape (pairs, 2), the larger index first; fewer than n.
    """
    hashes = np.ascontiguousarray(looks[:, :8]).view(">u8").ravel().astype(np.uint64)
    grey = _Grey(looks[:, 8:])
    links = _Links(len(looks))
    rows = max(1, _COMPARED_AT_ONCE // max(1, len(looks)))
    for first in range(start, len(looks), rows):
        last = min(first + rows, len(looks))
        end = last if stop is None else min(stop, last)
        bits = np.bitwise_count(hashes[first:last, None] ^ hashes[None, :end])
        left, right = np.nonzero((bits <= MOST_BITS) & grey.usable[first:last, None] & grey.usable[None, :end])
        left += first
        left, right = left[left > right], right[left > right]
        # First against the latest picture of each group: frames of a film are like the one before.
        group = links.numbers[right]
        order = np.lexsort((right, group, left))
        ends = np.flatnonzero(np.append((np.diff(left[order]) != 0) | (np.diff(group[order]) != 0), True)[: len(order)])
        links.join(*grey.alike(left[order[ends]], right[order[ends]]))
        for part in range(0, len(left), _CONFIRMED_AT_ONCE):
            some = slice(part, part + _CONFIRMED_AT_ONCE)
            links.join(*grey.alike(*links.unconnected(left[some], right[some])))
    return np.array(links.pairs, dtype=np.int64).reshape(-1, 2)


class _Grey:
    """The grey values of pictures, made comparable."""

    def __init__(self, values: NDArray[np.uint8]) -> None:
        grey = values.astype(np.float32)
        contrast = grey.std(axis=1)
        self.usable: NDArray[np.bool_] = contrast >= LEAST_CONTRAST
        grey -= grey.mean(axis=1, keepdims=True)
        grey /= np.where(self.usable, contrast, 1)[:, None] * np.sqrt(grey.shape[1])
        self._grey = grey

    def alike(self, left: NDArray[np.int64], right: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Those of the pairs whose grey values agree."""
        same = np.zeros(len(left), dtype=np.bool_)
        for part in range(0, len(left), _CONFIRMED_AT_ONCE):
            some = slice(part, part + _CONFIRMED_AT_ONCE)
            same[some] = np.einsum("ij,ij->i", self._grey[left[some]], self._grey[right[some]]) >= LEAST_CORRELATION
        return left[same], right[same]


class _Links:
    """Which pictures are connected so far, and by which pairs."""

    def __init__(self, count: int) -> None:
        self.numbers: NDArray[np.int64] = np.arange(count)
        self.pairs: list[tuple[int, int]] = []

    def join(self, left: NDArray[np.int64], right: NDArray[np.int64]) -> None:
        """Connects pairs; those that are connected already are passed over."""
        for one, other in zip(left.tolist(), right.tolist(), strict=True):
            high, low = self.numbers[one], self.numbers[other]
            if high != low:
                self.numbers[self.numbers == high] = low
                self.pairs.append((one, other))

    def unconnected(
        self, left: NDArray[np.int64], right: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Those of the pairs that nothing connects yet."""
        apart = self.numbers[left] != self.numbers[right]
        return left[apart], right[apart]


def seen_in(dataset: Dataset, other: Dataset) -> NDArray[np.bool_]:
    """Which pictures of a dataset are copies or near-copies of a picture of another one; bool, shape (n,)."""
    hashes = set(other.hashes)
    seen = np.array([digest in hashes for digest in dataset.hashes], dtype=np.bool_)
    pairs = near_pairs(np.concatenate([other.looks(), dataset.looks()]), len(other), len(other))
    seen[pairs[:, 0] - len(other)] = True
    return seen


def group_numbers(
    hashes: Sequence[str], pairs: Iterable[Sequence[int]] = (), known: Sequence[int] | None = None
) -> NDArray[np.int32]:
    """The same number for pictures that belong together, directly or through others.

    Args:
        hashes: Of each picture's bytes; equal ones belong together.
        pairs: Indices of pictures that belong together.
        known: Earlier numbers of the first pictures; those that share one (not -1) stay together.

    Returns:
        int32, shape (n,): the index of the first picture of each group.
    """
    parent = list(range(len(hashes)))

    def top(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    def join(one: int, other: int) -> None:
        low, high = sorted((top(one), top(other)))
        parent[high] = low

    firsts: dict[object, int] = {}
    for index, digest in enumerate(hashes):
        join(index, firsts.setdefault(digest, index))
    for index, number in enumerate(known or ()):
        if number >= 0:
            join(index, firsts.setdefault(number, index))
    for one, other in pairs:
        join(int(one), int(other))
    return np.array([top(index) for index in range(len(hashes))], dtype=np.int32)
