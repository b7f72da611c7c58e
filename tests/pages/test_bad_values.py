"""A value that can't be, on the Model page: named as its field is, near the field, and nothing else is cleared away."""

from __future__ import annotations

import pytest

from pages.widgets.bad_values import in_labels, what_is_wrong
from tests.pages.app_pages import open_page, text_of
from tlcore.config import RunConfig
from tlcore.data.dataset import DatasetInfo
from tlcore.errors import ConfigError
from tlcore.files import write_json
from tlcore.workspace import Workspace


def test_options_are_named_as_their_fields_are() -> None:
    with pytest.raises(ConfigError) as refused:
        RunConfig.build(dataset="any", batch_size=100_000)

    text = in_labels(str(refused.value))

    assert text == (
        '"Pictures a step (batch size)" can\'t have this value. Received: 100000. It has to be at most 4,096.'
    )
    assert in_labels("The option 'no_such' is odd.") == '"no_such" is odd.'


@pytest.mark.parametrize(
    ("name", "bad", "good", "words"),
    [
        ("epochs", 0, 3, "at least 1"),
        ("learning_rate", 0.0, 0.1, "more than 0"),
        ("head.dropout", 1.0, 0.5, "less than 1"),
        ("augmentation.views", 101, 5, "at most 100"),
    ],
)
def test_each_value_is_judged_by_itself(name: str, bad: float, good: float, words: str) -> None:
    assert words in what_is_wrong(name, bad)
    assert what_is_wrong(name, good) == ""


def test_a_slip_keeps_network_and_forecast_in_view(home: Workspace, pets: DatasetInfo) -> None:
    write_json(home.drafts / "dataset.json", {"dataset": pets.id})
    app = open_page("model")

    app = app.number_input(key="design-batch_size").set_value(100_000).run()
    text = text_of(app)

    assert "Pictures a step (batch size)" in text
    assert text.count("It has to be at most 4,096") == 2  # at the field, and under the options
    assert "batch_size" not in text
    assert {"The network", "What it will take"} <= {part.value for part in app.subheader}
    assert "from before the value that can't be" in text
    assert app.button(key="model-start").disabled

    app = app.number_input(key="design-batch_size").set_value(16).run()

    assert "It has to be" not in text_of(app)
    assert not app.button(key="model-start").disabled
