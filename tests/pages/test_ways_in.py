"""Home, Data, Predict and System as the app draws them, without a browser."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pages.widgets.shell import current_dataset
from tests.conftest import FinishedRun
from tests.pages.app_pages import open_page, text_of
from tlcore.data.catalog import list_datasets
from tlcore.data.importer import import_pictures
from tlcore.jobs import service
from tlcore.runs.identity import utc_now
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace


@pytest.fixture
def finished(finished_run: FinishedRun, monkeypatch: pytest.MonkeyPatch) -> FinishedRun:
    """The shared workspace with a finished run, as that of the app."""
    monkeypatch.setenv("TLCORE_HOME", str(finished_run.workspace.root))
    return finished_run


def test_one_click_queues_the_sample_and_two_clicks_too(home: Workspace) -> None:
    app = open_page("home")
    app.button(key="home-sample").click().run()
    app.button(key="home-sample").click().run()

    (record,) = Registry(home).list("train")
    assert record.dataset == "sample/digits"
    assert app.query_params["run"] == record.id
    assert "Handwritten digits: sample run" in text_of(app)
    found = current_dataset()
    assert found is not None
    assert found.id == "sample/digits"


def test_home_leads_on_once_a_watched_sample_is_done(home: Workspace) -> None:
    app = open_page("home")
    app.button(key="home-sample").click().run()
    registry = Registry(home)
    run_id = registry.list("train")[0].id
    registry.move(run_id, State.RUNNING, pid=1)
    registry.move(run_id, State.COMPLETED)

    app.run()

    assert "Ask a model that you trained" in text_of(app)


def test_home_only_links_a_run_that_nobody_watched_here(finished: FinishedRun) -> None:
    said = text_of(open_page("home", run=finished.run_id))

    assert "Teach your computer" in said
    assert "test pictures right" in said


def test_using_a_dataset_leads_to_the_model_page(home: Workspace) -> None:
    app = open_page("data", dataset="sample/textures")
    app.button(key="data-use").click().run()

    found = current_dataset()
    assert found is not None
    assert found.id == "sample/textures"
    assert "Choose a pretrained model" in text_of(app)


def test_class_names_are_text(home: Workspace, crop: Callable[..., bytes], tmp_path: Path) -> None:
    for name in ("**bold** :smile:", "plain"):
        (tmp_path / "odd" / name).mkdir(parents=True)
        (tmp_path / "odd" / name / "1.jpg").write_bytes(crop("cat", len(name)))
    info = import_pictures(home, tmp_path / "odd", "odd")

    app = open_page("data", dataset=info.id)

    assert any("\\*\\*bold\\*\\*" in element.value for element in app.markdown)
    assert not any("**bold**" in element.value for element in app.markdown)


def test_deleting_asks_and_then_deletes(home: Workspace, picture_folder: Path) -> None:
    info = import_pictures(home, picture_folder, "pets")
    app = open_page("data", dataset=info.id, tab="about")
    app.button(key="data-delete").click().run()
    assert "24 pictures" in text_of(app)
    assert info.id in {found.id for found in list_datasets(home)}

    app.button(key="delete-yes").click().run()

    assert info.id not in {found.id for found in list_datasets(home)}
    assert not app.exception


def test_why_a_dataset_in_use_stays_is_told(home: Workspace, picture_folder: Path) -> None:
    info = import_pictures(home, picture_folder, "pets")
    now = utc_now()
    job = JobRecord("20260101-000000-aaaa", "train", "A long training", info.id, State.QUEUED, now, "me", now)
    Registry(home).add(job)
    app = open_page("data", dataset=info.id, tab="about")
    app.button(key="data-delete").click().run()
    app.button(key="delete-yes").click().run()

    assert "in use" in text_of(app)
    assert "A long training" in text_of(app)
    assert info.id in {found.id for found in list_datasets(home)}


def test_predict_teaches_before_there_is_a_model(home: Workspace) -> None:
    assert "There is no trained model yet" in text_of(open_page("predict"))


def test_predict_answers_uploads_and_names_the_bad_one(finished: FinishedRun, crop: Callable[..., bytes]) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("inner/a.jpg", crop("cat", 1))
        file.writestr("inner/b.jpg", crop("cat", 2))
    app = open_page("predict", run=finished.run_id)
    uploads = [
        ("good.jpg", crop("coffee", 3), "image/jpeg"),
        ("bad.jpg", b"text", "image/jpeg"),
        ("two.zip", archive.getvalue(), "application/zip"),
        ("broken.zip", b"text", "application/zip"),
    ]
    app.file_uploader(key="predict-pictures-0").set_value(uploads).run()

    said = text_of(app)
    for name in ("good.jpg", "bad.jpg", "two.zip/inner/a.jpg", "two.zip/inner/b.jpg", "broken.zip"):
        assert name in said
    assert "This is not a picture" in said
    assert "not a zip archive" in said
    assert not list(finished.workspace.incoming.glob("upload-*"))

    app.button(key="predict-clear").click().run()
    assert "good.jpg" not in text_of(app)


def test_a_held_out_picture_is_asked_about_with_one_click(finished: FinishedRun) -> None:
    app = open_page("predict", run=finished.run_id)
    app.button(key="predict-ask").click().run()
    app.button(key="predict-ask").click().run()

    assert text_of(app).count("it truly is") == 2


def test_a_run_without_a_model_in_the_address_is_told(finished: FinishedRun) -> None:
    app = open_page("predict", run="nobody")
    assert "has no model to predict with" in text_of(app)

    app.button(key="predict-newest").click().run()
    assert "It knows 3 classes" in text_of(app)


def test_a_finished_run_is_announced_once(finished: FinishedRun) -> None:
    registry = Registry(finished.workspace)
    records = registry.list("train")
    open_page("system")
    assert all(registry.get(record.id).announced for record in records)
    assert not open_page("system").toast


def test_the_system_page_can_stop_what_waits(home: Workspace) -> None:
    job = service.submit(home, "prepare", {"dataset": "sample/digits"}, "Making digits")
    app = open_page("system")
    app.button(key=f"system-stop-{job}").click().run()

    assert Registry(home).get(job).state is State.STOPPED
