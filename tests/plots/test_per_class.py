from __future__ import annotations

from tlcore.plots.per_class import per_class_figure


def test_the_hardest_class_is_on_top_and_bars_differ_by_pattern() -> None:
    figure = per_class_figure(
        {
            "cat": {"precision": 0.9, "recall": 1.0, "f1": 0.95, "count": 10},
            "dog": {"precision": 1.0, "recall": 0.5, "f1": 0.67, "count": 4},
        }
    )

    precision, recall, f1 = figure.data
    assert list(figure.layout.yaxis.ticktext) == ["dog", "cat"]
    assert list(recall.x) == [0.5, 1.0]
    assert len({bar.marker.pattern.shape for bar in (precision, recall, f1)}) == 3
    assert recall.customdata[0] == "dog, 4 test pictures"


def test_many_classes_make_it_taller_not_denser() -> None:
    scores = {f"class {index}": {"precision": 1, "recall": 1, "f1": 1, "count": 1} for index in range(100)}

    assert per_class_figure(scores).layout.height > 2000
