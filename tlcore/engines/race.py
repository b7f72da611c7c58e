"""A short race between the engines on this machine: whether they agree, and which is faster."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tlcore.engines.protocol import EMBEDDING, FeatureEngine
from tlcore.engines.record import Race

PICTURES: Final = 32

_FIRST: Final = 4  # pictures of the first look, in which the engines warm up
_SECONDS: Final = 1.0  # of a timed round, at most, as far as can be known before
_CLEAR: Final = 1.5  # how much faster is not chance: there is then no second round
_BATCH: Final = 16
_SEED: Final = 20
_COARSE: Final = 9  # pixels a side that a made-up picture is enlarged from


def run_race(
    openvino: FeatureEngine, tensorflow: FeatureEngine, pictures: NDArray[np.uint8], outputs: tuple[str, ...]
) -> Race:
    """Both engines on the same pictures, each with about a second, twice if the first time is no clear answer.

    Args:
        openvino, tensorflow: Of the same network, at float32.
        pictures: uint8, shape (n, size, size, 3).
        outputs: What is wanted of the network; the first one is compared.
    """
    engines = (openvino, tensorflow)
    ours, theirs = (_embedding(engine, pictures[:_FIRST], outputs) for engine in engines)
    # The first look paid for compiling and tracing; the second tells how many pictures fit into the time.
    counts = [_fitting(_timed(engine, pictures[:_FIRST], outputs), len(pictures)) for engine in engines]
    speeds = [0.0, 0.0]
    for _ in range(2):
        for place, (engine, count) in enumerate(zip(engines, counts, strict=True)):
            speeds[place] = max(speeds[place], count / _timed(engine, pictures[:count], outputs))
        if max(speeds) > _CLEAR * min(speeds):
            break
    return Race(openvino=speeds[0], tensorflow=speeds[1], parity=relative_difference(ours, theirs))


def relative_difference(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    """Largest difference, relative to the largest value of `theirs`; 1e9 where an answer is not a number."""
    largest = float(np.abs(theirs).max(initial=0.0))
    difference = float(np.abs(ours - theirs).max(initial=0.0)) / max(largest, 1e-12)
    return min(difference, 1e9) if np.isfinite(difference) else 1e9


def made_up_pictures(size: int, count: int = PICTURES) -> NDArray[np.uint8]:
    """Soft coloured patches with some noise, always the same: what a camera sees out of focus.

    Args:
        size: Side in pixels.
        count: How many.

    Returns:
        uint8, shape (count, size, size, 3).
    """
    random = np.random.default_rng(_SEED)
    pictures = np.empty((count, size, size, 3), dtype=np.uint8)
    for place in range(count):
        coarse = Image.fromarray(random.integers(0, 256, (_COARSE, _COARSE, 3), dtype=np.uint8))
        soft = np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC), dtype=np.int16)
        noise = random.integers(-8, 9, soft.shape, dtype=np.int16)
        pictures[place] = np.clip(soft + noise, 0, 255).astype(np.uint8)
    return pictures


def _in_batches(pictures: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, len(pictures), _BATCH):
        yield pictures[start : start + _BATCH]


def _embedding(engine: FeatureEngine, pictures: NDArray[np.uint8], outputs: tuple[str, ...]) -> NDArray[np.float32]:
    place = outputs.index(EMBEDDING)
    return np.concatenate([answer[place] for answer in engine.extract(_in_batches(pictures), outputs)])


def _timed(engine: FeatureEngine, pictures: NDArray[np.uint8], outputs: tuple[str, ...]) -> float:
    """Seconds for the pictures."""
    started = time.monotonic()
    for _ in engine.extract(_in_batches(pictures), outputs):
        pass
    return max(time.monotonic() - started, 1e-6)


def _fitting(seconds: float, most: int) -> int:
    """How many pictures fit into a round, by the seconds that the first few took."""
    return max(min(_FIRST, most), min(most, int(_FIRST * _SECONDS / seconds)))
