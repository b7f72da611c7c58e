"""Adding to a dataset of one's own: files, the camera, classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.app_pages import open_page, text_of
from tlcore.data.catalog import find_dataset
from tlcore.data.edits import create_dataset, remove_class
from tlcore.data.importer import import_pictures
from tlcore.files import read_json
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.workspace import Workspace


@pytest.fixture
def mugs(home: Workspace) -> str:
    """An empty dataset with two classes."""
    return create_dataset(home, "Mugs", ["glass", "mug"]).id


def shoot(app: AppTest, number: int, data: bytes) -> AppTest:
    return app.camera_input(key=f"camera-{number}").set_value(("shot.jpg", data, "image/jpeg")).run()


def test_several_files_are_added_to_a_class_by_a_job(home: Workspace, picture_folder: Path) -> None:
    info = import_pictures(home, picture_folder, "pets")
    app = open_page("data", dataset=info.id)
    app.button(key="data-grow").click().run()
    app.selectbox(key=f"grow-class-{info.id}").set_value("coffee").run()
    files = [(path.name, path.read_bytes(), "image/jpeg") for path in sorted(picture_folder.glob("cat/*"))[:3]]
    app.file_uploader(key=f"grow-files-{info.id}-0").set_value(files).run()
    assert app.button(key="grow-files-go").label == "Add 3 to coffee"
    app.button(key="grow-files-go").click().run()

    (job,) = Registry(home).list("add")
    payload = read_json(RunFolder.find(home, job.id).config)
    assert app.query_params["job"] == job.id
    assert job.dataset == info.id
    assert (payload["dataset"], payload["class_name"], payload["audit"]) == (info.id, "coffee", True)
    assert set(payload) == {"dataset", "class_name", "path", "audit"}, "what the job reads, and no more"
    assert Path(payload["path"]).parent == home.incoming
    assert app.selectbox(key=f"grow-class-{info.id}").value == "coffee", "the class stays chosen"


def test_the_camera_adds_each_picture_at_once_and_keeps_the_class(
    home: Workspace, mugs: str, crop: Callable[..., bytes]
) -> None:
    app = open_page("data", dataset=mugs, grow="camera")
    app.selectbox(key=f"grow-class-{mugs}").set_value("mug").run()
    shoot(app, 0, crop("cat", 1))
    shoot(app, 1, crop("cat", 2))

    assert find_dataset(home, mugs).counts == {"glass": 0, "mug": 2}
    assert "**2 taken** of mug now; the class has 2 pictures" in text_of(app)
    assert app.selectbox(key=f"grow-class-{mugs}").value == "mug"

    app.button(key="camera-undo").click().run()
    assert find_dataset(home, mugs).counts == {"glass": 0, "mug": 1}
    assert "**1 taken**" in text_of(app)
    assert Registry(home).list("audit") == (), "not after each picture"

    app.button(key="grow-done").click().run()
    assert [job.dataset for job in Registry(home).list("audit")] == [mugs]
    assert "grow" not in app.query_params


def test_a_picture_that_is_none_or_there_already_is_told_and_not_counted(
    home: Workspace, mugs: str, crop: Callable[..., bytes]
) -> None:
    app = open_page("data", dataset=mugs, grow="camera")
    shoot(app, 0, crop("cat", 1))
    shoot(app, 1, crop("cat", 1))
    assert "it is the same as one that the dataset has" in text_of(app)

    shoot(app, 2, b"no picture")
    assert "This picture was not taken: This is not a picture" in text_of(app)
    assert find_dataset(home, mugs).pictures == 1


def test_undoing_what_somebody_else_has_removed_is_told(home: Workspace, mugs: str, crop: Callable[..., bytes]) -> None:
    app = open_page("data", dataset=mugs, grow="camera")
    shoot(app, 0, crop("cat", 1))
    remove_class(home, mugs, "glass")
    app.button(key="camera-undo").click().run()

    assert "not in the dataset" in text_of(app)
    assert "camera-undo" not in {button.key for button in app.button}


def test_a_class_is_added_once_and_a_taken_name_is_told(home: Workspace, mugs: str) -> None:
    app = open_page("data", dataset=mugs, grow="classes")
    app.text_input(key="grow-new-class").set_value(" *bowl* ").run()
    app.button(key="grow-class-go").click().run()
    assert find_dataset(home, mugs).class_names == ("*bowl*", "glass", "mug")

    app.text_input(key="grow-new-class").set_value("MUG").run()
    app.button(key="grow-class-go").click().run()
    assert "already a class of this name" in text_of(app)
    assert app.text_input(key="grow-new-class").value == "MUG", "what was typed stays"
    assert find_dataset(home, mugs).version == 2


def test_what_others_published_can_not_be_grown(home: Workspace) -> None:
    app = open_page("data", dataset="sample/digits", grow="camera")

    assert "Handwritten digits" in text_of(app)
    assert "data-grow" not in {button.key for button in app.button}
    assert not app.camera_input
