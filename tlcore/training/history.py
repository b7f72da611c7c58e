"""The history of a run: a line for each epoch. Plain data, so that pages can read it without Keras."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from tlcore.config import PhaseName


class EpochRow(BaseModel):
    """One line of the history; `epoch` counts from 1 within its phase. Accuracies are shares, `seconds` the epoch's."""

    model_config = ConfigDict(frozen=True)

    phase: PhaseName
    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float


class PhaseEpochs(BaseModel):
    """Whole epochs done, by phase."""

    model_config = ConfigDict(frozen=True)

    scratch: int = 0
    frozen: int = 0
    fine_tune: int = 0

    @classmethod
    def of(cls, rows: Iterable[EpochRow]) -> PhaseEpochs:
        """Counts the lines of a history."""
        counts = dict.fromkeys(cls.model_fields, 0)
        for row in rows:
            counts[row.phase.value] += 1
        return cls(**counts)
