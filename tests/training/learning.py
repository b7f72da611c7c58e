"""Phases of a small network that has all that makes going on hard: dropout, statistics, an optimizer with a memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tests.training.sessions import Listener
from tlcore.config import EarlyStoppingConfig, OptimizerConfig, PhaseName
from tlcore.training.compiling import make_optimizer
from tlcore.training.phases import Phase, PhaseResult, run_phase
from tlcore.training.pipeline import evaluation_batches, training_batches
from tlcore.training.resuming import Resuming
from tlcore.training.sources import RowsSource, Source, ViewSource

RANDOM = np.random.default_rng(5)
ROWS = RANDOM.normal(size=(30, 6)).astype(np.float32)
TRUTH = (ROWS[:, :1] + ROWS[:, 1:2] ** 2 > 0.7).astype(np.float32)
VIEWS = [ROWS, ROWS + RANDOM.normal(scale=0.3, size=ROWS.shape).astype(np.float32)]
FINGERPRINT = "these pictures"


class Killed(BaseException):
    """What a worker that is killed never gets to see: nothing may tidy up after it."""


class Killer(Listener):
    """Ends everything at a batch of an epoch of a phase."""

    def __init__(self, epoch: int, batch: int = 1, phase: str = "frozen") -> None:
        super().__init__()
        self._at = (phase, epoch, batch)

    def event(self, kind: str, **values: Any) -> None:
        super().event(kind, **values)
        if kind == "batch" and (values["phase"], values["epoch"], values["batch"]) == self._at:
            raise Killed


def network(units: int = 8) -> keras.Model:
    """The same network with the same weights each time."""
    keras.utils.set_random_seed(3)
    layers = [
        keras.layers.Dense(units, activation="relu", name="hidden"),
        keras.layers.BatchNormalization(name="norm"),
        keras.layers.Dropout(0.4, name="dropout"),
        keras.layers.Dense(1, activation="sigmoid", name="answer"),
    ]
    return keras.Sequential([keras.Input((6,)), *layers])


def learn(
    folder: Path | None,
    listener: Listener,
    *,
    epochs: int = 5,
    batch_size: int = 8,
    steps: int | None = None,
    rate: float = 0.05,
    optimizer: OptimizerConfig | None = None,
    early_stopping: EarlyStoppingConfig | None = None,
    views: bool = False,
    units: int = 8,
    fingerprint: str = FINGERPRINT,
) -> tuple[PhaseResult, NDArray[np.float32]]:
    """One phase as a session runs it, from where it stands; what it did, and what the model answers then."""
    model = network(units)
    resuming = Resuming(folder, fingerprint, listener)
    standing = resuming.standing(lambda _phase: model.variables)
    resuming.tell(standing)
    source: Source = ViewSource(VIEWS, 1) if views else RowsSource(ROWS)
    training = training_batches(source, TRUTH, batch_size, 1, steps, epochs_done=standing.epoch)
    model.compile(
        make_optimizer(optimizer or OptimizerConfig(), rate, training.steps * epochs),
        loss="binary_crossentropy",
        metrics=[keras.metrics.BinaryAccuracy(name="accuracy")],
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)
    resuming.put_back(model.variables, model.optimizer, standing, training.steps)
    phase = Phase(PhaseName.FROZEN, model, model.variables, epochs, early_stopping or EarlyStoppingConfig())
    validation = evaluation_batches(RowsSource(ROWS[:10]), TRUTH[:10], batch_size)
    result = run_phase(phase, training, validation, listener, standing, folder)
    return result, np.asarray(model(ROWS))
