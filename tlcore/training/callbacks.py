"""What happens during `fit` besides learning: telling, keeping the best weights, stopping."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tlcore.config import PhaseName
from tlcore.progress import Reporter, Stopped
from tlcore.training.history import EpochRow
from tlcore.training.pipeline import Batches


@dataclass(frozen=True)
class Waiting:
    """What early stopping knows after some epochs.

    Attributes:
        epoch: The best epoch, from 1.
        value: Its figure.
        weights: Its weights, as `Model.get_weights` gives them; None where the last epoch's are kept in the end.
        wait: Epochs since then without a better one.
    """

    epoch: int
    value: float
    weights: list[NDArray[np.generic]] | None
    wait: int


class KeepBest(keras.callbacks.EarlyStopping):
    """Keras's early stopping, whose best weights can also be put back after a stop in the middle of an epoch.

    Args:
        before: What an earlier attempt knew, to go on from.
        options: Keras's own.
    """

    def __init__(self, before: Waiting | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._before = before

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begins with what an earlier attempt knew."""
        super().on_train_begin(logs)
        if self._before is not None:
            self.best, self.best_epoch, self.wait = self._before.value, self._before.epoch - 1, self._before.wait
            self.best_weights = self._before.weights

    def put_back(self) -> None:
        """Restores the best epoch's weights, as the end of training does; none before the first whole epoch."""
        self.on_train_end()

    @property
    def ended_early(self) -> bool:
        """Whether patience ran out."""
        return bool(self.stopped_epoch > 0)


class Recorder(keras.callbacks.Callback):
    """Tells every batch and epoch, keeps the history, and stops at the next batch when asked.

    Keras tells the mean over the epoch so far; a batch's own loss and accuracy are the difference of two such sums.
    """

    def __init__(self, phase: PhaseName, batches: Batches, reporter: Reporter) -> None:
        """Prepares for one phase.

        Args:
            phase: The phase's name, for the events.
            batches: The training stream, which knows each batch's size.
            reporter: Who is told.
        """
        super().__init__()
        self.rows: list[EpochRow] = []
        self._phase = phase
        self._batches = batches
        self._reporter = reporter
        self._step = 0
        self._epoch = 0
        self._seen = 0
        self._sums = {"loss": 0.0, "accuracy": 0.0}
        self._started = 0.0
        self._rate = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras's signature
        """Starts the clock and the sums."""
        self._epoch = epoch + 1
        self._seen = 0
        self._sums = dict.fromkeys(self._sums, 0.0)
        self._started = time.monotonic()
        self._rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Tells the batch's own loss and accuracy.

        Raises:
            Stopped: Somebody asked to stop; `fit` ends at once.
        """
        size = self._batches.size_of(self._step)
        self._step += 1
        self._seen += size
        own = {}
        for name in self._sums:
            total = float((logs or {})[name]) * self._seen
            own[name] = (total - self._sums[name]) / size
            self._sums[name] = total
        self._reporter.event(
            "batch",
            phase=self._phase.value,
            epoch=self._epoch,
            batch=batch + 1,
            loss=max(own["loss"], 0.0),
            accuracy=min(max(own["accuracy"], 0.0), 1.0),
        )
        if self._reporter.stop_requested():
            raise Stopped

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras's signature
        """Looks for a stop during validation too.

        Raises:
            Stopped: Somebody asked to stop.
        """
        if self._reporter.stop_requested():
            raise Stopped

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Adds a line to the history and tells it."""
        values = logs or {}
        row = EpochRow(
            phase=self._phase,
            epoch=epoch + 1,
            loss=float(values["loss"]),
            accuracy=float(values["accuracy"]),
            val_loss=float(values["val_loss"]),
            val_accuracy=float(values["val_accuracy"]),
            learning_rate=self._rate,
            seconds=time.monotonic() - self._started,
        )
        self.rows.append(row)
        self._reporter.event("epoch", **row.model_dump(mode="json"))


class NotFinite(keras.callbacks.Callback):
    """Notices a loss that is no number any more, before it spoils the weights that are kept, or is told."""

    def __init__(self) -> None:
        super().__init__()
        self._epoch = 1

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras's signature
        """Notes the epoch's number."""
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras's signature
        """Ends the phase when the training loss has become NaN or infinite.

        Raises:
            FloatingPointError: With the epoch's number.
        """
        self._check((logs or {})["loss"])

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras's signature
        """The same for the validation loss: the last update of an epoch may be the one that spoils the weights.

        Raises:
            FloatingPointError: With the epoch's number.
        """
        self._check((logs or {})["val_loss"])

    def _check(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise FloatingPointError(self._epoch)
