from __future__ import annotations

import math
from typing import Any

import pytest

from tests.plots.test_history import ROWS, row
from tlcore.training.history import best_row


@pytest.mark.parametrize(("monitor", "expected"), [("val_loss", 3), ("val_accuracy", 4)])
def test_the_best_epoch_is_one_of_the_last_phase(monitor: Any, expected: int) -> None:
    assert best_row(ROWS, monitor) == expected


def test_without_restoring_the_last_epoch_is_kept() -> None:
    assert best_row(ROWS, "val_loss", restore=False) == 4
    assert best_row([], "val_loss") is None


def test_an_epoch_without_a_number_is_never_the_best() -> None:
    rows = [row("scratch", 1, math.nan), row("scratch", 2, 2.0), row("scratch", 3, math.nan)]

    assert best_row(rows, "val_loss") == 1
