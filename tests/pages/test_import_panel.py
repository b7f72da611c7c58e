"""The ways to bring in pictures as a new dataset."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.app_pages import open_page, text_of, work_off
from tlcore.data.catalog import find_dataset
from tlcore.data.importer import import_pictures
from tlcore.files import read_json
from tlcore.jobs.service import submit
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace


def zipped(folder: Path) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in folder.glob("*/*"):
            archive.write(path, f"{path.parent.name}/{path.name}")
        archive.writestr("cat/broken.jpg", "text")
    return file.getvalue()


def choose_zip(app: AppTest, name: str, data: bytes, round_number: int = 0) -> AppTest:
    uploader = app.file_uploader(key=f"import-zip-{round_number}")
    return uploader.set_value((name, data, "application/zip")).run()


def payload_of(home: Workspace, kind: str) -> dict[str, object]:
    (job,) = Registry(home).list(kind)
    return dict(read_json(RunFolder.find(home, job.id).config))


def test_an_uploaded_zip_is_imported_by_a_job_that_the_address_names(home: Workspace, picture_folder: Path) -> None:
    app = choose_zip(open_page("data", new="zip"), "my *pets*.zip", zipped(picture_folder))
    assert len(list(home.incoming.glob("upload-*.zip"))) == 1, "the upload goes to disk at once"
    app.button(key="import-zip-go").click().run()

    (job,) = Registry(home).list("import")
    assert app.query_params["job"] == job.id
    assert "Import of my *pets*" in text_of(app)
    assert payload_of(home, "import")["audit"] is True

    work_off(home, job.id)
    app = open_page("data", job=job.id)  # as after a refresh

    said = text_of(app)
    assert "**my *pets*** is imported: 24 pictures in 2 classes" in said
    assert any("broken\\.jpg" in table.value.to_string() for table in app.table)
    assert app.query_params["dataset"] == "my/my-pets"
    assert not list(home.incoming.glob("upload-*.zip"))


def test_what_was_chosen_and_typed_is_still_there_after_a_look_elsewhere(home: Workspace, picture_folder: Path) -> None:
    app = choose_zip(open_page("data", new="zip"), "pets.zip", zipped(picture_folder))
    app.text_input(key="import-name").set_value("My animals").run()

    app.switch_page("pages/model.py").run()
    app.query_params["new"] = "zip"
    app.switch_page("pages/data.py").run()

    assert app.text_input(key="import-name").value == "My animals"
    assert "pets.zip" in text_of(app)
    assert not app.button(key="import-zip-go").disabled


def test_an_upload_can_be_taken_back(home: Workspace, picture_folder: Path) -> None:
    app = choose_zip(open_page("data", new="zip"), "pets.zip", zipped(picture_folder))
    app.button(key="import-zip-remove").click().run()

    assert app.button(key="import-zip-go").disabled
    assert not list(home.incoming.glob("upload-*"))


def test_a_refused_import_leaves_the_form_open_with_what_was_typed(home: Workspace) -> None:
    app = choose_zip(open_page("data", new="zip"), "bad.zip", b"no zip at all")
    app.text_input(key="import-name").set_value("My animals").run()
    app.button(key="import-zip-go").click().run()
    (job,) = Registry(home).list("import")
    assert work_off(home, job.id).state is State.FAILED

    app.run()

    assert "not a zip archive" in text_of(app)
    assert app.text_input(key="import-name").value == "My animals"
    assert app.button(key="import-zip-go").disabled, "the upload is to be chosen again"


def interrupted_import(home: Workspace, picture_folder: Path) -> str:
    """An uploaded zip whose import was cut off: its job."""
    app = choose_zip(open_page("data", new="zip"), "pets.zip", zipped(picture_folder))
    app.button(key="import-zip-go").click().run()
    (job,) = Registry(home).list("import")
    Registry(home).move(job.id, State.RUNNING)
    Registry(home).move(job.id, State.INTERRUPTED, error="The *process* was killed.")
    return job.id


def test_an_interrupted_import_goes_on_with_its_upload(home: Workspace, picture_folder: Path) -> None:
    job = interrupted_import(home, picture_folder)
    app = open_page("data")  # whoever comes back later has no address of it
    assert "Import of pets was interrupted. The *process* was killed." in text_of(app)
    app.button(key=f"go-on-{job}").click().run()

    assert Registry(home).get(job).state is State.QUEUED
    assert app.query_params["job"] == job
    assert f"go-on-{job}" not in {button.key for button in app.button}
    assert Path(str(payload_of(home, "import")["path"])).is_file()


def test_an_interrupted_import_whose_upload_is_gone_asks_for_it_again(home: Workspace, picture_folder: Path) -> None:
    job = interrupted_import(home, picture_folder)
    Path(str(payload_of(home, "import")["path"])).unlink()
    app = open_page("data", job=job)
    assert "what you uploaded is not there any more: upload it again" in text_of(app)
    assert f"go-on-{job}" not in {button.key for button in app.button}
    assert f"close-{job}" in {button.key for button in app.button}


def test_an_interruption_is_closed_for_good_and_told_no_more_after_a_newer_import(
    home: Workspace, picture_folder: Path
) -> None:
    job = interrupted_import(home, picture_folder)
    app = open_page("data", job=job)
    app.button(key=f"close-{job}").click().run()
    assert "was interrupted" not in text_of(app.run())

    newer = submit(home, "import", {"path": "x", "name": "x"}, "Newer")
    Registry(home).move(newer, State.FAILED, error="No pictures.")
    assert "was interrupted" not in text_of(open_page("data"))
    app = open_page("data", job=newer)
    assert "No pictures" in text_of(app)
    assert f"go-on-{newer}" not in {button.key for button in app.button}


@pytest.mark.parametrize("chosen", ["another", "version"])
def test_a_taken_name_asks_what_it_shall_be(home: Workspace, picture_folder: Path, chosen: str) -> None:
    info = import_pictures(home, picture_folder, "pets")
    app = choose_zip(open_page("data", new="zip"), "pets.zip", zipped(picture_folder))
    app.radio(key="import-taken").set_value(chosen).run()
    app.button(key="import-zip-go").click().run()

    payload = payload_of(home, "import")
    expected = ("pets-2", False) if chosen == "another" else ("pets", True)
    assert (payload["name"], payload["new_version"]) == expected
    assert find_dataset(home, info.id).version == 1


def test_class_folders_may_be_chosen_one_after_the_other(home: Workspace, picture_folder: Path) -> None:
    app = open_page("data", new="folder")
    for round_number, name in enumerate(("cat", "coffee")):
        files = [(f"{name}/{path.name}", path.read_bytes(), "image/jpeg") for path in picture_folder.glob(f"{name}/*")]
        app.file_uploader(key=f"import-folder-{round_number}").set_value(files).run()
    assert "24 files" in text_of(app)
    app.text_input(key="import-name").set_value("pets").run()
    app.button(key="import-folder-go").click().run()
    (job,) = Registry(home).list("import")

    assert work_off(home, job.id).state is State.COMPLETED
    assert find_dataset(home, "my/pets").counts == {"cat": 12, "coffee": 12}


def test_a_list_of_labels_travels_with_the_pictures(home: Workspace, picture_folder: Path) -> None:
    app = choose_zip(open_page("data", new="zip"), "flat.zip", zipped(picture_folder))
    app.file_uploader(key="import-labels-0").set_value(("list.csv", b"file,label\n1.jpg,cat\n", "text/csv")).run()
    app.button(key="import-zip-go").click().run()

    labels = Path(str(payload_of(home, "import")["labels"]))
    assert labels.parent == home.incoming
    assert labels.read_bytes().startswith(b"file,label")


def test_a_folder_outside_the_allowed_ones_is_refused_and_nothing_of_it_told(
    home: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    monkeypatch.setenv("TLCORE_ROOTS", str(allowed))
    app = open_page("data", new="server")
    assert str(allowed) in text_of(app)

    app.text_input(key="import-path").set_value(str(tmp_path)).run()
    app.button(key="import-path-go").click().run()
    assert "outside the folders" in text_of(app)

    app.text_input(key="import-path").set_value(str(allowed / "missing")).run()
    app.button(key="import-path-go").click().run()
    assert "There is no such folder or zip" in text_of(app)
    assert Registry(home).list("import") == ()


def test_a_demo_offers_neither_this_machines_folders_nor_kaggle(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLCORE_MODE", "demo")
    demo = open_page("data", new="kaggle")
    assert demo.segmented_control(key="import-way").options == ["Zip", "Folder", "Start empty", "From another machine"]
    assert "token" not in text_of(demo)


def test_an_empty_dataset_is_begun_and_leads_to_the_camera(home: Workspace) -> None:
    app = open_page("data", new="empty")
    app.button(key="import-empty-go").click().run()
    assert "needs a name" in text_of(app)

    app.text_input(key="import-name").set_value("Mugs").run()
    app.text_area(key="import-classes").set_value("mug\n\n*glass*\n").run()
    app.button(key="import-empty-go").click().run()

    assert find_dataset(home, "my/Mugs").class_names == ("*glass*", "mug")
    assert app.query_params["grow"] == "camera"
    assert "Add pictures to Mugs" in text_of(app)
