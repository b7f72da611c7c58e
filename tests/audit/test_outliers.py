from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tlcore.audit.embeddings import relief_of
from tlcore.audit.mapping import chosen_pictures
from tlcore.audit.outliers import BLANK, find_blank, find_outliers, find_tiny
from tlcore.audit.space import Neighbours


def neighbours(distances: list[float]) -> Neighbours:
    fifth = np.repeat(np.array(distances, dtype=np.float32)[:, None], 6, axis=1)
    return Neighbours(np.zeros(fifth.shape, dtype=np.int64), fifth)


def test_only_what_is_far_from_all_and_beyond_its_class_is_unlike(listed: Callable[..., Any]) -> None:
    usual = np.random.default_rng(0).normal(0.4, 0.05, 40).tolist()
    dataset, rows, nobody = listed([0] * 42), np.arange(42), np.zeros(42, dtype=np.bool_)
    found = find_outliers(dataset, rows, neighbours([*usual, 0.62, 0.7]), nobody)
    assert [item.keys for item in found] == [("k41",), ("k40",)]
    assert find_outliers(dataset, rows, neighbours([*usual, 0.5, 0.55]), nobody) == []  # far for its class, but not far
    diverse = [0.5 + 0.01 * number for number in range(42)]
    assert find_outliers(dataset, rows, neighbours(diverse), nobody) == []
    assert find_outliers(dataset, rows, neighbours([*usual, 0.62, 0.7]), ~nobody) == []


def test_blank_is_one_colour_all_over_noise_or_not(listed: Callable[..., Any]) -> None:
    random = np.random.default_rng(0)
    pictures = np.full((5, 224, 224, 3), 128, dtype=np.uint8)
    pictures[1] = np.clip(128 + random.normal(scale=4, size=(224, 224, 3)), 0, 255)
    pictures[2, 100:124, 100:124] = 180  # something small
    pictures[3] = np.linspace(100, 140, 224).astype(np.uint8)[:, None]  # a sky
    pictures[4, 100:108, 104:112, 2] = 255  # something blue
    relief = relief_of(pictures)
    assert (relief < BLANK).tolist() == [True, True, False, False, False]
    assert [item.keys for item in find_blank(listed([0] * 5), relief)] == [("k0",), ("k1",)]


@pytest.mark.parametrize(("sides", "found"), [([400] * 9 + [40], ["k9"]), ([32] * 9 + [20], []), ([90] * 9 + [40], [])])
def test_tiny_is_small_and_much_smaller_than_the_others(
    sides: list[int], found: list[str], listed: Callable[..., Any]
) -> None:
    items = find_tiny(listed([0] * 10), sides, [side + 10 for side in sides])
    assert [item.keys[0] for item in items] == found


def test_every_class_keeps_its_share_of_the_map() -> None:
    labels = np.array([0] * 900 + [1] * 99 + [2], dtype=np.int32)
    chosen = np.array(chosen_pictures(labels, 100))
    assert np.bincount(labels[chosen]).tolist() == [90, 9, 1]
    assert chosen.tolist() == sorted(chosen_pictures(labels, 100))
    assert chosen_pictures(labels, 1000) == list(range(1000))
