"""What the server itself gives to whoever asks: links of others' downloads, others' uploads, paths that lead out."""

from __future__ import annotations

import http.client
import re
import secrets
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import App, free_port, running_app, upload
from tests.pages.made_runs import add_run
from tlcore.members import all_workspaces
from tlcore.workspace import Workspace

pytestmark = pytest.mark.browser

RUN = "20260301-120000-5ec7"
MOST_RELOADS = 60  # a demo has room for 100 sessions
BOUNDARY = "x-x-x"
FILE = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
    f"foreign\r\n--{BOUNDARY}--\r\n"
).encode()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A demo that is set up as on Streamlit Community Cloud: by what stands at the top of its secrets."""
    place = tmp_path_factory.mktemp("secrets") / "secrets.toml"
    place.write_text('TLCORE_MODE = "demo"\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STREAMLIT_SECRETS_FILES", str(place))
        patch.setenv("STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL", "1")
        with running_app(tmp_path_factory.mktemp("demo"), free_port()) as running:
            yield running


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(app: App, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
    """The server's answer to a request as it is written here: nothing tidies the path, and there are no cookies."""
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=60)
    try:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body or None, names)
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def own_token(app: App) -> dict[str, str]:
    """What a browser of one's own sends with an upload."""
    cookie = ask(app, "/_stcore/health").headers["set-cookie"].split(";")[0]
    return {"Cookie": cookie, "X_Xsrftoken": cookie.partition("=")[2]}


@pytest.mark.parametrize(
    "path",
    [
        "/media/../../../../etc/passwd",
        "/media/%2e%2e/%2e%2e/etc/passwd",
        "/media//etc/passwd",
        "/media/..%5c..%5cetc%5cpasswd",
        "/app/static/../streamlit_app.py",
        "/app/static/streamlit_app.py",
        "/component/../../streamlit_app.py",
        "/component/..%2f..%2fstreamlit_app.py",
        "/_stcore/bidi-components/x/../../streamlit_app.py",
        "/static/../../../../../../../etc/passwd",
        "/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/.streamlit/secrets.toml",
        "/.streamlit/config.toml",
        "/streamlit_app.py",
        "//127.0.0.1/etc/passwd",
        "/media/",
        "/media/" + "0" * 32 + ".csv",
    ],
)
def test_no_path_leads_to_a_file(app: App, path: str) -> None:
    answer = ask(app, path)
    assert answer.status in (400, 404) or answer.body == ask(app, "/").body, answer.body[:500]


def test_programs_can_not_drive_the_app(app: App) -> None:
    for path in ("/_stcore/agent/interact", "/_stcore/agent/mcp"):
        answer = ask(app, path, "POST", b"{}", Content_Type="application/json")
        assert 400 <= answer.status < 500, (path, answer.status)


def test_metrics_of_the_server_name_nobody(app: App) -> None:
    # Streamlit has no switch for this address; a proxy can close it.
    assert str(app.home).encode() not in ask(app, "/_stcore/metrics").body


def demo_note(page: Page) -> Locator:
    return page.get_by_test_id("stSidebar").get_by_text("This demo forgets")


def demo_workspaces(app: App) -> list[Workspace]:
    return list(all_workspaces(Workspace.open(app.home, {"TLCORE_MODE": "demo"})))


def threads_of(app: App) -> str:
    """What the app's threads are at."""
    log = app.home / "app.log"
    before = log.stat().st_size
    app.account()
    return log.read_bytes()[before:].decode(errors="replace")


def test_a_link_to_a_download_can_not_be_guessed_and_ends_with_its_session(
    page: Page, browser: Browser, app: App
) -> None:
    other = browser.new_page()
    other.goto(app.address)
    expect(demo_note(other)).to_be_visible()
    # What lives when the app has just loaded its libraries is set aside for ever: the first session would not end.
    while re.search(r"warming.py\", line \d+ in load$", threads_of(app), re.MULTILINE):
        pass
    known = {place.root for place in demo_workspaces(app)}
    page.goto(app.address)
    expect(demo_note(page)).to_be_visible()
    (first,) = [place for place in demo_workspaces(app) if place.root not in known]
    add_run(first, RUN)
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Results").click()
    page.set_viewport_size({"width": 1280, "height": 4000})  # what is below the edge of the window is drawn later
    with page.expect_download() as begun:
        page.get_by_role("button", name="History (CSV)").click()
    link = urlsplit(begun.value.url).path
    # Whoever has the link has the file: it is the key, and says nothing of the session.
    assert re.fullmatch(r"/media/[0-9a-f]{32}\.csv", link)
    answer = ask(app, link)
    assert answer.status == 200
    assert answer.headers["content-disposition"].startswith("attachment")
    assert ask(app, f"/media/{secrets.token_hex(16)}.csv").status == 404

    assert link.removeprefix("/media/") not in other.content()
    page.close()
    reloads = 0
    while ask(app, link).status == 200:
        # Streamlit lets go of ended sessions when another one ends, and sweeps when a page of anybody has been drawn.
        reloads += 1
        assert reloads < MOST_RELOADS
        other.wait_for_timeout(1000)
        other.reload()
        expect(demo_note(other)).to_be_visible()
    other.close()


def test_uploads_of_another_session_are_out_of_reach(page: Page, app: App, tmp_path: Path) -> None:
    page.goto(f"{app.address}/data?new=zip")
    with page.expect_response(lambda response: response.request.method == "PUT") as sent:
        upload(page, "Zip of class folders", {"name": "a.zip", "mimeType": "application/zip", "buffer": b"mine"})
    place = urlsplit(sent.value.url).path
    session, file = place.split("/")[-2:]
    assert sent.value.status == 204
    assert {uuid.UUID(session).version, uuid.UUID(file).version} == {4}  # 122 random bits each: nobody guesses them

    kind = {"Content_Type": f"multipart/form-data; boundary={BOUNDARY}"}
    token = own_token(app)
    # Nobody reads an upload over the web, and nobody changes one without a token of this site.
    assert b"mine" not in ask(app, place).body
    for method in ("PUT", "DELETE"):
        assert ask(app, place, method, FILE, **kind).status == 403
        assert ask(app, place, method, FILE, **kind, **token | {"X_Xsrftoken": "forged"}).status == 403
    # With one's own token: there are no sessions with these names, and nothing to be removed in them.
    for other in (str(uuid.uuid4()), "..", "%2e%2e", "x", session[:-1], session.upper()):
        assert ask(app, f"/_stcore/upload_file/{other}/{file}", "PUT", FILE, **kind, **token).status >= 400, other
        ask(app, f"/_stcore/upload_file/{other}/{file}", "DELETE", **token)
    expect(page.get_by_text("a.zip").first).to_be_visible()
