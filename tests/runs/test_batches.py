from __future__ import annotations

from itertools import pairwise

from tlcore.runs.batches import MOST, BatchCurve


def add(curve: BatchCurve, phase: str, epoch: int, batch: int) -> None:
    curve.add({"kind": "batch", "phase": phase, "epoch": epoch, "batch": batch, "loss": 0.5, "accuracy": 0.5})


def places(curve: BatchCurve) -> list[tuple[str, int, int]]:
    return [(row["phase"], row["epoch"], row["batch"]) for row in curve.rows]


def test_what_is_done_again_takes_the_place_of_what_stood_there_or_later() -> None:
    curve = BatchCurve()
    for phase, epoch in (("frozen", 1), ("frozen", 2), ("fine_tune", 1)):
        for batch in (1, 2):
            add(curve, phase, epoch, batch)
    add(curve, "fine_tune", 1, 2)
    assert places(curve)[-3:] == [("frozen", 2, 2), ("fine_tune", 1, 1), ("fine_tune", 1, 2)]
    add(curve, "frozen", 2, 1)
    assert places(curve) == [("frozen", 1, 1), ("frozen", 1, 2), ("frozen", 2, 1)]


def test_what_is_gone_on_from_stays() -> None:
    curve = BatchCurve()
    for phase, epoch in (("frozen", 1), ("fine_tune", 1), ("fine_tune", 2)):
        add(curve, phase, epoch, 1)
    other = curve.copy()
    other.keep_until("fine_tune", 1)
    assert places(other) == [("frozen", 1, 1), ("fine_tune", 1, 1)]
    other.keep_until("frozen", 5)
    assert places(other) == [("frozen", 1, 1)]
    assert len(curve.rows) == 3


def test_two_attempts_are_thinned_as_one() -> None:
    curve = BatchCurve()
    for batch in range(1, 4 * MOST):
        add(curve, "frozen", 1, batch)
    later = curve.copy()
    for batch in range(4 * MOST, 5 * MOST):
        add(later, "frozen", 1, batch)
    assert len(later.rows) <= MOST
    assert {second["batch"] - first["batch"] for first, second in pairwise(later.rows)} == {8}
