"""Keeping where a training stands after each whole epoch, and putting it back: as if nothing had happened between.

What a phase may change (weights, statistics, random generators) and the optimizer's state, with the standing itself,
whichever part of the model the phase ran through: another attempt may have more or less room for caches. One file,
replaced at each epoch, so that it is never half of one epoch and half of another. The best weights so far are in a file
of their own (`tlcore.training.keeping`).
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import keras

from tlcore.training.arrays import DAMAGED, is_worth_a_sync, names, read_about, read_arrays, write_arrays
from tlcore.training.standing import STANDING, CheckpointDamaged, Standing, about

_WEIGHTS: Final = "weights"
_MOMENTS: Final = "optimizer"


def write_checkpoint(
    folder: Path, standing: Standing, weights: Sequence[keras.Variable], optimizer: keras.optimizers.Optimizer
) -> None:
    """Replaces what is kept by the standing, by what a phase may change, and by the states of its optimizer.

    Raises:
        OSError: The disk is full; what was kept is then still there.
    """
    moments = optimizer.variables
    words = {**about(standing), _WEIGHTS: names(weights), _MOMENTS: _kinds(moments)}
    durable = is_worth_a_sync(standing.rows[-1].seconds)
    write_arrays(folder / STANDING, words, [*weights, *moments], durable)


def fits(folder: Path, weights: Sequence[keras.Variable]) -> bool:
    """Whether the kept weights are of layers like these.

    Raises:
        CheckpointDamaged: A bit of the file is not as it was written.
    """
    path = folder / STANDING
    try:
        with zipfile.ZipFile(path) as whole:
            broken = whole.testzip()
        known = list(read_about(path)[_WEIGHTS])
    except DAMAGED as error:
        raise CheckpointDamaged("What was kept of this training is damaged", value=path) from error
    if broken is not None:
        raise CheckpointDamaged("What was kept of this training is damaged", value=f"{broken} in {path}")
    return names(weights) == known


def restore(folder: Path, weights: Sequence[keras.Variable], optimizer: keras.optimizers.Optimizer) -> bool:
    """Puts the kept states back; returns whether those of the optimizer were among them.

    Args:
        folder: Where they are kept.
        weights: Which they fit.
        optimizer: Of the phase, built.
    """
    path = folder / STANDING
    states = list(weights)
    whole = _kinds(optimizer.variables) == list(read_about(path)[_MOMENTS])
    if whole:
        states += optimizer.variables
    for state, array in zip(states, read_arrays(path, 0, len(states)), strict=True):
        state.assign(array)
    return whole


class KeepStanding(keras.callbacks.Callback):
    """Keeps where the training stands after each epoch; to be called after everything that the standing tells of.

    Args:
        folder: The run's folder for checkpoints.
        standing: Tells where the training stands.
        weights: What the phase may change.
    """

    def __init__(self, folder: Path, standing: Callable[[], Standing], weights: Sequence[keras.Variable]) -> None:
        super().__init__()
        self._folder = folder
        self._standing = standing
        self._weights = weights

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras's signature
        """Writes the standing.

        Raises:
            OSError: The disk is full; what was kept of the epoch before is then still there.
        """
        write_checkpoint(self._folder, self._standing(), self._weights, self.model.optimizer)


def _kinds(moments: Sequence[Any]) -> list[str]:
    """What each of an optimizer's variables is, "momentum" say, and its shape.

    Their names hold the model's and the layers', which Keras numbers in each process.
    """
    return [f"{value.name.rsplit('_', 1)[-1]} {tuple(value.shape)}" for value in moments]
