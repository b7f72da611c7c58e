"""One dataset as the Data page shows it: its tabs, changes, and states that are not the usual one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.app_pages import open_page, text_of
from tests.pages.made_checks import COPIES, write_check
from tlcore.data.catalog import find_dataset, open_dataset
from tlcore.data.dataset import DatasetInfo
from tlcore.data.edits import create_dataset, exclude, move_pictures, remove_pictures, rename_class
from tlcore.data.importer import import_pictures
from tlcore.data.notes import read_notes
from tlcore.data.thumbnail_store import ThumbnailStore, store_path
from tlcore.data.versions import list_versions
from tlcore.workspace import Workspace


def select(app: AppTest, info: DatasetInfo, *keys: str) -> AppTest:
    """As if these pictures had been clicked: `AppTest` draws no grid."""
    app.session_state[f"gallery-picked-{info.id}"] = dict.fromkeys(keys)
    return app.run()


def test_selected_pictures_are_left_out_and_come_back_by_undo(home: Workspace, pets: DatasetInfo) -> None:
    app = select(open_page("data", dataset=pets.id), pets, "cat/000.jpg", "coffee/003.jpg")
    assert "2 selected" in text_of(app)

    app.button(key="gallery-exclude").click().run()

    assert "22 pictures in use, 2 left out" in text_of(app)
    assert find_dataset(home, pets.id).excluded == 2
    assert "Click to select" in text_of(app)

    app.button(key="change-undo").click().run()

    assert find_dataset(home, pets.id).fingerprint == pets.fingerprint
    assert "Undone" in text_of(app)


def test_undoing_takes_back_nothing_that_somebody_else_did_since(home: Workspace, pets: DatasetInfo) -> None:
    app = select(open_page("data", dataset=pets.id), pets, "cat/000.jpg")
    app.button(key="gallery-exclude").click().run()
    move_pictures(home, pets.id, ["cat/000.jpg"], "coffee")
    app.run()

    app.button(key="change-undo").click().run()

    assert find_dataset(home, pets.id).counts == {"cat": 11, "coffee": 13}

    app = select(open_page("data", dataset=pets.id), pets, "cat/001.jpg")
    app.selectbox(key="gallery-target").set_value("coffee").run()
    app.button(key="gallery-move").click().run()
    exclude(home, pets.id, ["cat/001.jpg"], "blurred")
    app.run()

    app.button(key="change-undo").click().run()

    assert find_dataset(home, pets.id).excluded == 1
    assert find_dataset(home, pets.id).counts == {"cat": 10, "coffee": 13}


def test_small_copies_of_what_is_removed_do_not_stay(home: Workspace, pets: DatasetInfo) -> None:
    dataset = open_dataset(home, pets.id)
    with ThumbnailStore(store_path(home)) as store:
        store.put(dict.fromkeys(dataset.hashes, b"copy"), 77)
        app = select(open_page("data", dataset=pets.id), pets, "cat/000.jpg")
        app.button(key="gallery-remove").click().run()
        app.button(key="remove-yes").click().run()

        gone = dataset.hashes[dataset.keys.index("cat/000.jpg")]
        assert set(store.get(dataset.hashes, 77)) == set(dataset.hashes) - {gone}

        app = open_page("data", dataset=pets.id, tab="edit")
        app.selectbox(key=f"edit-remove-{pets.id}").set_value("coffee").run()
        app.button(key="edit-remove").click().run()
        app.button(key="class-yes").click().run()

        coffee = {digest for digest, label in zip(dataset.hashes, dataset.labels, strict=True) if label == 1}
        assert set(store.get(dataset.hashes, 77)) == set(dataset.hashes) - {gone} - coffee


def test_pictures_move_to_another_class_and_back(home: Workspace, pets: DatasetInfo) -> None:
    app = select(open_page("data", dataset=pets.id), pets, "cat/000.jpg")
    app.selectbox(key="gallery-target").set_value("coffee").run()
    app.button(key="gallery-move").click().run()
    assert find_dataset(home, pets.id).counts == {"cat": 11, "coffee": 13}

    app.button(key="change-undo").click().run()

    assert find_dataset(home, pets.id).counts == {"cat": 12, "coffee": 12}


def test_undoing_a_move_to_a_new_class_takes_the_class_away_too(home: Workspace, pets: DatasetInfo) -> None:
    app = select(open_page("data", dataset=pets.id), pets, "cat/000.jpg")
    app.text_input(key="gallery-new-class").set_value(" tiger ").run()
    app.button(key="gallery-move").click().run()
    assert find_dataset(home, pets.id).counts == {"cat": 11, "coffee": 12, "tiger": 1}

    app.button(key="change-undo").click().run()

    assert find_dataset(home, pets.id).counts == {"cat": 12, "coffee": 12}


def test_removing_asks_first_and_names_what_is_lost(home: Workspace, pets: DatasetInfo) -> None:
    app = select(open_page("data", dataset=pets.id), pets, "cat/000.jpg")
    app.button(key="gallery-remove").click().run()
    assert "cat/000.jpg" in text_of(app)
    assert find_dataset(home, pets.id).pictures == 24

    app.button(key="remove-yes").click().run()

    assert find_dataset(home, pets.id).pictures == 23
    assert not any(button.key == "change-undo" for button in app.button)


def test_a_sample_can_be_changed_but_not_shortened(home: Workspace) -> None:
    app = open_page("data", dataset="sample/textures")
    assert not any(button.key == "gallery-remove" for button in app.button)
    assert "made when they are first needed" in text_of(app)

    app = open_page("data", dataset="sample/textures", tab="balance")
    assert "equally large" in text_of(app)


def test_what_somebody_else_removed_is_told_in_plain_words(home: Workspace, pets: DatasetInfo) -> None:
    app = select(open_page("data", dataset=pets.id), pets, "cat/000.jpg", "cat/001.jpg")
    remove_pictures(home, pets.id, ["cat/000.jpg"])
    app.run()

    assert "1 selected" in text_of(app)


def test_filters_by_class_and_by_what_is_left_out(home: Workspace, pets: DatasetInfo) -> None:
    exclude(home, pets.id, ["cat/002.jpg"], "blurred")
    app = open_page("data", dataset=pets.id)
    app.selectbox(key=f"gallery-show-{pets.id}").set_value("left out").run()
    assert "1 to 1 of 1 pictures" in text_of(app)

    app.selectbox(key=f"gallery-class-{pets.id}").set_value("coffee").run()
    assert "None of the pictures that are left out is in this class" in text_of(app)


def test_the_gallery_filters_by_problem(home: Workspace, pets: DatasetInfo) -> None:
    write_check(home, pets, COPIES)
    app = open_page("data", dataset=pets.id)
    field = app.selectbox(key=f"gallery-show-{pets.id}")
    assert "Exact copies (4)" in field.options

    field.set_value("exact_copies").run()

    assert "1 to 4 of 4 pictures" in text_of(app)


def test_a_class_gets_another_name_and_a_taken_one_is_refused(home: Workspace, pets: DatasetInfo) -> None:
    app = open_page("data", dataset=pets.id, tab="edit")
    app.text_input(key=f"edit-name-{pets.id}").set_value("coffee").run()
    app.button(key="edit-rename").click().run()
    assert "already a class of this name" in text_of(app)

    app.text_input(key=f"edit-name-{pets.id}").set_value("*kitten*").run()
    app.button(key="edit-rename").click().run()

    assert find_dataset(home, pets.id).class_names == ("*kitten*", "coffee")
    assert "cat is called *kitten* now" in text_of(app)


def test_classes_are_added_and_removed(home: Workspace, pets: DatasetInfo) -> None:
    app = open_page("data", dataset=pets.id, tab="edit")
    app.text_input(key=f"edit-new-{pets.id}").set_value("owl").run()
    app.button(key="edit-add").click().run()
    assert find_dataset(home, pets.id).class_names == ("cat", "coffee", "owl")

    app.selectbox(key=f"edit-remove-{pets.id}").set_value("coffee").run()
    app.button(key="edit-remove").click().run()
    assert "12 pictures" in text_of(app)
    app.button(key="class-yes").click().run()

    assert find_dataset(home, pets.id).counts == {"cat": 12, "owl": 0}


def test_an_older_version_comes_back(home: Workspace, pets: DatasetInfo) -> None:
    exclude(home, pets.id, ["cat/002.jpg"], "blurred")
    app = open_page("data", dataset=pets.id, tab="edit")
    assert "1 picture left out: blurred" in text_of(app)

    app.button(key="version-1").click().run()

    assert find_dataset(home, pets.id).excluded == 0
    assert len(list_versions(home, pets.id)) == 3


def test_notes_are_kept(home: Workspace, pets: DatasetInfo) -> None:
    app = open_page("data", dataset=pets.id, tab="edit")
    app.text_area(key=f"edit-notes-{pets.id}").set_value("Taken in *May*").run()

    assert read_notes(home, pets.id) == "Taken in *May*"


def test_about_tells_where_it_comes_from(home: Workspace, pets: DatasetInfo) -> None:
    said = text_of(open_page("data", dataset=pets.id, tab="about"))

    assert pets.id in said
    assert "Version" in said
    assert "ask whoever made the pictures" in said


@pytest.mark.parametrize("tab", ["gallery", "balance", "shape", "map", "check", "edit", "about"])
@pytest.mark.parametrize("classes", [(), ("*one*",)])
def test_every_tab_stands_an_empty_dataset(home: Workspace, tab: str, classes: tuple[str, ...]) -> None:
    info = create_dataset(home, "empty", classes)
    app = open_page("data", dataset=info.id, tab=tab)

    text_of(app)
    assert not app.error


@pytest.mark.parametrize("tab", ["gallery", "balance", "shape", "map", "check", "edit", "about"])
def test_every_tab_stands_many_classes_and_markup(
    home: Workspace, tab: str, tmp_path: Path, crop: Callable[..., bytes]
) -> None:
    for number in range(30):
        (tmp_path / "many" / f"**c{number}** :smile:").mkdir(parents=True)
        (tmp_path / "many" / f"**c{number}** :smile:" / "1.jpg").write_bytes(crop("cat", number))
    info = import_pictures(home, tmp_path / "many", "many")
    write_check(home, info)
    app = open_page("data", dataset=info.id, tab=tab)

    text_of(app)
    assert not app.error
    assert not any("**c1** :smile:" in element.value for element in app.markdown)


def test_missing_files_are_told_and_the_rest_is_shown(home: Workspace, pets: DatasetInfo) -> None:
    write_check(home, pets, COPIES)
    for path in (home.datasets / "my" / "pets" / "pictures").rglob("*.jpg"):
        path.unlink()

    assert "can't be read any more" in text_of(open_page("data", dataset=pets.id, tab="check"))
    app = open_page("data", dataset=pets.id)
    text_of(app)
    assert not app.error


def test_the_address_names_the_tab_and_the_last_one_stays_open(home: Workspace, pets: DatasetInfo) -> None:
    app = open_page("data", dataset=pets.id, tab="about")
    assert app.session_state["data-tab"] == "About"

    app.switch_page("pages/model.py").run()
    app.switch_page("pages/data.py").run()

    assert app.session_state["data-tab"] == "About"


def test_two_people_change_one_dataset(home: Workspace, pets: DatasetInfo) -> None:
    app = open_page("data", dataset=pets.id, tab="edit")
    rename_class(home, pets.id, "cat", "kitten")
    app.text_input(key=f"edit-name-{pets.id}").set_value("tiger").run()

    assert app.selectbox(key=f"edit-rename-{pets.id}").options[0].startswith("coffee")
    assert "pets" in text_of(app)
