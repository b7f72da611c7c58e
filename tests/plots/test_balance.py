from __future__ import annotations

from tlcore.plots.balance import MOST_BARS, balance_figure


def test_largest_class_is_on_top_and_the_even_share_is_drawn() -> None:
    figure = balance_figure({"0": 10, "cat": 30, "<b>dog</b>": 20})

    (bars,) = figure.data
    assert list(bars.x) == [30, 20, 10]
    assert list(figure.layout.yaxis.ticktext) == ["cat", "&lt;b&gt;dog&lt;/b&gt;", "0"]
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
    (line,) = figure.layout.shapes
    assert line.x0 == line.x1 == 20


def test_many_classes_stay_apart() -> None:
    few, many = (balance_figure({f"class {index}": index + 1 for index in range(count)}) for count in (3, MOST_BARS))

    assert many.layout.height > MOST_BARS * 15
    assert few.layout.height < 250


def test_of_a_thousand_classes_the_largest_and_the_smallest_are_drawn() -> None:
    figure = balance_figure({f"class {index}": index + 1 for index in range(1000)})

    (bars,) = figure.data
    half = MOST_BARS // 2
    assert list(bars.x) == [*range(1000, 1000 - half, -1), *range(half, 0, -1)]
    assert figure.layout.shapes[0].x0 == 500.5


def test_an_empty_class_and_no_pictures_at_all_are_drawn() -> None:
    assert list(balance_figure({"cat": 0, "dog": 0}).data[0].x) == [0, 0]
    assert len(balance_figure({}).data[0].x or ()) == 0
