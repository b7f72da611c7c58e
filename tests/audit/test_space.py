from __future__ import annotations

import numpy as np
import pytest

from tlcore.audit import space
from tlcore.audit.resemblance import near_in_embedding
from tlcore.audit.space import Neighbours, nearest, principal
from tlcore.progress import Silence


def directions(count: int, seed: int = 0) -> np.ndarray:
    points = np.random.default_rng(seed).normal(size=(count, 24))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float16)


@pytest.mark.parametrize("block", [7, 16, 1000])
def test_neighbours_are_those_of_brute_force_whatever_the_blocks(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "_QUERIES", 10)
    monkeypatch.setattr(space, "_REFERENCES", block)
    points = directions(50)
    likeness = points.astype(np.float32) @ points.astype(np.float32).T
    np.fill_diagonal(likeness, -2)
    found = nearest(points, 4, Silence())
    assert np.allclose(found.distances, 1 - np.sort(likeness, axis=1)[:, ::-1][:, :4], atol=1e-5)
    assert np.allclose(np.take_along_axis(likeness, found.indices, axis=1), 1 - found.distances, atol=1e-5)
    assert (found.indices != np.arange(50)[:, None]).all()


def test_few_pictures_have_few_neighbours() -> None:
    assert nearest(directions(3), 6, Silence()).indices.shape == (3, 2)
    assert nearest(directions(1), 6, Silence()).indices.shape == (1, 0)


def test_the_widest_direction_comes_first() -> None:
    random = np.random.default_rng(0)
    points = (random.normal(size=(200, 24)) * np.linspace(3, 0.1, 24)).astype(np.float16)
    reduced = principal(points, 5)
    assert reduced.shape == (200, 5)
    assert (np.diff(reduced.var(axis=0)) < 0).all()
    assert (reduced**2).sum(axis=1).mean() == pytest.approx(1, rel=1e-3)
    assert principal(points[:3], 5).shape == (3, 2)
    assert np.isfinite(principal(points[:1], 5)).all()


def test_only_pairs_that_stand_out_are_proposed() -> None:
    distances = np.full((8, 6), 0.4, dtype=np.float32)
    indices = np.array([[(row + step) % 8 for step in range(1, 7)] for row in range(8)])
    assert near_in_embedding(Neighbours(indices, distances)).tolist() == []
    distances[2, 0] = 0.1  # 3 is near 2
    distances[5, 0] = 0.2  # 6 is near 5
    distances[7, 0] = 0.35  # 0 is hardly nearer than others
    assert near_in_embedding(Neighbours(indices, distances)).tolist() == [[2, 3], [5, 6]]
    assert near_in_embedding(Neighbours(indices[:, :3], distances[:, :3])).tolist() == []
