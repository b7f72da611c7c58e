"""Optimizer, schedule and loss of a phase."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from tlcore.config import OptimizerConfig, RunConfig
from tlcore.training.devices import Device


def make_optimizer(optimizer: OptimizerConfig, learning_rate: float, steps: int) -> keras.optimizers.Optimizer:
    """The optimizer of one phase.

    Args:
        optimizer: Which, and its schedule.
        learning_rate: At the start.
        steps: Batches of the whole phase; the cosine schedule reaches zero there (Loshchilov & Hutter 2017).
    """
    rate = (
        learning_rate
        if optimizer.schedule == "constant"
        else keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    )
    match optimizer.name:
        case "adam":
            return keras.optimizers.Adam(rate)
        case "sgd":
            return keras.optimizers.SGD(rate, momentum=optimizer.momentum)
        case "rmsprop":
            return keras.optimizers.RMSprop(rate)


def compile_model(model: keras.Model, config: RunConfig, optimizer: keras.optimizers.Optimizer, device: Device) -> None:
    """Compiles `model` with the loss of its head; needed again after each change of what is trainable."""
    smoothing = config.label_smoothing
    sigmoid = config.head.activation == "sigmoid"
    losses = keras.losses
    loss = (
        losses.BinaryCrossentropy(label_smoothing=smoothing)
        if sigmoid
        else losses.CategoricalCrossentropy(label_smoothing=smoothing)
    )
    accuracy = (
        keras.metrics.BinaryAccuracy(name="accuracy") if sigmoid else keras.metrics.CategoricalAccuracy(name="accuracy")
    )
    model.compile(optimizer=optimizer, loss=loss, metrics=[accuracy], jit_compile=device.jit_compile)


def targets(labels: NDArray[np.int32], classes: int, config: RunConfig) -> NDArray[np.float32]:
    """Labels in the form that the head's loss wants: one-hot (n, classes), or (n, 1) for sigmoid."""
    if config.head.activation == "sigmoid":
        return labels.astype(np.float32)[:, None]
    return np.eye(classes, dtype=np.float32)[labels]


def probabilities(output: NDArray[np.float32]) -> NDArray[np.float32]:
    """The head's output as one probability a class, shape (n, classes)."""
    if output.shape[1] == 1:
        return np.concatenate([1 - output, output], axis=1)
    return output


def class_weights(labels: NDArray[np.int32], classes: int, config: RunConfig) -> dict[int, float] | None:
    """Weights that make every class count the same in the loss, or None: n / (classes * pictures of the class)."""
    if config.class_weights == "none":
        return None
    counts = np.bincount(labels, minlength=classes)
    return {index: len(labels) / (classes * max(int(number), 1)) for index, number in enumerate(counts)}
