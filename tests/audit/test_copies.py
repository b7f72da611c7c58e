from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tlcore.audit.balance import find_in_counts
from tlcore.audit.copies import find_copies
from tlcore.audit.record import FindingKind


def test_each_group_is_told_as_the_worst_that_is_true_of_it(listed: Callable[..., Any]) -> None:
    dataset = listed(
        [0, 0, 0, 0, 0, 1, 0, 0],
        contents=["same", "same", "near", "leak", "leak-small", "both", "both", "alone"],
        parts=["train", "train", "train", "train", "test", "train", "train", "test"],
        alike=[(0, 2), (3, 4), (5, 6)],
    )
    found = find_copies(dataset, [None] * 8)
    assert {kind: [item.keys for item in items] for kind, items in found.items()} == {
        FindingKind.EXACT_COPIES: [("k0", "k1")],
        FindingKind.NEAR_COPIES: [("k0", "k2")],
        FindingKind.LEAK: [("k4", "k3")],
        FindingKind.TWO_CLASSES: [("k5", "k6")],
    }


def test_of_a_contradiction_the_class_that_the_others_speak_for_is_kept(listed: Callable[..., Any]) -> None:
    dataset = listed([0, 1], contents="aa")
    (sure,) = find_copies(dataset, [0.95, 0.05])[FindingKind.TWO_CLASSES]
    assert (sure.suggestion, sure.affected) == ("class0", ("k1",))
    for doubtful in ([0.6, 0.4], [None, None]):
        (unsure,) = find_copies(dataset, doubtful)[FindingKind.TWO_CLASSES]
        assert (unsure.suggestion, unsure.affected) == ("", ("k0", "k1"))


def test_without_copies_nothing_is_told(listed: Callable[..., Any]) -> None:
    assert find_copies(listed([0, 1, 0, 1]), [None] * 4) == {}


def test_a_class_of_copies_is_too_small(listed: Callable[..., Any]) -> None:
    dataset = listed([0] * 10 + [1] * 10, contents=["a"] * 10 + [str(number) for number in range(10)])
    (finding,) = find_in_counts(dataset)
    assert finding.kind == FindingKind.SMALL_CLASS
    assert [item.suggestion for item in finding.items] == ["class0"]
    assert "1 of them different" in finding.items[0].note


def test_even_classes_of_fair_size_are_left_in_peace(listed: Callable[..., Any]) -> None:
    assert find_in_counts(listed([0] * 10 + [1] * 29)) == []
    assert [one.kind for one in find_in_counts(listed([0] * 10 + [1] * 30))] == [FindingKind.IMBALANCE]
