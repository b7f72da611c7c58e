"""One phase of a run: some epochs with one optimizer and one choice of what learns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras

from tlcore.config import EarlyStoppingConfig, PhaseName
from tlcore.errors import TrainingFailed
from tlcore.progress import Reporter, Stopped
from tlcore.training.assembly import count
from tlcore.training.callbacks import KeepBest, NotFinite, Recorder
from tlcore.training.history import EpochRow
from tlcore.training.keeping import KeepOnDisk, load_best
from tlcore.training.memory import is_out_of_memory
from tlcore.training.pipeline import Batches, own_failures

_NEVER = 1_000_000  # a patience that no run reaches


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
    checkpoints: Path | None = None,
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
        checkpoints: A folder for the best weights; None keeps them in memory only.

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
        if recorder.rows or before is None:
            best.put_back()
        else:
            model.set_weights(before)
    except FloatingPointError as error:
        raise _not_finite(name, error.args[0]) from error
    except Exception as error:
        if is_out_of_memory(error):
            best.put_back()
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
        folder: Path | None,
        phase: PhaseName,
        model: keras.Model,
        early_stopping: EarlyStoppingConfig,
        reporter: Reporter,
    ) -> None:
        self._path = None if folder is None else folder / f"best-{phase.value}.npz"
        self._model = model
        self._restores = early_stopping.restore_best
        self._earlier = None if self._path is None else load_best(self._path, model)
        self.callbacks: list[keras.callbacks.Callback] = []
        if self._path is not None and early_stopping.restore_best:
            self._path.parent.mkdir(exist_ok=True)
            self.callbacks.append(KeepOnDisk(self._path, early_stopping.monitor, reporter, self._earlier))

    def put_back(self) -> None:
        """The best weights of both attempts, where there was an earlier one."""
        if self._path is not None and self._earlier is not None and self._restores:
            load_best(self._path, self._model)
