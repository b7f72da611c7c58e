"""Options on the Model page: how the pictures are varied, and what computes."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

import pages.widgets.computing
from pages.widgets.draft import Design, default_of, load_design, save_design
from pages.widgets.option_names import LABELS, VALUES
from tests.pages.app_pages import open_page, text_of
from tlcore.config import VIEWS, Mode, RunConfig
from tlcore.data.dataset import DatasetInfo
from tlcore.files import write_json
from tlcore.workspace import Workspace

_WAY = "design-varied"
_COPIES = "design-augmentation.views"


@pytest.fixture
def model(home: Workspace, pets: DatasetInfo) -> AppTest:
    """The Model page with a dataset in use."""
    write_json(home.drafts / "dataset.json", {"dataset": pets.id})
    return open_page("model")


def options(home: Workspace) -> dict[str, object]:
    return load_design(home).options


def keys(app: AppTest, kind: str) -> set[str]:
    return {str(element.key) for element in app.get(kind)}


def test_every_option_has_a_name_that_people_read() -> None:
    flat = {
        f"{name}.{inner}" if isinstance(value, dict) else name
        for name, value in RunConfig(dataset="any").to_json().items()
        for inner in (value if isinstance(value, dict) else [""])
    }

    assert flat - set(LABELS) == {"schema_version"}
    assert set(LABELS) <= flat


def test_every_value_of_a_choice_has_a_name_and_no_other() -> None:
    for name, values in VALUES.items():
        assert default_of(name) in values
        for value in values:
            part, _, rest = name.rpartition(".")
            RunConfig.model_validate({"dataset": "any"} | ({part: {rest: value}} if part else {rest: value}))


def test_a_preset_keeps_copies_and_says_what_they_cost(model: AppTest, home: Workspace) -> None:
    assert _WAY not in keys(model, "segmented_control")

    app = model.segmented_control(key="design-preset").select("light").run()

    assert app.number_input(key=_COPIES).value == VIEWS
    assert options(home)["augmentation.views"] == VIEWS
    assert f"looks once at {VIEWS} copies of every training picture" in text_of(app)
    assert "times as long" not in text_of(app)


def test_anew_in_every_round_is_a_choice_with_its_cost(model: AppTest, home: Workspace) -> None:
    app = model.segmented_control(key="design-preset").select("strong").run()
    app = app.segmented_control(key=_WAY).select("anew").run()
    anew, lit = options(home), app.segmented_control(key="design-preset").value
    text = text_of(app)
    back = app.segmented_control(key=_WAY).select("kept").run()

    assert "augmentation.views" not in anew  # 0, as without any
    assert lit == "strong"
    assert "goes through the whole network in every round" in text
    assert back.number_input(key=_COPIES).value == VIEWS
    assert options(home)["augmentation.views"] == VIEWS


def test_a_number_of_copies_is_there_again_in_another_session(model: AppTest, home: Workspace) -> None:
    app = model.segmented_control(key="design-preset").select("light").run()
    app.number_input(key=_COPIES).set_value(3).run()

    again = open_page("model")

    assert again.number_input(key=_COPIES).value == 3
    assert again.segmented_control(key="design-preset").value == "light"
    assert options(home)["augmentation.views"] == 3


def test_a_design_from_before_there_were_copies_goes_on_without(home: Workspace, pets: DatasetInfo) -> None:
    write_json(home.drafts / "dataset.json", {"dataset": pets.id})
    save_design(home, Design(options={"augmentation.flip": "both"}))

    assert open_page("model").segmented_control(key=_WAY).value == "anew"


def test_a_change_by_hand_lights_by_hand_and_keeps_copies(model: AppTest, home: Workspace) -> None:
    app = model.number_input(key="design-augmentation.rotation").set_value(90.0).run()

    assert app.segmented_control(key="design-preset").value == "own"
    assert app.number_input(key=_COPIES).value == VIEWS
    assert options(home) == {"augmentation.rotation": 90, "augmentation.views": VIEWS}

    app = app.number_input(key="design-augmentation.rotation").set_value(0.0).run()

    assert app.segmented_control(key="design-preset").value == "none"
    assert options(home) == {}
    assert not app.button(key="model-start").disabled


def test_from_scratch_there_is_nothing_to_keep_or_to_choose(model: AppTest, home: Workspace) -> None:
    app = model.segmented_control(key="design-preset").select("light").run()
    app = app.checkbox(key="design-mode-frozen").uncheck().run()
    app = app.checkbox(key="design-mode-scratch").check().run()
    text = text_of(app)

    assert not {_WAY, _COPIES} & (keys(app, "segmented_control") | keys(app, "number_input"))
    assert "varied anew in every round" in text
    assert "From scratch nothing is locked" in text
    assert not app.button(key="model-start").disabled

    # Nothing that was chosen is lost.
    app = app.checkbox(key="design-mode-frozen").check().run()
    assert app.number_input(key=_COPIES).value == VIEWS
    assert load_design(home).modes == (Mode.FROZEN, Mode.SCRATCH)


def test_bfloat16_is_offered_only_where_the_processor_has_it(
    model: AppTest, home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages.widgets.computing, "has_bfloat16", lambda: False)
    without = open_page("model")
    monkeypatch.setattr(pages.widgets.computing, "has_bfloat16", lambda: True)
    with_it = open_page("model")
    with_it = with_it.selectbox(key="design-compute.precision").select("bfloat16").run()
    chosen = options(home)
    with_it.selectbox(key="design-compute.engine").select("tensorflow").run()

    assert "design-compute.precision" not in keys(without, "selectbox")
    assert "no instructions for it" in text_of(without)
    assert chosen == {"compute.precision": "bfloat16"}
    # TensorFlow has no bfloat16 here: its field is locked at what there is, and nothing contradicts anything.
    assert options(home) == {"compute.engine": "tensorflow"}
