"""Keeping the best weights of a phase on disk, so that a worker that is killed doesn't take them along.

A phase's best weights lie in one file, replaced whole at each improvement. Weights are written as plain arrays: no
optimizer, no architecture. Whoever loads them has built the same model before.
"""

from __future__ import annotations

import json
import logging
import zipfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np

from tlcore.files import is_disk_full
from tlcore.progress import Reporter, Silence

logger = logging.getLogger(__name__)

_ABOUT: Final = "about"
_DAMAGED: Final = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Kept:
    """What the kept weights are.

    Attributes:
        epoch: After which epoch of its phase, from 1.
        monitor: Which figure chose them.
        value: That figure.
        pictures: Fingerprint of the pictures and of how they were divided: other ones must not be judged by weights
            that may have learned from them.
    """

    epoch: int
    monitor: str
    value: float
    pictures: str = ""


class KeepOnDisk(keras.callbacks.Callback):
    """Writes the model's weights whenever an epoch was the best so far.

    A full disk doesn't end the training: it is told once, and the best weights stay in memory as ever. An epoch whose
    figure is no number is never the best.

    Args:
        path: The file, whose folder is there; conventionally `best-PHASE.npz` in the run's `checkpoints`.
        monitor: "val_loss" or "val_accuracy", as early stopping has it.
        reporter: Who is told when the weights can't be written.
        best: What an earlier attempt reached and kept in `path`; only something better replaces it.
        pictures: Fingerprint of what is learned from and judged by.
    """

    def __init__(
        self,
        path: Path,
        monitor: str = "val_loss",
        reporter: Reporter | None = None,
        best: Kept | None = None,
        pictures: str = "",
    ) -> None:
        super().__init__()
        self._path = path
        self._pictures = pictures
        self._monitor = monitor
        self._reporter = reporter or Silence()
        self._best = best.value if best is not None and best.monitor == monitor else None
        self._complained = False

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keeps the weights if this epoch was the best so far."""
        value = float((logs or {})[self._monitor])
        if not self._is_better(value):
            return
        try:
            write_weights(self._path, self.model, Kept(epoch + 1, self._monitor, value, self._pictures))
        except OSError as error:
            self._complain(error)
            return
        self._best = value

    def _is_better(self, value: float) -> bool:
        if not np.isfinite(value):
            return False
        if self._best is None:
            return True
        return value < self._best if self._monitor == "val_loss" else value > self._best

    def _complain(self, error: OSError) -> None:
        logger.warning("the best weights can't be kept in %s", self._path, exc_info=error)
        if self._complained:
            return
        self._complained = True
        why = "the disk is full" if is_disk_full(error) else str(error.strerror or error)
        text = f"The best model so far can't be kept on disk ({why}). Training goes on; it would be lost in a crash."
        self._reporter.event("note", text=text, level="warning")


def write_weights(path: Path, model: keras.Model, kept: Kept) -> None:
    """Replaces `path` by the model's weights; a reader finds the old ones or the new ones.

    Nothing is forced to the disk itself: it costs more than a short epoch, and a process that is killed loses nothing
    by it. After a power cut the file may be damaged, which `load_best` notices.

    Raises:
        OSError: The disk is full; the earlier weights are then still there.
    """
    weights = [keras.ops.convert_to_numpy(weight) for weight in model.weights]
    about = {**asdict(kept), "names": _names(model)}
    arrays: dict[str, Any] = {f"{number:05d}": weight for number, weight in enumerate(weights)}
    arrays[_ABOUT] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    # One name is enough, as a run has one worker: what a killed one left half-written is written over.
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_best(path: Path, model: keras.Model, pictures: str = "") -> Kept | None:
    """Puts the kept weights into `model` and returns what they are.

    Args:
        path: What `KeepOnDisk` wrote.
        model: Of the same layers as the one that was trained.
        pictures: Fingerprint of the pictures now.

    Returns:
        None where there is nothing kept, where it is damaged, another model's, or learned from other pictures; `model`
        is then as it was.
    """
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            about = json.loads(stored[_ABOUT].tobytes())
            if about.pop("names") != _names(model):
                logger.warning("%s holds the weights of another model", path)
                return None
            kept = Kept(**about)
            if kept.pictures != pictures:
                logger.warning("%s learned from pictures that were changed or divided otherwise since", path)
                return None
            weights = [stored[f"{number:05d}"] for number in range(len(model.weights))]
        model.set_weights(weights)
    except _DAMAGED:
        logger.warning("the weights in %s are damaged and not used", path, exc_info=True)
        return None
    return kept


def _names(model: keras.Model) -> list[str]:
    """Name and shape of each weight in order. Not the path: Keras numbers the models and layers of a process."""
    return [f"{weight.name} {tuple(weight.shape)}" for weight in model.weights]
