"""One phase of a run: some epochs with one optimizer and one choice of what learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from tlcore.config import EarlyStoppingConfig, PhaseName
from tlcore.errors import TrainingFailed
from tlcore.progress import Reporter, Stopped
from tlcore.training.assembly import count
from tlcore.training.callbacks import KeepBest, NotFinite, Recorder, Waiting
from tlcore.training.checkpoint import KeepStanding
from tlcore.training.keeping import KeepOnDisk, Kept, read_best
from tlcore.training.memory import is_out_of_memory
from tlcore.training.pipeline import Batches, own_failures
from tlcore.training.standing import Standing

_NEVER: Final = 1_000_000  # a patience that no run reaches
_BEST_LOST: Final = (
    "The best model so far can't be read any more. Training goes on from the last whole round; the best from there on "
    "is kept."
)


@dataclass(frozen=True)
class Phase:
    """What a phase is to do.

    Attributes:
        name: For the events.
        model: Compiled; its inputs are those of the batches.
        learning: What the phase may change; all of it is the model's, which may hold more that is frozen.
        epochs: The most epochs to do.
        early_stopping: When to end early, and which weights to keep.
        class_weights: A weight for each class, or None.
    """

    name: PhaseName
    model: keras.Model
    learning: Sequence[keras.Variable]
    epochs: int
    early_stopping: EarlyStoppingConfig
    class_weights: dict[int, float] | None = None

    @property
    def patience(self) -> int:
        """Epochs without a better one that end the phase."""
        return self.early_stopping.patience or _NEVER

    def is_over(self, standing: Standing) -> bool:
        """Whether nothing is left to learn after so many epochs."""
        return standing.epoch >= self.epochs or (standing.wait >= self.patience and standing.epoch > 1)


@dataclass(frozen=True)
class PhaseResult:
    """What a phase did.

    Attributes:
        standing: Where the training stands now, with the whole history.
        stopped: Whether somebody asked to stop.
        ended_early: Whether early stopping ended it before its last epoch.
    """

    standing: Standing
    stopped: bool
    ended_early: bool


def run_phase(
    phase: Phase,
    training: Batches,
    validation: Batches,
    reporter: Reporter,
    before: Standing,
    folder: Path | None = None,
) -> PhaseResult:
    """Trains a compiled model; afterwards it holds the weights to keep: the best epoch's, or the last one's.

    Fine-tuning that is stopped in its first epoch leaves the weights as they were before. An attempt that memory ran
    out on leaves the best weights so far in the model.

    Args:
        phase: What is to be done.
        training: The stream to learn from; it begins after the epochs that `before` tells of.
        validation: The stream that each epoch is judged by.
        reporter: Who is told, and who may ask to stop.
        before: Where the training stands: with epochs of this phase if an earlier attempt did some, whose weights and
            states the model then holds.
        folder: Where weights and states are kept after each epoch; None keeps them in memory only.

    Raises:
        TrainingFailed: The loss stopped being a number.
        PictureError: A picture can't be read any more.
        OSError: The disk is full; what was kept of the epoch before is still there.
    """
    diary = _Diary(phase, training, reporter, before, folder)
    # A head that was trained before is better than a network that was fine-tuned for part of an epoch.
    untouched = phase.model.get_weights() if phase.name is PhaseName.FINE_TUNE and not before.epoch else None

    def put_back() -> None:
        if untouched is None or diary.standing.epoch:
            diary.best.put_back()
        else:
            phase.model.set_weights(untouched)

    stopped = False
    try:
        if phase.is_over(before):  # an earlier attempt was ended between the last epoch and what comes after it
            diary.best.on_train_begin()
            put_back()
        else:
            _fit(phase, training, validation, before.epoch, diary.callbacks)
    except Stopped:
        stopped = True
        put_back()
    except FloatingPointError as error:
        raise _not_finite(phase.name, error.args[0]) from error
    except Exception as error:
        if is_out_of_memory(error):
            put_back()
        raise
    standing = diary.standing
    return PhaseResult(standing, stopped, not stopped and standing.epoch < phase.epochs)


def _fit(
    phase: Phase, training: Batches, validation: Batches, done: int, callbacks: list[keras.callbacks.Callback]
) -> None:
    """The epochs after the first `done`; what a stream raised comes out as it was raised."""
    with own_failures(training, validation):
        phase.model.fit(
            training.dataset,
            steps_per_epoch=training.steps,
            validation_data=validation.dataset,
            validation_steps=validation.steps,
            initial_epoch=done,
            epochs=phase.epochs,
            class_weight=phase.class_weights,
            callbacks=callbacks,
            shuffle=False,  # the streams shuffle themselves
            verbose=0,
        )


def _not_finite(phase: PhaseName, epoch: int) -> TrainingFailed:
    return TrainingFailed(
        "The loss became infinite, so the model learned nothing",
        value=f"epoch {epoch} of the {phase.value} phase",
        hint="Choose a learning rate ten times smaller and train again.",
    )


class _Diary:
    """What is told and kept of a phase while it learns.

    Attributes:
        best: Early stopping, with the best weights.
        callbacks: Of `fit`, in the order in which they have to be called.
    """

    def __init__(
        self, phase: Phase, training: Batches, reporter: Reporter, before: Standing, folder: Path | None
    ) -> None:
        told = {
            "phase": phase.name.value,
            "epochs": phase.epochs,
            "batches": training.steps,
            "trainable": count(phase.model.trainable_weights),
        }
        reporter.event("phase", **told)
        for row in before.rows_of(phase.name):
            reporter.event("epoch", **row.model_dump(mode="json"))
        self._before = replace(before, told=(*before.at_start_of(phase.name).told, told))
        kept = _read_best(phase, before, folder)
        if kept is None and folder is not None and before.epoch and phase.early_stopping.restore_best:
            reporter.event("note", text=_BEST_LOST, level="warning")
        self._recorder = Recorder(phase.name, training, reporter)
        self.best = KeepBest(
            _waiting(phase, before, kept),
            monitor=phase.early_stopping.monitor,
            patience=phase.patience,
            restore_best_weights=phase.early_stopping.restore_best,
            mode="min" if phase.early_stopping.monitor == "val_loss" else "max",
        )
        self.best.set_model(phase.model)
        self.callbacks: list[keras.callbacks.Callback] = [NotFinite(), self._recorder, self.best]
        if folder is None:
            return
        folder.mkdir(exist_ok=True)
        if phase.early_stopping.restore_best:
            earlier = kept[0] if kept is not None else None
            path, monitor = best_file(folder, phase.name), phase.early_stopping.monitor
            self.callbacks.append(KeepOnDisk(path, phase.learning, monitor, earlier, before.fingerprint))
        self.callbacks.append(KeepStanding(folder, lambda: self.standing, phase.learning))

    @property
    def standing(self) -> Standing:
        """Where the training stands after the last whole epoch."""
        rows = self._recorder.rows
        if not rows:
            return self._before
        return replace(
            self._before,
            epoch=rows[-1].epoch,
            rows=(*self._before.rows, *rows),
            wait=self.best.wait,
            best=float(self.best.best) if self.best.best is not None else None,
            best_epoch=self.best.best_epoch + 1,
        )


def best_file(folder: Path, phase: PhaseName) -> Path:
    """Where a phase's best weights are kept."""
    return folder / f"best-{phase.value}.npz"


def _read_best(phase: Phase, before: Standing, folder: Path | None) -> tuple[Kept, list[NDArray[np.generic]]] | None:
    """The best weights of an earlier attempt that did whole epochs of this phase."""
    if folder is None or not before.epoch or not phase.early_stopping.restore_best:
        return None
    return read_best(best_file(folder, phase.name), phase.learning, before.fingerprint)


def _waiting(phase: Phase, before: Standing, kept: tuple[Kept, list[NDArray[np.generic]]] | None) -> Waiting | None:
    """What early stopping knew. Without the best weights it begins anew: they can't be put back in the end."""
    if before.best is None or (kept is None and phase.early_stopping.restore_best):
        return None
    weights = None if kept is None else _weights_of(phase, kept[1])
    return Waiting(before.best_epoch, before.best, weights, before.wait)


def _weights_of(phase: Phase, arrays: list[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
    """The model's weights, in its own order, with what the phase may change as in `arrays`."""
    changed = {id(variable): array for variable, array in zip(phase.learning, arrays, strict=True)}
    return [
        changed[id(weight)] if id(weight) in changed else keras.ops.convert_to_numpy(weight)
        for weight in phase.model.weights
    ]
