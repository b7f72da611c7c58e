"""One phase of a run: some epochs with one optimizer and one choice of what learns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras

from tlcore.config import EarlyStoppingConfig, PhaseName
from tlcore.errors import TrainingFailed
from tlcore.progress import Reporter, Stopped
from tlcore.training.assembly import count
from tlcore.training.callbacks import KeepBest, NotFinite, Recorder
from tlcore.training.history import EpochRow
from tlcore.training.keeping import KeepOnDisk, Kept, load_best
from tlcore.training.memory import is_out_of_memory
from tlcore.training.pipeline import Batches, own_failures

_NEVER = 1_000_000  # a patience that no run reaches


@dataclass(frozen=True)
class Checkpoints:
    """Where the best weights of phases are kept, and what they belong to.

    Attributes:
        folder: The run's.
        pictures: Fingerprint of the pictures; weights that learned from others are not gone on from.
    """

    folder: Path
    pictures: str


@dataclass(frozen=True)
class PhaseResult:
    """What a phase did.

    Attributes:
        rows: Its history, an entry for each whole epoch.
        stopped: Whether somebody asked to stop.
        ended_early: Whether early stopping ended it before its last epoch.
    """

    rows: tuple[EpochRow, ...]
    stopped: bool
    ended_early: bool


def run_phase(
    name: PhaseName,
    model: keras.Model,
    training: Batches,
    validation: Batches,
    epochs: int,
    early_stopping: EarlyStoppingConfig,
    class_weights: dict[int, float] | None,
    reporter: Reporter,
    checkpoints: Checkpoints | None = None,
) -> PhaseResult:
    """Trains a compiled model; afterwards it holds the weights to keep: the best epoch's, or the last one's.

    Fine-tuning that is stopped in its first epoch leaves the weights as they were before. An attempt that memory ran
    out on leaves the best weights so far, in the model and on disk, and the next attempt begins with them.

    Args:
        name: The phase, for the events.
        model: Compiled; its inputs are those of the batches.
        training: The stream to learn from.
        validation: The stream that each epoch is judged by.
        epochs: The most epochs to do.
        early_stopping: When to end early, and which weights to keep.
        class_weights: A weight for each class, or None.
        reporter: Who is told, and who may ask to stop.
        checkpoints: Where the best weights go; None keeps them in memory only.

    Raises:
        TrainingFailed: The loss stopped being a number.
        PictureError: A picture can't be read any more.
    """
    reporter.event(
        "phase", phase=name.value, epochs=epochs, batches=training.steps, trainable=count(model.trainable_weights)
    )
    kept = _Kept(checkpoints, name, model, early_stopping, reporter)
    recorder = Recorder(name, training, reporter)
    best = KeepBest(
        monitor=early_stopping.monitor,
        patience=early_stopping.patience or _NEVER,
        restore_best_weights=early_stopping.restore_best,
        mode="min" if early_stopping.monitor == "val_loss" else "max",
    )
    # A head that was trained before is better than a network that was fine-tuned for part of an epoch.
    before = model.get_weights() if name is PhaseName.FINE_TUNE else None
    stopped = False

    def put_back() -> None:
        if recorder.rows or before is None:
            best.put_back()
        else:
            model.set_weights(before)

    try:
        with own_failures(training, validation):
            model.fit(
                training.dataset,
                steps_per_epoch=training.steps,
                validation_data=validation.dataset,
                validation_steps=validation.steps,
                epochs=epochs,
                class_weight=class_weights,
                callbacks=[NotFinite(), recorder, best, *kept.callbacks],
                shuffle=False,  # the streams shuffle themselves
                verbose=0,
            )
    except Stopped:
        stopped = True
        put_back()
    except FloatingPointError as error:
        raise _not_finite(name, error.args[0]) from error
    except Exception as error:
        if is_out_of_memory(error):
            put_back()
        raise
    kept.put_back()
    return PhaseResult(tuple(recorder.rows), stopped, best.ended_early and len(recorder.rows) < epochs)


def _not_finite(phase: PhaseName, epoch: int) -> TrainingFailed:
    return TrainingFailed(
        "The loss became infinite, so the model learned nothing",
        value=f"epoch {epoch} of the {phase.value} phase",
        hint="Choose a learning rate ten times smaller and train again.",
    )


class _Kept:
    """The best weights of a phase on disk, also those of an attempt that was ended from outside."""

    def __init__(
        self,
        checkpoints: Checkpoints | None,
        phase: PhaseName,
        model: keras.Model,
        early_stopping: EarlyStoppingConfig,
        reporter: Reporter,
    ) -> None:
        self.callbacks: list[keras.callbacks.Callback] = []
        self._reload: Callable[[], Kept | None] = lambda: None
        self._earlier: Kept | None = None
        if checkpoints is None or not early_stopping.restore_best:
            return
        checkpoints.folder.mkdir(exist_ok=True)
        path, pictures = checkpoints.folder / f"best-{phase.value}.npz", checkpoints.pictures
        self._reload = lambda: load_best(path, model, pictures)
        self._earlier = self._reload()
        self.callbacks.append(KeepOnDisk(path, early_stopping.monitor, reporter, self._earlier, pictures))

    def put_back(self) -> None:
        """The best weights of both attempts, where there was an earlier one."""
        if self._earlier is not None:
            self._reload()
