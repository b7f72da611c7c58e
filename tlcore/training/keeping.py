"""Keeping the best weights of a phase on disk, so that a worker that is killed doesn't take them along.

A phase's best weights lie in one file, replaced whole at each improvement: what the phase may change, as plain arrays,
without optimizer or architecture. Whoever loads them has built the same model before.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tlcore.training.arrays import DAMAGED, is_worth_a_sync, names, read_about, read_arrays, write_arrays

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """What the kept weights are.

    Attributes:
        epoch: After which epoch of its phase, from 1.
        monitor: Which figure chose them.
        value: That figure.
        fingerprint: As of the standing (`tlcore.training.standing`): pictures must not be judged by weights that may
            have learned from them.
    """

    epoch: int
    monitor: str
    value: float
    fingerprint: str = ""


class KeepOnDisk(keras.callbacks.Callback):
    """Writes weights whenever an epoch was the best so far.

    An epoch whose figure is no number is never the best.

    Args:
        path: The file, whose folder is there; conventionally `best-PHASE.npz` in the run's `checkpoints`.
        weights: What the phase may change.
        monitor: "val_loss" or "val_accuracy", as early stopping has it.
        best: What an earlier attempt reached and kept in `path`; only something better replaces it.
        fingerprint: Of what is learned from and judged by.
    """

    def __init__(
        self,
        path: Path,
        weights: Sequence[keras.Variable],
        monitor: str = "val_loss",
        best: Kept | None = None,
        fingerprint: str = "",
    ) -> None:
        super().__init__()
        self._path = path
        self._weights = weights
        self._fingerprint = fingerprint
        self._monitor = monitor
        self._best = best.value if best is not None and best.monitor == monitor else None
        self._began = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras's signature
        """Starts the clock."""
        self._began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keeps the weights if this epoch was the best so far.

        Raises:
            OSError: The disk is full; the weights of the best epoch before are then still there.
        """
        value = float((logs or {})[self._monitor])
        if not self._is_better(value):
            return
        kept = Kept(epoch + 1, self._monitor, value, self._fingerprint)
        write_weights(self._path, self._weights, kept, durable=is_worth_a_sync(time.monotonic() - self._began))
        self._best = value

    def _is_better(self, value: float) -> bool:
        if not np.isfinite(value):
            return False
        if self._best is None:
            return True
        return value < self._best if self._monitor == "val_loss" else value > self._best


def write_weights(path: Path, weights: Sequence[keras.Variable], kept: Kept, durable: bool = False) -> None:
    """Replaces `path` by weights, which outlast a power cut too if they are to be durable.

    Raises:
        OSError: The disk is full; the earlier weights are then still there.
    """
    write_arrays(path, {**asdict(kept), "names": names(weights)}, weights, durable)


def read_best(
    path: Path, weights: Sequence[keras.Variable], fingerprint: str = ""
) -> tuple[Kept, list[NDArray[np.generic]]] | None:
    """What the kept weights are, and an array for each.

    Args:
        path: What `KeepOnDisk` wrote.
        weights: What the phase may change, of layers like those that were trained.
        fingerprint: Of the pictures and settings now.

    Returns:
        None where there is nothing kept, where it is damaged, another model's, or learned from other pictures.
    """
    if not path.exists():
        return None
    try:
        about = read_about(path)
        if about.pop("names") != names(weights):
            logger.warning("%s holds the weights of another model", path)
            return None
        kept = Kept(**about)
        if kept.fingerprint != fingerprint:
            logger.warning("%s learned from other pictures, or with other settings", path)
            return None
        return kept, read_arrays(path, 0, len(weights))
    except DAMAGED:
        logger.warning("the weights in %s are damaged and not used", path, exc_info=True)
        return None
