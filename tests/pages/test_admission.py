"""The door of the app in each mode, and what the sidebar tells of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest

from pages.widgets import admission
from tests.pages.app_pages import ROOT, text_of
from tests.pages.test_isolation import LOGIN, person
from tlcore.errors import WorkspaceError
from tlcore.members import all_workspaces, owner_name
from tlcore.workspace import Workspace


@pytest.fixture
def address() -> Iterator[Any]:
    """Sets what the server is bound to, for the test."""
    before = config.get_option("server.address")
    yield lambda value: config.set_option("server.address", value)
    config.set_option("server.address", before)


@pytest.fixture
def team(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("TLCORE_MODE", "team")
    monkeypatch.setattr(admission, "find_spec", lambda _: object())
    return Workspace.open()


@pytest.fixture
def demo(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("TLCORE_MODE", "demo")
    return Workspace.open()


def opened(page: str = "home", secrets: dict[str, Any] | None = None, user: dict[str, Any] | None = None) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.secrets, app.user = secrets or {}, user or {}
    return app.switch_page(f"pages/{page}.py").run()


def verified(address: str) -> dict[str, Any]:
    return {"email": address, "email_verified": True}


def is_closed(app: AppTest) -> bool:
    return "Recent runs" not in text_of(app) and not app.sidebar.caption


def test_local_mode_is_told(home: Workspace) -> None:
    assert "Local: only on this computer" in text_of(opened())


@pytest.mark.parametrize("bound", ["0.0.0.0", None, "192.168.1.4"])  # noqa: S104
def test_local_mode_does_not_start_where_others_reach_it(home: Workspace, address: Any, bound: str | None) -> None:
    address(bound)
    for page in ("home", "predict", "system"):
        app = opened(page)
        assert "others could reach it" in text_of(app), page
        assert "TLCORE_MODE=team" in text_of(app)
        assert is_closed(app)
    address("localhost")
    assert not is_closed(opened())


@pytest.mark.parametrize(("header", "fits"), [("localhost:8501", True), ("studio.example.org", False)])
def test_local_mode_is_not_served_under_another_name(
    home: Workspace, monkeypatch: pytest.MonkeyPatch, header: str, fits: bool
) -> None:
    monkeypatch.setattr(type(st.context), "headers", {"Host": header})
    if fits:
        admission.check_address()
        return
    with pytest.raises(WorkspaceError, match=r"only be opened on the computer.*studio\.example\.org"):
        admission.check_address()


@pytest.mark.parametrize("missing", ["auth", "cookie_secret", "redirect_uri", "client_id"])
def test_team_mode_does_not_start_without_a_login(team: Workspace, missing: str) -> None:
    login = {name: value for name, value in LOGIN["auth"].items() if name != missing}
    app = opened(secrets={"other": "x"} if missing == "auth" else {"auth": login}, user=person(1))
    assert "its login is not set up" in text_of(app)
    assert missing in text_of(app)
    assert is_closed(app)
    assert list(all_workspaces(team)) == []


def test_team_mode_wants_the_library(team: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "find_spec", lambda _: None)
    assert "Authlib" in text_of(opened(secrets=LOGIN))


@pytest.mark.parametrize("claims", [{}, {"is_logged_in": False}, {"is_logged_in": "true", "iss": "a", "sub": "1"}])
def test_without_a_login_there_is_only_the_way_to_sign_in(team: Workspace, claims: dict[str, Any]) -> None:
    app = opened("results", LOGIN, claims)
    assert [button.label for button in app.button] == ["Sign in"]
    assert is_closed(app)
    assert list(all_workspaces(team)) == []


def test_each_login_service_has_its_button(team: Workspace) -> None:
    shared = {name: LOGIN["auth"][name] for name in ("redirect_uri", "cookie_secret")}
    service = {"client_id": "a", "client_secret": "b", "server_metadata_url": "http://127.0.0.1:1"}
    app = opened(secrets={"auth": shared | {"okta": service, "google": service}})
    assert [button.label for button in app.button] == ["Sign in with okta", "Sign in with google"]


def test_who_is_signed_in_is_told(team: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLCORE_ADMINS", "ann@example.org")
    app = opened(secrets=LOGIN, user=person(1) | verified("ann@example.org") | {"name": "Ann *"})
    assert "Team: **Ann *** , administrator".replace(" ,", ",") in text_of(app)
    assert app.button(key="sign-out")
    (workspace,) = all_workspaces(team)
    assert owner_name(workspace) == "Ann *"
    assert "administrator" not in text_of(opened(secrets=LOGIN, user=person(2)))


def test_who_is_not_of_the_team_stays_outside(team: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLCORE_MEMBERS", "@example.org")
    app = opened(secrets=LOGIN, user=person(1) | verified("eve@example.com"))
    assert "not one of those who may use this app" in text_of(app)
    assert app.button(key="door-sign-out")
    assert is_closed(app)
    assert not is_closed(opened(secrets=LOGIN, user=person(2) | verified("ann@example.org")))


def test_an_address_that_nobody_vouches_for_opens_nothing_and_its_owner_is_told(
    team: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLCORE_ADMINS", "ann@example.org")
    claimed = person(1) | {"email": "ann@example.org"}
    assert "administrator" not in text_of(opened(secrets=LOGIN, user=claimed))
    monkeypatch.setenv("TLCORE_MEMBERS", "@example.org")
    app = opened(secrets=LOGIN, user=claimed)
    told = text_of(app).replace("\N{WORD JOINER}", "")
    for words in ("does not say that your e-mail address was verified", "ann@example.org", "https://login.example.org"):
        assert words in told, words
    assert is_closed(app)
    monkeypatch.setenv("TLCORE_TRUSTED_ISSUERS", "https://login.example.org")
    assert "administrator" in text_of(opened(secrets=LOGIN, user=claimed))
    assert is_closed(opened(secrets=LOGIN, user=claimed | {"email_verified": False}))


def test_another_person_in_the_same_session_finds_nothing_of_the_first(team: Workspace) -> None:
    app = opened(secrets=LOGIN, user=person(1))
    app.session_state["predict-run"] = "theirs"
    app.user = person(2)
    app.run()
    assert "predict-run" not in app.session_state


def test_a_demo_says_that_it_forgets(demo: Workspace) -> None:
    told = text_of(opened())
    for words in ("This demo forgets", "60 minutes", "a reload of the page begins anew", "No other visitor sees it"):
        assert words in told, words
    assert "30 trainings, 20 rounds (epochs) and 3 jobs at a time; 2.0 GB in all." in told
    assert "They are deleted soon after you leave." in told
    assert "Browse the catalogue" not in told
    assert "Use a model that you downloaded" not in text_of(opened("predict"))


def test_a_reload_of_a_demo_begins_anew_and_going_on_does_not(demo: Workspace) -> None:
    app = opened()
    app.run()
    app.switch_page("pages/data.py").run()
    assert len(list(all_workspaces(demo))) == 1
    opened()
    assert len(list(all_workspaces(demo))) == 2


def test_a_session_whose_workspace_was_removed_begins_anew(demo: Workspace) -> None:
    app = opened()
    (before,) = all_workspaces(demo)
    app.session_state["predict-run"] = "gone"
    shutil.rmtree(before.root)
    app.run()
    (after,) = all_workspaces(demo)
    assert after.root != before.root
    assert "predict-run" not in app.session_state
    assert any("A new one has begun" in toast.value for toast in app.toast)


def test_a_visitor_can_have_everything_forgotten(demo: Workspace) -> None:
    app = opened()
    (before,) = all_workspaces(demo)
    app.button(key="demo-forget").click().run()
    (after,) = all_workspaces(demo)
    assert after.root != before.root


def test_a_demo_lets_no_larger_upload_into_memory_than_it_allows(demo: Workspace) -> None:
    before = config.get_option("server.maxUploadSize")
    admission._begin_looking.clear()
    try:
        opened()
        assert config.get_option("server.maxUploadSize") == 200
    finally:
        config.set_option("server.maxUploadSize", before)


def test_the_operator_decides_where_pictures_come_from(demo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLCORE_SOURCES", "tfds")
    assert "Browse the catalogue" in text_of(opened())
    data = opened("data")
    data.button(key="data-new").click().run()
    assert data.segmented_control(key="import-way").options == ["Start empty"]
    monkeypatch.setenv("TLCORE_SOURCES", "kaggle")
    assert "TLCORE_SOURCES" in text_of(opened())
