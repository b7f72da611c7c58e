"""Batches for Keras from arrays in memory or mapped from disk.

`tf.data`'s autotuner is off: it was measured idling between epochs (epochs of 10 or 20 s for the same work).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tlcore.config import AugmentationConfig

_READ_AHEAD = 2


@dataclass(frozen=True)
class Batches:
    """A stream of (inputs, targets) batches without end, and how it is divided into epochs.

    Attributes:
        dataset: Repeats for ever; shuffled anew in each pass where asked.
        steps: Batches an epoch.
        pictures: Number of pictures in one pass.
        batch_size: Pictures a batch; the last one of a pass may be smaller.
    """

    dataset: tf.data.Dataset
    steps: int
    pictures: int
    batch_size: int

    def size_of(self, step: int) -> int:
        """Pictures in the batch number `step`, counted from 0 since the stream began."""
        per_pass = -(-self.pictures // self.batch_size)
        rest = self.pictures - (per_pass - 1) * self.batch_size
        return rest if step % per_pass == per_pass - 1 else self.batch_size


def training_batches(
    inputs: NDArray[np.generic],
    targets: NDArray[np.float32],
    batch_size: int,
    seed: int,
    steps: int | None = None,
    augmentation: AugmentationConfig | None = None,
    replicas: int = 1,
) -> Batches:
    """Shuffled batches, augmented where asked.

    Args:
        inputs: Pictures (n, size, size, 3) uint8 or features (n, channels) float32; may be mapped from disk.
        targets: Shape (n, outputs).
        batch_size: Pictures a batch.
        seed: Of the order and the augmentation.
        steps: Batches an epoch; None is one pass.
        augmentation: Random changes, for pictures only.
        replicas: Parts that each batch is cut into. All get the same number: an empty part would turn the statistics of
            BatchNorm into NaN. The few pictures that are left over are others in each pass.
    """
    batch_size = even_batch_size(batch_size, len(inputs), replicas)
    pictures = len(inputs) - len(inputs) % replicas

    def order(number: int) -> NDArray[np.int64]:
        return np.random.default_rng((seed, number)).permutation(len(inputs))[:pictures]

    def stream() -> Iterator[tuple[NDArray[np.generic], NDArray[np.float32]]]:
        for number in count():
            whole = order(number)
            for start in range(0, len(whole), batch_size):
                chosen = whole[start : start + batch_size]
                yield inputs[chosen], targets[chosen]

    dataset = tf.data.Dataset.from_generator(stream, output_signature=(_spec(inputs), _spec(targets)))
    if augmentation is not None and augmentation.active:
        change = augmenter(augmentation, seed)
        # One at a time: in parallel the order in which batches take random numbers would differ from run to run.
        dataset = dataset.map(lambda x, wanted: (change(tf.cast(x, tf.float32), training=True), wanted))
    return Batches(_fixed(dataset), steps or -(-pictures // batch_size), pictures, batch_size)


def evaluation_batches(
    inputs: NDArray[np.generic], targets: NDArray[np.float32], batch_size: int, replicas: int = 1
) -> Batches:
    """Batches in order, for validation; without end, like those for training. No picture is left out."""
    batch_size = even_batch_size(batch_size, len(inputs), replicas)

    def stream() -> Iterator[tuple[NDArray[np.generic], NDArray[np.float32]]]:
        while True:
            for start in range(0, len(inputs), batch_size):
                yield inputs[start : start + batch_size], targets[start : start + batch_size]

    dataset = tf.data.Dataset.from_generator(stream, output_signature=(_spec(inputs), _spec(targets)))
    return Batches(_fixed(dataset), -(-len(inputs) // batch_size), len(inputs), batch_size)


def even_batch_size(batch_size: int, pictures: int, replicas: int) -> int:
    """The largest batch size up to the one asked for whose first batch is cut into equal parts.

    Under a MirroredStrategy, Keras 3.15 averages the parts of a stream's first batch to learn their shape, and fails
    when they differ.
    """
    if replicas == 1:
        return batch_size
    largest = min(batch_size, pictures)
    return max(largest - largest % replicas, replicas)


def augmenter(augmentation: AugmentationConfig, seed: int) -> keras.Sequential:
    """The random changes as layers, for float32 pictures 0..255; new pixels at the borders are mirrored.

    They stay in float32 under mixed precision: float16 can't tell neighbouring pixels of a large picture apart.
    """
    layers: list[keras.layers.Layer] = []
    precision = {"dtype": "float32"}
    if augmentation.flip != "none":
        both = "horizontal_and_vertical"
        direction = both if augmentation.flip == "both" else augmentation.flip
        layers.append(keras.layers.RandomFlip(direction, seed=seed, **precision))
    if augmentation.rotation:
        layers.append(keras.layers.RandomRotation(augmentation.rotation / 360, seed=seed + 1, **precision))
    if augmentation.zoom:
        layers.append(keras.layers.RandomZoom(augmentation.zoom, seed=seed + 2, **precision))
    if augmentation.contrast:
        contrast = keras.layers.RandomContrast(augmentation.contrast, value_range=(0, 255), seed=seed + 3, **precision)
        layers.append(contrast)
    return keras.Sequential(layers)


def _spec(array: NDArray[np.generic]) -> tf.TensorSpec:
    return tf.TensorSpec((None, *array.shape[1:]), array.dtype)


def _fixed(dataset: tf.data.Dataset) -> tf.data.Dataset:
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.prefetch(_READ_AHEAD).with_options(options)
