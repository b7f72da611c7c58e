"""The catalogue on the Data page: found, looked at, and prepared by a job."""

from __future__ import annotations

import pytest

from tests.pages.app_pages import open_page, text_of
from tlcore.data.tfds.catalogue import SHORT_LIST, search_catalogue
from tlcore.files import read_json
from tlcore.runs.events import EventWriter
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace


@pytest.fixture(autouse=True)
def no_data_folder(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine has of TensorFlow Datasets is not looked at."""
    folder = home.root / "tensorflow_datasets"
    folder.mkdir()
    monkeypatch.setenv("TFDS_DATA_DIR", str(folder))


def test_what_suits_beginners_is_on_top(home: Workspace) -> None:
    app = open_page("data", source="catalogue")

    listed = app.radio(key="data-list")
    assert listed.value == SHORT_LIST[0]
    assert listed.options[0] == "Cats vs dogs"
    said = text_of(app)
    assert "23,262" in said
    assert "825 MB" in said


def test_what_is_not_known_before_the_download_is_said_to_be(home: Workspace) -> None:
    entry = next(entry for entry in search_catalogue("") if entry.pictures is None and not entry.manual)
    said = text_of(open_page("data", dataset=entry.id))

    assert said.count("unknown until downloaded") == 2
    assert entry.id in said


def test_variants_of_one_dataset_are_one_row_and_a_choice_beside_it(home: Workspace) -> None:
    app = open_page("data", source="catalogue")
    app.text_input(key="data-search").set_value("emnist").run()
    assert app.radio(key="data-list").options.count("Emnist") == 1

    app = open_page("data", dataset="emnist/letters")
    app.selectbox(key="catalogue-variant").set_value("emnist/digits").run()
    assert app.query_params["dataset"] == "emnist/digits"


def test_preparing_is_a_job_that_knows_how_to_split_and_is_found_again(home: Workspace) -> None:
    app = open_page("data", dataset="beans")
    app.radio(key="catalogue-split").set_value("ours").run()
    app.button(key="catalogue-prepare").click().run()

    (job,) = Registry(home).list("prepare")
    payload = read_json(RunFolder.find(home, job.id).config)
    assert payload == {"dataset": "beans", "split": "ours", "audit": True}
    again = open_page("data", dataset="beans")  # as after a refresh
    assert "catalogue-prepare" not in {button.key for button in again.button}
    assert f"stop-{job.id}" in {button.key for button in again.button}


def test_a_failed_download_is_told_in_place_with_a_way_out(home: Workspace) -> None:
    app = open_page("data", dataset="beans")
    app.button(key="catalogue-prepare").click().run()
    registry = Registry(home)
    (job,) = registry.list("prepare")
    registry.move(job.id, State.RUNNING, pid=1)
    error = {"kind": "WorkspaceError", "what": "There is no network", "value": None, "options": [], "hint": ""}
    with EventWriter(RunFolder.find(home, job.id).events) as events:
        events.write("ended", state="failed", error=error | {"text": "There is no network."})
    registry.move(job.id, State.FAILED, error="There is no network.")

    app.run()

    assert "There is no network" in text_of(app)
    assert app.button(key="catalogue-prepare").label == "Try again"
    app.button(key="catalogue-samples").click().run()
    assert app.radio(key="data-list").options == ["Handwritten digits", "Surface textures"]


def test_what_must_be_fetched_by_hand_says_what_and_where(home: Workspace) -> None:
    entry = next(entry for entry in search_catalogue("") if entry.manual)
    said = text_of(open_page("data", dataset=entry.id))

    assert "Its makers give it only to people" in said
    assert str(home.root / "tensorflow_datasets" / "downloads" / "manual") in said
