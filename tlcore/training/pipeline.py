"""Batches for Keras from what a phase learns from (`tlcore.training.sources`).

A head trains on a batch of features in less than a millisecond, so handing one over must cost far less: Python makes
many small batches at once and TensorFlow takes them apart. `tf.data`'s autotuner is off: it was measured idling between
epochs (epochs of 10 or 20 s for the same work).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count, repeat
from typing import Any, Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tlcore.training.sources import Source

_READ_AHEAD: Final = 2  # batches
_BLOCK: Final = 8 * 2**20  # bytes that are asked of a source at once, if that is more than a batch
_MOST_IN_BLOCK: Final = 64  # batches

_Passes = Callable[[], Iterator[tuple[int, NDArray[np.int64]]]]
_Block = tuple[NDArray[Any], ...]


@dataclass(frozen=True)
class Batches:
    """A stream of (inputs, targets) batches without end, and how it is divided into epochs.

    Attributes:
        dataset: Repeats for ever; shuffled anew in each pass where asked.
        steps: Batches an epoch.
        pictures: Number of pictures in one pass.
        batch_size: Pictures a batch; the last one of a pass may be smaller.
        failures: What the source raised, if it did; see `own_failures`.
        first: Batches that were taken from the stream before, by an earlier attempt.
    """

    dataset: tf.data.Dataset
    steps: int
    pictures: int
    batch_size: int
    failures: list[Exception] = field(default_factory=list)
    first: int = 0

    def size_of(self, step: int) -> int:
        """Pictures in the batch number `step`, counted from 0 since this stream began."""
        per_pass = -(-self.pictures // self.batch_size)
        rest = self.pictures - (per_pass - 1) * self.batch_size
        return rest if (self.first + step) % per_pass == per_pass - 1 else self.batch_size


def training_batches(
    source: Source,
    targets: NDArray[np.float32],
    batch_size: int,
    seed: int,
    steps: int | None = None,
    replicas: int = 1,
    epochs_done: int = 0,
) -> Batches:
    """Shuffled batches.

    Args:
        source: Pictures or features.
        targets: Shape (n, outputs).
        batch_size: Pictures a batch.
        seed: Of the order.
        steps: Batches an epoch; None is one pass.
        replicas: Parts that each batch is cut into. All get the same number: an empty part would turn the statistics of
            BatchNorm into NaN. The few pictures that are left over are others in each pass.
        epochs_done: Whole epochs of an earlier attempt; the stream goes on where they ended.
    """
    pictures = len(source) - len(source) % replicas
    size = even_batch_size(batch_size, len(source), replicas)
    per_pass = -(-pictures // size)
    an_epoch = per_pass if steps is None else steps
    first_turn, over = divmod(epochs_done * an_epoch, per_pass)

    def passes() -> Iterator[tuple[int, NDArray[np.int64]]]:
        for turn in count(first_turn):
            order = np.random.default_rng((seed, turn)).permutation(len(source))[:pictures]
            yield turn, order[over * size :] if turn == first_turn else order

    batches = _batches(source, targets, size, pictures, passes)
    return replace(batches, steps=an_epoch, first=epochs_done * an_epoch)


def evaluation_batches(source: Source, targets: NDArray[np.float32], batch_size: int, replicas: int = 1) -> Batches:
    """Batches in order, for validation; without end, like those for training. No picture is left out."""
    whole = (0, np.arange(len(source)))
    size = even_batch_size(batch_size, len(source), replicas)
    return _batches(source, targets, size, len(source), lambda: repeat(whole))


def even_batch_size(batch_size: int, pictures: int, replicas: int) -> int:
    """The largest batch size up to the one asked for whose first batch is cut into equal parts.

    Under a MirroredStrategy, Keras 3.15 averages the parts of a stream's first batch to learn their shape, and fails
    when they differ.
    """
    if replicas == 1:
        return batch_size
    largest = min(batch_size, pictures)
    return max(largest - largest % replicas, replicas)


@contextmanager
def own_failures(*streams: Batches) -> Iterator[None]:
    """Inside the block, what a source raised comes out as it was raised, and not as TensorFlow's report of it.

    Raises:
        StudioError: A picture can't be read any more, or whatever else the source of a stream had to tell.
    """
    try:
        yield
    except tf.errors.OpError as error:
        for failure in (failure for stream in streams for failure in stream.failures):
            raise failure from error
        raise


def _batches(source: Source, targets: NDArray[np.float32], size: int, pictures: int, passes: _Passes) -> Batches:
    """A stream over all passes, each of which is its number and an order of positions."""
    failures: list[Exception] = []
    batch_bytes = size * int(np.prod(source.shape)) * source.dtype.itemsize
    block = size * min(max(_BLOCK // max(batch_bytes, 1), 1), _MOST_IN_BLOCK)

    def blocks() -> Iterator[_Block]:
        try:
            for turn, whole in passes():
                for start in range(0, len(whole), block):
                    yield from _blocks_of(source, targets, whole[start : start + block], turn, size)
        except Exception as error:
            failures.append(error)
            raise

    signature = (
        tf.TensorSpec((None, None, *source.shape), source.dtype),
        tf.TensorSpec((None, None, *targets.shape[1:]), targets.dtype),
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    made = tf.data.Dataset.from_generator(blocks, output_signature=signature)
    dataset = made.prefetch(1).unbatch().prefetch(_READ_AHEAD).with_options(options)
    return Batches(dataset, -(-pictures // size), pictures, size, failures)


def _blocks_of(
    source: Source, targets: NDArray[np.float32], positions: NDArray[np.int64], turn: int, size: int
) -> Iterator[_Block]:
    """Rows and targets with one more dimension, the batches; a smaller last batch is a block of its own."""
    rows, wanted = source.batch(positions, turn), targets[positions]
    whole = len(positions) // size
    if whole:
        yield tuple(values[: whole * size].reshape(whole, size, *values.shape[1:]) for values in (rows, wanted))
    if whole * size < len(positions):
        yield tuple(values[None, whole * size :] for values in (rows, wanted))
