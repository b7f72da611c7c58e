from __future__ import annotations

import pytest

from tlcore.plots.shapes import aspects_figure, sizes_figure


def test_a_size_that_many_pictures_have_is_one_large_circle() -> None:
    figure = sizes_figure([640, 640, 640, 100], [480, 480, 480, 200], 224)

    (circles,) = figure.data
    assert list(zip(circles.x, circles.y, circles.customdata, strict=True)) == [(640, 480, 3), (100, 200, 1)]
    assert circles.marker.size[0] > circles.marker.size[1]
    assert {line.x1 for line in figure.layout.shapes} == {224}


def test_without_pictures_no_corner_is_drawn() -> None:
    figure = sizes_figure([], [], 224)

    assert not figure.layout.shapes
    assert len(figure.data[0].x or ()) == 0


def test_proportions_are_counted_and_extremes_stay_on_the_chart() -> None:
    figure = aspects_figure([0.0, 0.01, 1.0, 9.0, -9.0])

    (bars,) = figure.data
    counted = dict(zip([round(float(place), 3) for place in bars.x], bars.y, strict=True))
    assert counted == {0.0: 2, 1.0: 1, 2.0: 1, -2.0: 1}
    assert figure.layout.xaxis.range[0] < -2 < 2 < figure.layout.xaxis.range[1]


@pytest.mark.parametrize(
    ("aspect", "words"), [(0.0, "about square"), (1.0, "2 times as wide as high"), (-1.0, "2 times as high as wide")]
)
def test_proportions_are_told_in_words(aspect: float, words: str) -> None:
    (bars,) = aspects_figure([aspect]).data

    assert words in bars.customdata[0]
