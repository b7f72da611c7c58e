"""The dataset in use, and errors as pages show and log them."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import pages.widgets.watchdog
from pages.widgets.shell import current_dataset, use_dataset
from tests.pages.app_pages import open_page, text_of
from tlcore.errors import DatasetError
from tlcore.logs.reading import errors_in, read_lines
from tlcore.workspace import Workspace


def failing_page() -> None:
    import streamlit as st

    from pages.widgets.shell import guarded, workspace
    from tlcore.errors import DatasetError

    workspace()
    with guarded():
        raise DatasetError("There is no such dataset", value="*oak*", hint="Choose another.")
    with guarded():
        raise ZeroDivisionError("an inner detail")
    st.caption("the rest of the page")


def test_errors_are_told_in_place_and_the_page_goes_on(home: Workspace) -> None:
    app = AppTest.from_function(failing_page, default_timeout=60).run()

    told, unexpected = (error.value for error in app.error)
    assert told == "There is no such dataset\\. Received\\: \\*oak\\*\\. Choose another\\."
    assert "inner detail" not in unexpected
    assert app.caption[0].value == "the rest of the page"

    logged = errors_in(read_lines(home.host))
    assert [entry.what for entry in logged] == ["ZeroDivisionError: an inner detail"]
    assert logged[0].error in unexpected
    assert "Traceback" in logged[0].trace


def test_the_system_page_lists_the_error_by_its_id(home: Workspace) -> None:
    AppTest.from_function(failing_page, default_timeout=60).run()
    shown_id = errors_in(read_lines(home.host))[0].error

    page = open_page("system")

    opened = next(part for part in page.expander if shown_id in part.label)
    assert "ZeroDivisionError: an inner detail" in opened.code[0].value


def test_the_dataset_in_use_is_remembered_until_it_is_gone(home: Workspace) -> None:
    assert current_dataset() is None
    use_dataset("sample/textures")
    found = current_dataset()
    assert found is not None
    assert found.name == "Surface textures"

    (home.drafts / "dataset.json").write_text('{"dataset": "my/gone"}')
    assert current_dataset() is None
    (home.drafts / "dataset.json").write_text("torn {")
    assert current_dataset() is None


def test_an_unknown_dataset_is_not_taken_into_use(home: Workspace) -> None:
    with pytest.raises(DatasetError):
        use_dataset("my/nothing")
    assert not (home.drafts / "dataset.json").exists()


def test_a_link_to_the_model_page_takes_its_dataset_into_use(home: Workspace) -> None:
    assert "Surface textures" in text_of(open_page("model", dataset="sample/textures"))
    found = current_dataset()
    assert found is not None
    assert found.id == "sample/textures"


def test_a_page_opened_without_the_router_starts_anew_through_it(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # of `through_the_router`
    monkeypatch.setattr(pages.widgets.watchdog, "look_after_queue", lambda: None)  # its thread would outlive the test
    monkeypatch.setenv("TLCORE_HOME", str(home.root))
    app = AppTest.from_file(str(Path(__file__).parents[2] / "streamlit_app.py"), default_timeout=60)
    app = app.switch_page("pages/data.py").run()  # as a bookmark right after a restart: nothing ran before

    assert "Handwritten digits" in text_of(app)
    assert app.sidebar.caption, "drawn without the sidebar"
