"""Near-copies that a perceptual hash misses: cropped, mirrored, turned or recoloured.

The backbone's embedding proposes pairs, laying the pictures over each other decides. A fixed distance can't propose:
two tabby cats are as near (0.17) as a photo and its crop, and scanned digits are all nearer. So a pair has to be much
nearer to each other than to everything else.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tlcore.audit.alignment import Sketch, same_picture, sketch
from tlcore.audit.backbone import SIZE
from tlcore.audit.space import Neighbours
from tlcore.audit.verdicts import Verdicts
from tlcore.data.dataset import Dataset
from tlcore.images.decode import load_picture
from tlcore.progress import Reporter, Stopped
from tlcore.workspace import Limits

TASK: Final = "Laying similar pictures over each other"

NEIGHBOURS: Final = 6
"""A pair has to be much nearer than the sixth neighbour: up to five copies of one picture don't hide each other."""

NEARER: Final = 0.75
"""Of the sixth neighbour's distance. Mirrored, recoloured and cropped (to 0.8) photos are all below; of 1,399 different
photos 67 pairs are, and are then laid over each other."""

_MOST_PAIRS: Final = 400
_FRUITLESS: Final = 60  # the pairs come nearest first: after so many misses in a row the rest is not worth the time
_SKETCHES_KEPT: Final = 64


def near_in_embedding(neighbours: Neighbours) -> NDArray[np.int64]:
    """Pairs that are much nearer to each other than to everything else, the nearest first.

    Returns:
        int64, shape (pairs, 2), the smaller index first.
    """
    if neighbours.distances.shape[1] < NEIGHBOURS:
        return np.empty((0, 2), dtype=np.int64)
    usual = np.maximum(neighbours.distances[:, NEIGHBOURS - 1], 1e-6)
    left = np.repeat(np.arange(len(usual)), NEIGHBOURS - 1)
    right = neighbours.indices[:, : NEIGHBOURS - 1].ravel()
    ratio = neighbours.distances[:, : NEIGHBOURS - 1].ravel() / np.minimum(usual[left], usual[right])
    order = np.argsort(ratio, kind="stable")
    order = order[ratio[order] < NEARER]
    pairs = np.stack([np.minimum(left, right), np.maximum(left, right)], axis=1)[order]
    _, firsts = np.unique(pairs, axis=0, return_index=True)
    return pairs[np.sort(firsts)].astype(np.int64)


def confirmed(
    dataset: Dataset, pairs: NDArray[np.int64], limits: Limits, verdicts: Verdicts, reporter: Reporter
) -> list[tuple[int, int]]:
    """Those of the pairs that show the same picture.

    Args:
        dataset: The pictures.
        pairs: Indices of pictures, the likeliest pair first.
        limits: Of decoding.
        verdicts: What earlier checks found; new ones are noted there, and kept when all is done.
        reporter: Told how many pairs are done, and asked whether to stop.

    Raises:
        PictureError: A stored picture is gone or damaged.
        OSError: The verdicts can't be kept.
        Stopped: Somebody asked to stop.
    """

    @lru_cache(maxsize=_SKETCHES_KEPT)
    def drawn(index: int, mirrored: bool) -> Sketch:
        picture = load_picture(dataset.read(index), SIZE, limits)
        return sketch(np.ascontiguousarray(picture[:, ::-1]) if mirrored else picture)

    found: list[tuple[int, int]] = []
    misses = 0
    tried = pairs[:_MOST_PAIRS].tolist()
    for done, (one, other) in enumerate(tried):
        if reporter.stop_requested():
            raise Stopped
        reporter.progress(TASK, done, len(tried))
        same = verdicts.get(dataset.hashes[one], dataset.hashes[other])
        if same is None:
            same = any(same_picture(drawn(one, False), drawn(other, mirrored)) for mirrored in (False, True))
            verdicts.note(dataset.hashes[one], dataset.hashes[other], same)
        if same:
            found.append((one, other))
        misses = 0 if same else misses + 1
        if misses >= _FRUITLESS:
            break
    if tried:
        verdicts.keep()
        reporter.progress(TASK, len(tried), len(tried))
    return found
