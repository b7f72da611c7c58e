from __future__ import annotations

from typing import Any

from tlcore.plots.history import (
    batch_figure,
    epoch_figure,
    learning_rate_figure,
    moving_average,
    phase_starts,
)


def row(phase: str, epoch: int, val_loss: float, val_accuracy: float = 0.5, rate: float = 1e-3) -> dict[str, Any]:
    return {
        "phase": phase,
        "epoch": epoch,
        "loss": 1.0 / epoch,
        "accuracy": 0.4,
        "val_loss": val_loss,
        "val_accuracy": val_accuracy,
        "learning_rate": rate,
        "seconds": 1.0,
    }


ROWS = [
    row("frozen", 1, 0.9, 0.60),
    row("frozen", 2, 0.1, 0.99),
    row("fine_tune", 1, 0.5, 0.80, 1e-5),
    row("fine_tune", 2, 0.3, 0.85, 1e-5),
    row("fine_tune", 3, 0.4, 0.90, 1e-5),
]


def test_phases_are_drawn_one_after_another_with_a_line_between() -> None:
    figure = epoch_figure(ROWS, "loss", best=3)

    training, validation, best = figure.data
    assert list(training.x) == [1, 2, 3, 4, 5]
    assert list(validation.y) == [0.9, 0.1, 0.5, 0.3, 0.4]
    assert validation.line.dash != training.line.dash
    assert (best.x[0], best.y[0], best.marker.symbol) == (4, 0.3, "star")
    (line,) = figure.layout.shapes
    assert line.x0 == 2.5
    assert figure.layout.annotations[0].text == "fine-tuning starts"


def test_a_single_phase_has_no_line_and_accuracy_is_in_percent() -> None:
    figure = epoch_figure(ROWS[:2], "accuracy")

    assert not figure.layout.shapes
    assert figure.layout.yaxis.tickformat == ".1~%"
    assert len(figure.data) == 2


def test_batches_are_smoothed_and_thinned_for_the_browser() -> None:
    rows = [
        {"phase": "frozen", "epoch": 1, "batch": batch, "loss": batch % 2, "accuracy": 0.5} for batch in range(1, 3001)
    ]

    figure = batch_figure(rows, "loss")

    each, smooth = figure.data
    assert len(each.x) <= 1000
    assert max(smooth.y[10:]) < 0.6
    assert "batch 1" in each.customdata[0]


def test_the_moving_average_uses_what_came_before_only() -> None:
    assert moving_average([4.0, 0.0, 2.0, 6.0], 2) == [4.0, 2.0, 1.0, 4.0]
    assert moving_average([], 3) == []


def test_the_learning_rate_falls_where_fine_tuning_starts() -> None:
    figure = learning_rate_figure(ROWS)

    assert list(figure.data[0].y) == [1e-3, 1e-3, 1e-5, 1e-5, 1e-5]
    assert figure.layout.yaxis.type == "log"
    assert phase_starts(ROWS) == [2]
