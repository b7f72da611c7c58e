"""Cards of the Predict page."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def page(classes: int) -> None:
    from pages.widgets.answers import Answer, draw_cards
    from tlcore.serving.predictor import Prediction

    shares = [0.9, *[0.1 / (classes - 1)] * (classes - 1)]
    named = {f"class {index}": share for index, share in enumerate(shares)}
    said = Prediction(file="a.jpg", label="class 0", confidence=0.9, probabilities=named, error=None)
    draw_cards([Answer(said, None, None)])


@pytest.mark.parametrize(
    ("classes", "bars", "words"),
    [(2, 2, []), (4, 4, []), (5, 5, []), (10, 4, ["The other 6 classes together: 6.7%. The CSV has each of them."])],
)
def test_classes_without_a_bar_are_counted(classes: int, bars: int, words: list[str]) -> None:
    app = AppTest.from_function(page, args=(classes,), default_timeout=60).run()

    assert not app.exception
    assert len(app.get("progress")) == bars
    assert [caption.value for caption in app.caption if "other" in caption.value] == words
