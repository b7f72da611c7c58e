"""A team with a real login: an OpenID Connect service, signed tokens, cookies, and two people in one browser."""

from __future__ import annotations

import importlib.util
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as TooLate

from tests.browser.conftest import App, free_port, running_app
from tests.pages.made_runs import add_run
from tlcore.data.catalog import list_datasets
from tlcore.data.importer import import_pictures
from tlcore.members import all_workspaces, owner_name
from tlcore.workspace import Workspace

if TYPE_CHECKING:
    from tests.browser.login_service import LoginService

pytestmark = pytest.mark.browser

LONG = 300_000  # milliseconds for a job, on a busy machine
RUN = "20260301-120000-5ec7"
DATASET = "my/secretariat"
ANN = {"sub": "a1", "name": "Ann", "email": "ann@example.org", "email_verified": True}
BEN = {"sub": "b2", "name": "Ben", "email": "ben@example.org", "email_verified": True}
ROSA = {"sub": "r0", "name": "Rosa", "email": "rosa@example.net", "email_verified": True}
STRANGER = {"sub": "s3", "name": "Eve", "email": "eve@example.com", "email_verified": True}
IMPOSTOR = {"sub": "i4", "name": "Ann", "email": "ann@example.org"}  # the service doesn't say that this was verified

SECRETS = """[auth]
redirect_uri = "{redirect_uri}"
cookie_secret = "0123456789abcdef0123456789abcdef"
client_id = "{client_id}"
client_secret = "{client_secret}"
server_metadata_url = "{login}/.well-known/openid-configuration"
"""


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def login(port: int) -> Iterator[LoginService]:
    for package in ("authlib", "httpx", "joserfc"):
        if importlib.util.find_spec(package) is None:
            if os.environ.get("CI"):
                pytest.fail(f"{package} is not installed")
            pytest.skip(f"{package} is not installed: pip install -r requirements-dev.txt")
    from tests.browser.login_service import login_service

    with login_service(f"http://127.0.0.1:{port}/oauth2callback") as service:
        yield service


