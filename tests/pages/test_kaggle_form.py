"""Fetching from Kaggle: the token stays out of everything but its own file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages.app_pages import open_page, text_of
from tlcore.data.kaggle import has_token
from tlcore.files import read_json
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.workspace import Workspace

TOKEN = "KGAT_0123456789abcdef0123456789abcdef"  # noqa: S105 - made up


@pytest.fixture(autouse=True)
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without a token."""
    folder = tmp_path / "person"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    return folder


def test_a_token_is_saved_told_of_and_forgotten(home: Workspace, person: Path) -> None:
    app = open_page("data", new="kaggle")
    assert app.button(key="import-kaggle-go").disabled
    assert app.text_input(key="kaggle-token").proto.type == app.text_input(key="kaggle-token").proto.PASSWORD
    app.text_input(key="kaggle-token").set_value(TOKEN).run()
    app.button(key="kaggle-save").click().run()

    said = text_of(app)
    assert "Your Kaggle token is kept in" in said
    assert str(person) in said
    assert TOKEN not in said
    assert "kaggle-token" not in app.session_state or not app.session_state["kaggle-token"]

    app.button(key="kaggle-forget").click().run()
    assert not has_token()
    assert app.button(key="import-kaggle-go").disabled


def test_what_can_be_no_token_is_refused_without_repeating_it(home: Workspace) -> None:
    app = open_page("data", new="kaggle")
    app.text_input(key="kaggle-token").set_value("two words").run()
    app.button(key="kaggle-save").click().run()

    assert "can't be a Kaggle token" in text_of(app)
    assert "two words" not in text_of(app)


def test_a_download_is_queued_with_everything_but_the_token(home: Workspace) -> None:
    app = open_page("data", new="kaggle")
    app.text_input(key="kaggle-token").set_value(TOKEN).run()
    app.button(key="kaggle-save").click().run()
    app.text_input(key="import-slug").set_value("just-one-word").run()
    app.button(key="import-kaggle-go").click().run()
    assert "does not name a dataset" in text_of(app)

    app.text_input(key="import-slug").set_value("https://www.kaggle.com/datasets/somebody/leaf-photos").run()
    app.button(key="import-kaggle-go").click().run()

    (job,) = Registry(home).list("kaggle")
    folder = RunFolder.find(home, job.id)
    payload = read_json(folder.config)
    assert app.query_params["job"] == job.id
    assert (payload["name"], payload["audit"]) == ("leaf-photos", True)
    assert "somebody/leaf-photos" in payload["slug"]
    assert all(TOKEN not in path.read_text() for path in folder.path.glob("*.json*"))
