"""Whether fine-tuning took away more than it gave: a rate that is too high for the backbone's weights does that."""

from __future__ import annotations

from dataclasses import dataclass

from tlcore.config import PhaseName
from tlcore.evaluation.metrics import wilson_interval
from tlcore.evaluation.report import Report
from tlcore.training.history import best_row


@dataclass(frozen=True)
class Setback:
    """Accuracy with the head alone and after fine-tuning, as shares.

    Attributes:
        before: Of the weights that fine-tuning began with.
        after: Of the weights that were kept.
        pictures: By which both were told: "validation" in a run with both phases, "test" where an earlier run's model
            was fine-tuned.
    """

    before: float
    after: float
    pictures: str


def setback_of(report: Report) -> Setback | None:
    """What fine-tuning lost; None where it lost nothing, or no more than chance explains.

    Chance explains what lies inside the 95% interval of the accuracy before.
    """
    if not report.epochs.fine_tune:
        return None
    head = [row for row in report.history if row.phase is PhaseName.FROZEN]
    stopping = report.config.early_stopping
    kept = best_row([row.model_dump() for row in head], stopping.monitor, restore=stopping.restore_best)
    if kept is not None:
        before, count = head[kept].val_accuracy, report.dataset.validation
        after, pictures = report.validation.accuracy, "validation"
    else:
        before, count = report.baseline.accuracy, report.test.count
        after, pictures = report.test.accuracy, "test"
    if not count or after >= wilson_interval(round(before * count), count)[0]:
        return None
    return Setback(before, after, pictures)