@pytest.fixture(scope="module")
def app(port: int, login: LoginService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    from tests.browser.login_service import CLIENT

    secrets = tmp_path_factory.mktemp("secrets") / "secrets.toml"
    secrets.write_text(SECRETS.format(login=login.address, redirect_uri=login.redirect_uri, **CLIENT))
    settings = {
        "TLCORE_MODE": "team",
        "TLCORE_MEMBERS": "@example.org",
        "TLCORE_ADMINS": "rosa@example.net",
        "STREAMLIT_SECRETS_FILES": str(secrets),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        with running_app(tmp_path_factory.mktemp("team"), port) as running:
            yield running


@pytest.fixture
def sign_in(page: Page, app: App, login: LoginService) -> Callable[[dict[str, Any] | None], Locator]:
    """Signs somebody in by the button; returns the sidebar's line about them, or what is there instead of the pages."""

    def sign(person: dict[str, Any] | None) -> Locator:
        login.person = person
        page.goto(app.address)
        with page.expect_event("domcontentloaded"), page.expect_response(re.compile("/oauth2callback")):
            page.get_by_role("button", name="Sign in", exact=True).click()
        inside = page.get_by_test_id("stSidebar").get_by_text(re.compile("Team:"))
        back = page.get_by_role("button", name="Sign in", exact=True)
        found = inside.or_(page.get_by_test_id("stAlert")) if person else back
        expect(found).to_be_visible()
        return found

    return sign


def sign_out(page: Page) -> None:
    button = page.get_by_role("button", name="Sign out")
    # Streamlit loses some presses right after which the page asks for something else: then it is pressed again.
    with suppress(TooLate):
        _leave(page, button)
    if button.is_visible():
        _leave(page, button)
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


def _leave(page: Page, button: Locator) -> None:
    """Presses it; the service sends people back to the same place, and from there they come to a new page."""
    with page.expect_event("domcontentloaded"), page.expect_response(re.compile("/oauth2callback")):
        button.click()


def workspace_of(app: App, name: str) -> Workspace:
    team = Workspace.open(app.home, {"TLCORE_MODE": "team"})
    (found,) = [one for one in all_workspaces(team) if owner_name(one) == name]
    return found


def seen_of(page: Page, address: str, *words: str) -> str:
    """Everything that a page says, once it has settled and says these words; the sidebar is drawn last."""
    page.goto(address)
    page.get_by_role("button", name="Sign out").wait_for()
    for word in words:  # the browser draws some parts later than the app tells of them
        expect(page.locator("body")).to_contain_text(word, use_inner_text=True)
    page.wait_for_timeout(1500)  # parts that come into view ask to be drawn
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    return page.locator("body").inner_text()


def until(page: Page, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG / 1000
    while not holds():
        assert time.monotonic() < deadline, page.locator("body").inner_text()
        page.wait_for_timeout(100)


def test_two_people_share_an_app_and_see_what_is_shared(
    page: Page,
    app: App,
    login: LoginService,
    sign_in: Callable[..., Locator],
    make_folder: Callable[..., Path],
    tmp_path: Path,
) -> None:
    expect(sign_in(ANN)).to_have_text(re.compile(r"Team: Ann\s*$"))
    ann = workspace_of(app, "Ann")
    import_pictures(ann, make_folder(tmp_path / "pictures", cat=3, coffee=3), "secretariat")
    add_run(ann, RUN, dataset=DATASET)
    seen_of(page, f"{app.address}/results?run={RUN}", "secretariat")
    sign_out(page)
    assert login.signed_out[-1]["id_token_hint"]  # the service forgets her too

    expect(sign_in(BEN)).to_have_text(re.compile(r"Team: Ben\s*$"))
    for place in (f"results?run={RUN}", f"data?dataset={DATASET}"):
        said = seen_of(page, f"{app.address}/{place}", "Team: Ben")
        assert "secretariat" not in said.replace(DATASET, ""), place  # what was typed may be told back
    expect(page.get_by_text("Shared by the team (0)")).to_be_visible()
    sign_out(page)

    sign_in(ANN)
    page.goto(f"{app.address}/data?dataset={DATASET}")
    page.get_by_role("button", name="Share with the team").click()
    expect(page.get_by_text("Shared by the team (1)")).to_be_visible(timeout=LONG)
    sign_out(page)

    sign_in(BEN)
    page.goto(f"{app.address}/data")
    page.get_by_text("Shared by the team (1)").click()
    expect(page.get_by_text("by Ann,")).to_be_visible()
    page.get_by_role("button", name="Take a copy").click()
    ben = workspace_of(app, "Ben")
    until(page, lambda: [info.name for info in list_datasets(ben) if info.source == "own"] == ["secretariat"])
    page.set_viewport_size({"width": 1280, "height": 4000})
    assert "Memory in use" not in seen_of(page, f"{app.address}/system")


def test_the_door_opens_only_for_those_who_are_vouched_for(
    page: Page, app: App, login: LoginService, sign_in: Callable[..., Locator]
) -> None:
    sign_in(None)  # turned back at the login
    expect(sign_in(STRANGER)).to_have_text(re.compile("not one of those who may use this app"))
    sign_out(page)
    expect(sign_in(IMPOSTOR)).to_have_text(re.compile("does not say that your e-mail address was verified"))
    assert login.address in page.locator("body").inner_text().replace("\N{WORD JOINER}", "")
    sign_out(page)
    expect(sign_in(ROSA)).to_have_text(re.compile(r"Team: Rosa, administrator\s*$"))
    page.set_viewport_size({"width": 1280, "height": 4000})  # what is below the edge of the window is drawn later
    seen_of(page, f"{app.address}/system", "Memory in use", "Download diagnostics")
    names = {owner_name(one) for one in all_workspaces(Workspace.open(app.home, {"TLCORE_MODE": "team"}))}
    assert names & {"Eve", "Rosa"} == {"Rosa"}  # nothing was made for who stayed outside

    (cookie,) = [one for one in page.context.cookies() if one["name"] == "_streamlit_user"]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    page.context.add_cookies([{**cookie, "value": cookie["value"][:-4] + "AAAA"}])  # type: ignore[typeddict-item]
    page.goto(app.address)
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()  # nobody signed this one
