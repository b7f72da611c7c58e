"""One phase of a run: some epochs with one optimizer and one choice of what learns."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from tlcore.config import EarlyStoppingConfig, PhaseName
from tlcore.errors import TrainingFailed
from tlcore.progress import Reporter, Stopped
from tlcore.training.assembly import count
from tlcore.training.callbacks import KeepBest, NotFinite, Recorder
from tlcore.training.history import EpochRow
from tlcore.training.pipeline import Batches

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
) -> PhaseResult:
    """Trains a compiled model; afterwards it holds the weights to keep: the best epoch's, or the last one's.

    Fine-tuning that is stopped in its first epoch leaves the weights as they were before.

    Args:
        name: The phase, for the events.
        model: Compiled; its inputs are those of the batches.
        training: The stream to learn from.
        validation: The stream that each epoch is judged by.
        epochs: The most epochs to do.
        early_stopping: When to end early, and which weights to keep.
        class_weights: A weight for each class, or None.
        reporter: Who is told, and who may ask to stop.

    Raises:
        TrainingFailed: The loss stopped being a number.
    """
    reporter.event(
        "phase", phase=name.value, epochs=epochs, batches=training.steps, trainable=count(model.trainable_weights)
    )
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
        model.fit(
            training.dataset,
            steps_per_epoch=training.steps,
            validation_data=validation.dataset,
            validation_steps=validation.steps,
            epochs=epochs,
            class_weight=class_weights,
            callbacks=[NotFinite(), recorder, best],
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
        raise TrainingFailed(
            "The loss became infinite, so the model learned nothing",
            value=f"epoch {error.args[0]} of the {name.value} phase",
            hint="Choose a learning rate ten times smaller and train again.",
        ) from error
    return PhaseResult(tuple(recorder.rows), stopped, best.ended_early and len(recorder.rows) < epochs)
