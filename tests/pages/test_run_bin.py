"""Compare: runs are found by words and tags, named, put into the bin, taken out and deleted for good."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.app_pages import open_page, text_of
from tests.pages.made_runs import add_run
from tlcore.runs.labels import archive, describe
from tlcore.runs.registry import Registry
from tlcore.workspace import Workspace


@pytest.fixture
def two_runs(home: Workspace) -> Workspace:
    """A run called Leaves with the tag oak, and another one."""
    for number in (1, 2):
        add_run(home, f"r{number}", minute=number)
    describe(home, "r1", name="Leaves in May", note="*dark* photos", tags=["oak"])
    return home


def names(app: AppTest) -> list[str]:
    """What stands in the table of runs."""
    return sorted(app.dataframe[0].value["Name"])


def test_runs_are_found_by_words_and_tags(two_runs: Workspace) -> None:
    app = open_page("compare")
    assert names(app) == ["Leaves in May", "pets: frozen"]
    app.text_input(key="runs-words").set_value("DARK leaves").run()
    assert names(app) == ["Leaves in May"]
    app.text_input(key="runs-words").set_value("nothing like it").run()
    assert "No run has all of these words" in text_of(app)
    app.button(key="compare-all").click().run()
    assert len(names(app)) == 2
    app.button_group(key="runs-tags").set_value(["oak"]).run()
    assert names(app) == ["Leaves in May"]


def test_name_note_and_tags_are_edited_and_shown_as_plain_text(two_runs: Workspace) -> None:
    app = open_page("results", run="r1")
    assert "*dark* photos" in text_of(app)
    assert "\\*dark\\*" in "".join(str(element.value) for element in app.markdown)
    app.button(key="words-r1").click().run()
    app.text_input(key="words-name").set_value("Leaves in June")
    app.text_area(key="words-note").set_value("bright")
    app.button(key="words-save").click().run()
    record = Registry(two_runs).get("r1")
    assert (record.title, record.note, record.tags) == ("Leaves in June", "bright", ("oak",))
    assert "Leaves in June" in app.selectbox(key="results-run").format_func(app.selectbox(key="results-run").value)


def test_a_name_that_can_t_be_kept_is_told(two_runs: Workspace) -> None:
    app = open_page("results", run="r1")
    app.button(key="words-r1").click().run()
    app.text_input(key="words-name").set_value(" ")
    app.button(key="words-save").click().run()
    assert "The name is empty" in text_of(app)
    assert Registry(two_runs).get("r1").title == "Leaves in May"


def test_a_run_goes_to_the_bin_and_back(two_runs: Workspace) -> None:
    app = open_page("compare")
    app.button(key="bin-r1").click().run()
    assert names(app) == ["pets: frozen"]
    assert "is in the bin" in text_of(app)
    assert "Leaves in May" not in text_of(open_page("home"))
    app.button(key="bin-undo").click().run()
    assert len(names(app)) == 2
    archive(two_runs, "r2")
    app = open_page("compare")
    app.button(key="restore-r2").click().run()
    assert not Registry(two_runs).list("train", archived=True)


def test_the_bin_is_emptied_after_asking(two_runs: Workspace) -> None:
    archive(two_runs, "r1")
    archive(two_runs, "r2")
    app = open_page("compare")
    assert "There is no finished run yet" in text_of(app)
    app.button(key="bin-empty").click().run()
    assert "All 2 runs" in text_of(app)
    assert (two_runs.runs / "r1").is_dir()
    app.button(key="empty-yes").click().run()
    assert list(two_runs.runs.iterdir()) == []
    assert Registry(two_runs).list("train") == ()


def test_archived_runs_are_not_offered(two_runs: Workspace) -> None:
    archive(two_runs, "r1")
    app = open_page("results")
    assert app.query_params["run"] == "r2"
    assert len(app.selectbox(key="results-run").options) == 1
