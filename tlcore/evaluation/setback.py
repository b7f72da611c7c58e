"""Whether fine-tuning took away more than it gave: a rate that is too high for the backbone's weights does that."""

from __future__ import annotations

from dataclasses import dataclass

from tlcore.config import EarlyStoppingConfig, PhaseName
from tlcore.evaluation.metrics import wilson_interval
from tlcore.evaluation.report import Report
from tlcore.training.history import EpochRow


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
    if head:
        before, count = _kept(head, report.config.early_stopping).val_accuracy, report.dataset.validation
        after, pictures = report.validation.accuracy, "validation"
    else:
        before, count = report.baseline.accuracy, report.test.count
        after, pictures = report.test.accuracy, "test"
    if not count or after >= wilson_interval(round(before * count), count)[0]:
        return None
    return Setback(before, after, pictures)


def _kept(rows: list[EpochRow], stopping: EarlyStoppingConfig) -> EpochRow:
    """The row of one phase whose weights went on into the next."""
    if not stopping.restore_best:
        return rows[-1]
    if stopping.monitor == "val_loss":
        return min(rows, key=lambda row: row.val_loss)
    return max(rows, key=lambda row: row.val_accuracy)
