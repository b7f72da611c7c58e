from __future__ import annotations

import numpy as np
import pytest

from tlcore.plots.map import MOST_CLASSES, map_figure


def points(count: int) -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(0)
    return dice.random(count, dtype=np.float32), dice.random(count, dtype=np.float32)


def test_each_class_has_its_own_colour_and_symbol_and_points_tell_where_they_are() -> None:
    x, y = points(6)
    figure = map_figure(x, y, np.array([0, 1, 0, 1, 1, 0], np.int32), ["cat", "<b>dog</b>"], [0, 1])

    cats, dogs = figure.data
    assert (cats.name, dogs.name) == ("cat", "&lt;b&gt;dog&lt;/b&gt;")
    assert list(cats.customdata) == [0, 2, 5]
    assert list(dogs.customdata) == [1, 3, 4]
    assert cats.marker.color != dogs.marker.color
    assert cats.marker.symbol != dogs.marker.symbol
    assert np.allclose(np.asarray(dogs.x), x[[1, 3, 4]], atol=1e-3)


def test_classes_that_are_not_told_apart_are_grey_together() -> None:
    x, y = points(30)
    labels = np.arange(30, dtype=np.int32)
    figure = map_figure(x, y, labels, [f"class {index}" for index in range(30)], list(range(20)))

    grey, *coloured = figure.data
    assert len(coloured) == MOST_CLASSES
    assert grey.name == "other classes"
    assert len(grey.x) == 10


@pytest.mark.parametrize(("count", "kind"), [(100, "scatter"), (25_000, "scattergl")])
def test_many_points_are_drawn_by_the_graphics_card(count: int, kind: str) -> None:
    x, y = points(count)
    figure = map_figure(x, y, np.zeros(count, np.int32), ["cat"], [0])

    assert [trace.type for trace in figure.data] == [kind]


def test_a_map_without_points_is_drawn() -> None:
    x, y = points(0)
    figure = map_figure(x, y, np.zeros(0, np.int32), ["cat"], [])

    assert not figure.data
