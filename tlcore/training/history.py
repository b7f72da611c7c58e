"""The history of a run: a line for each epoch. Plain data, so that pages can read it without Keras."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

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


def best_row(
    rows: Sequence[Mapping[str, Any]], monitor: Literal["val_loss", "val_accuracy"], *, restore: bool = True
) -> int | None:
    """Index of the row whose weights a run keeps: the best of its last phase, or its last one.

    Args:
        rows: The history by epoch, with the keys of `EpochRow`.
        monitor: The figure by which the best is chosen; the earliest of equals wins, as in training.
        restore: Whether the best epoch's weights are kept at all.

    Returns:
        The index, or None without rows.
    """
    if not rows:
        return None
    last = [index for index, row in enumerate(rows) if row["phase"] == rows[-1]["phase"]]
    if not restore:
        return last[-1]
    sign = 1 if monitor == "val_loss" else -1

    def badness(index: int) -> float:
        value = sign * float(rows[index][monitor])
        return math.inf if math.isnan(value) else value

    return min(last, key=badness)
