"""The Data page's lists, search and address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pages.widgets.shell import use_dataset
from tests.pages.app_pages import open_page, text_of
from tlcore.data.importer import import_pictures
from tlcore.workspace import Workspace


def test_nothing_of_ones_own_yet_offers_samples_first(home: Workspace) -> None:
    app = open_page("data")

    assert app.radio(key="data-list").options == ["Handwritten digits", "Surface textures"]
    assert app.radio(key="data-list").value == "sample/digits"


def test_the_list_that_is_open_is_that_of_the_dataset_in_the_address(home: Workspace, picture_folder: Path) -> None:
    info = import_pictures(home, picture_folder, "pets")

    assert open_page("data").radio(key="data-list").value == info.id
    assert open_page("data", dataset="sample/textures").radio(key="data-list").value == "sample/textures"
    use_dataset("sample/textures")
    assert open_page("data").radio(key="data-list").value == "sample/textures"


def test_choosing_in_the_list_changes_the_address_and_closes_the_form(home: Workspace) -> None:
    app = open_page("data", source="samples", new="zip")
    assert app.radio(key="data-list").value is None
    app.radio(key="data-list").set_value("sample/textures").run()

    assert app.query_params["dataset"] == "sample/textures"
    assert "new" not in app.query_params
    assert "Surface textures" in text_of(app)


def test_a_request_that_left_before_the_address_changed_does_not_bring_the_old_view_back(home: Workspace) -> None:
    app = open_page("data", dataset="sample/textures")
    app.radio(key="data-list").set_value("sample/digits").run()

    app.query_params["dataset"] = "sample/textures"  # as a timer in the browser sends it
    app.run()

    assert app.query_params["dataset"] == "sample/digits"
    assert app.radio(key="data-list").value == "sample/digits"

    app.query_params["dataset"] = "my/other"  # typed or a link
    app.run()
    assert app.query_params["dataset"] == "my/other"


def test_a_search_shows_what_it_finds_and_not_what_was_offered_before(home: Workspace) -> None:
    app = open_page("data", source="catalogue")
    app.text_input(key="data-search").set_value("bean leaf").run()
    assert app.radio(key="data-list").value == "beans"
    assert "Cats vs dogs" not in text_of(app)
    app.text_input(key="data-search").set_value("zzzz").run()
    assert not [button for button in app.button if button.label.startswith("Download")]


def test_an_empty_list_of_ones_own_teaches_and_has_the_form_beside_it(home: Workspace) -> None:
    app = open_page("data", source="yours")

    assert "You have no datasets yet" in text_of(app)
    assert app.button(key="import-zip-go").disabled


def test_the_search_looks_through_all_lists(home: Workspace) -> None:
    app = open_page("data", source="samples")
    app.text_input(key="data-search").set_value("gravel").run()

    assert app.radio(key="data-list").options == ["Surface textures"]

    app.text_input(key="data-search").set_value("flowers").run()
    said = text_of(app)
    assert "No dataset in Samples is called like this" in said
    assert "in Catalogue" in said

    app.text_input(key="data-search").set_value("nothing like it").run()
    assert "Shorten the search" in text_of(app)


def test_an_unknown_dataset_in_the_address_is_told(home: Workspace) -> None:
    app = open_page("data", dataset="my/nothing")
    assert "There is no such dataset" in text_of(app)

    app.button(key="data-first").click().run()
    assert "1,797 pictures" in text_of(app)


def test_class_names_are_text_wherever_pictures_are_added(
    home: Workspace, crop: Callable[..., bytes], tmp_path: Path
) -> None:
    for name in ("**bold** :smile:", "plain"):
        (tmp_path / "odd" / name).mkdir(parents=True)
        (tmp_path / "odd" / name / "1.jpg").write_bytes(crop("cat", len(name)))
    info = import_pictures(home, tmp_path / "odd", "*odd*")

    app = open_page("data", dataset=info.id, grow="classes")

    assert any("\\*\\*bold\\*\\*" in element.value for element in app.markdown)
    drawn = [element.value for element in (*app.markdown, *app.subheader)]
    assert not any("**bold**" in text or "*odd*" in text for text in drawn)
