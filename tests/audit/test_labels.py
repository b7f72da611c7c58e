from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tlcore.audit.labels import LEAST_PICTURES, _folds, believe, find_wrong_labels
from tlcore.progress import Silence


def two_clouds(count: int, seed: int = 0) -> tuple[NDArray[np.float32], list[int]]:
    """Points of two classes that a line divides, of mean squared length 1."""
    random = np.random.default_rng(seed)
    labels = [number % 2 for number in range(count)]
    points = random.normal(scale=0.25, size=(count, 10)) + np.array(labels)[:, None] * 0.6
    points -= points.mean(axis=0)
    return (points / np.sqrt((points**2).sum(axis=1).mean())).astype(np.float32), labels


def named(dataset: Any, points: NDArray[np.float32], passed_over: NDArray[np.bool_] | None = None) -> list[str]:
    skip = np.zeros(len(dataset), dtype=np.bool_) if passed_over is None else passed_over
    return [item.keys[0] for item in find_wrong_labels(dataset, believe(dataset, points, Silence()), skip)]


def test_swapped_labels_are_named_with_the_right_class(listed: Callable[..., Any]) -> None:
    points, labels = two_clouds(200)
    for swapped in (3, 50, 111):
        labels[swapped] = 1 - labels[swapped]
    dataset = listed(labels)
    items = find_wrong_labels(dataset, believe(dataset, points, Silence()), np.zeros(200, dtype=np.bool_))
    assert {item.keys[0] for item in items} == {"k3", "k50", "k111"}
    assert all(item.suggestion != item.classes[0] for item in items)
    assert [item.score for item in items] == sorted((item.score for item in items), reverse=True)


def test_right_labels_are_left_in_peace(listed: Callable[..., Any]) -> None:
    for seed in range(3):
        points, labels = two_clouds(200, seed)
        assert named(listed(labels), points) == []


def test_classes_that_cannot_be_told_apart_say_nothing_about_labels(listed: Callable[..., Any]) -> None:
    points, labels = two_clouds(600)
    random = np.random.default_rng(1)
    blurred = points + random.normal(scale=0.7, size=points.shape).astype(np.float32)
    assert named(listed(labels), blurred) == []


def test_many_wrong_labels_are_found_too(listed: Callable[..., Any]) -> None:
    points, labels = two_clouds(600)
    swapped = np.random.default_rng(2).choice(600, 120, replace=False).tolist()
    for number in swapped:
        labels[number] = 1 - labels[number]
    found = named(listed(labels), points)
    assert len({f"k{number}" for number in swapped} & set(found)) > 100
    assert len(found) < 140


def test_a_small_class_is_not_taken_for_a_mistake(listed: Callable[..., Any]) -> None:
    points, labels = two_clouds(400)
    kept = [number for number in range(400) if labels[number] == 0 or number < 30]
    assert named(listed([labels[number] for number in kept]), points[kept]) == []


def test_a_picture_with_a_worse_fault_is_not_named(listed: Callable[..., Any]) -> None:
    points, labels = two_clouds(100)
    labels[7] = 1 - labels[7]
    dataset = listed(labels)
    assert named(dataset, points) == ["k7"]
    assert named(dataset, points, np.arange(100) == 7) == []


def test_copies_with_the_same_wrong_label_do_not_defend_each_other(listed: Callable[..., Any]) -> None:
    points, labels = two_clouds(120)
    copies = range(10, 18, 2)
    for copy in copies:
        points[copy] = points[10]
        labels[copy] = 1
    contents = ["copy" if number in copies else str(number) for number in range(120)]
    assert set(named(listed(labels, contents=contents), points)) == {f"k{copy}" for copy in copies}


def test_too_few_pictures_say_nothing(listed: Callable[..., Any]) -> None:
    points, labels = two_clouds(LEAST_PICTURES - 2)
    belief = believe(listed(labels), points, Silence())
    assert not belief.judged.any()
    assert belief.in_label(np.array(labels, dtype=np.int32)) == [None] * len(labels)


def test_a_class_of_a_few_pictures_is_neither_judged_nor_suggested(listed: Callable[..., Any]) -> None:
    points, labels = two_clouds(60)
    labels[:3] = [2, 2, 2]
    belief = believe(listed(labels), points, Silence())
    assert belief.judged.tolist() == [False] * 3 + [True] * 57
    assert belief.probabilities[:, 2].max() == 0
    assert belief.probabilities[3:].sum(axis=1) == pytest.approx(1)


def test_folds_hold_every_class_and_keep_copies_together() -> None:
    labels = np.array([0] * 50 + [1] * 10, dtype=np.int32)
    groups = np.arange(60, dtype=np.int32)
    groups[[4, 9, 14]] = 4
    folds = _folds(labels, groups, np.random.default_rng(0))
    assert len(set(folds[[4, 9, 14]].tolist())) == 1
    for fold in range(5):
        assert set(labels[folds == fold].tolist()) == {0, 1}
