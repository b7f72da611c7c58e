from __future__ import annotations

from tlcore.plots.probabilities import probability_figure

PROBABILITIES = {"dog": 0.2, "cat": 0.7, "cow": 0.05, "hen": 0.04, "fox": 0.01}


def test_the_answer_is_on_top_and_stands_out() -> None:
    figure = probability_figure(PROBABILITIES, most=3)

    (bars,) = figure.data
    assert list(bars.x) == [0.7, 0.2, 0.05]
    assert bars.text[0] == "70.0%"
    assert bars.marker.color[0] != bars.marker.color[1] == bars.marker.color[2]


def test_the_truth_is_drawn_even_when_it_is_far_down() -> None:
    figure = probability_figure(PROBABILITIES, most=3, truth="fox")

    assert list(figure.layout.yaxis.ticktext) == ["cat", "dog", "fox (truth)"]
    assert list(figure.data[0].x) == [0.7, 0.2, 0.01]


def test_fewer_classes_than_bars_are_no_error() -> None:
    assert len(probability_figure({"a": 0.6, "b": 0.4}).data[0].x) == 2
