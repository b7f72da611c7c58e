"""Who is at the page, and which workspace is theirs. The one place that maps a person or a session to a workspace."""

from __future__ import annotations

import os
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import streamlit as st
from streamlit import config
from streamlit.errors import StreamlitSecretNotFoundError

from pages.widgets.errors import start_log
from tlcore.errors import InputError, StudioError, WorkspaceError
from tlcore.jobs.ready import bring_ready_run
from tlcore.jobs.throwaway import check_room_for_session, keep_swept
from tlcore.loopback import host_of, is_loopback
from tlcore.members import (
    ISSUERS_VARIABLE,
    SEEN,
    Person,
    new_session_key,
    person_workspace,
    session_exists,
    session_workspace,
)
from tlcore.modes import CACHE_VARIABLE, MODE_VARIABLE, SOURCES_VARIABLE, demo_minutes
from tlcore.workspace import HOME_VARIABLE, MEBIBYTE, ROOTS_VARIABLE, Workspace

LOST: Final = "demo-lost"
"""In the session state of a demo's session whose workspace was removed while its page was open."""

_ENTERED: Final = "entered"
_WHOSE: Final = "belongs-to"
_SESSION: Final = "demo-session"
_TOUCHED: Final = "demo-touched"
_TOUCH_SECONDS: Final = 15.0
_SHORTEST_SECRET: Final = 32
_VARIABLES: Final = (HOME_VARIABLE, MODE_VARIABLE, SOURCES_VARIABLE, ROOTS_VARIABLE, CACHE_VARIABLE)


class SignInNeeded(InputError):
    """Nobody is signed in where everybody has to be."""


def app_workspace() -> Workspace:
    """The app's own workspace, whose root holds everybody's; in local mode that is the only one.

    Raises:
        WorkspaceError: Its folder can't be made or written, or a variable has an impossible value.
    """
    return _open_app(tuple(os.environ.get(name, "") for name in _VARIABLES))


@st.cache_resource(max_entries=4, show_spinner=False)
def _open_app(variables: tuple[str, ...]) -> Workspace:
    opened = Workspace.open(Path(variables[0]) if variables[0] else None)
    start_log(opened.host)
    return opened


def own_workspace() -> Workspace:
    """The workspace of whoever is at the page.

    Raises:
        InputError: Nobody may be here: nobody is signed in, or a demo is full.
        WorkspaceError: The app may not be used as it was started, or a folder can't be made.
    """
    app = app_workspace()
    if app.mode == "team":
        return _workspace_of(app, who())
    if app.mode == "demo":
        return _workspace_of_session(app)
    if not st.session_state.get(_ENTERED):
        check_address()
        st.session_state[_ENTERED] = True
    return app


def is_operator() -> bool:
    """Whether whoever is at the page may see what concerns all people: in local mode everybody, in a demo nobody."""
    app = app_workspace()
    if app.mode == "team":
        return who().is_admin(os.environ)
    return app.mode == "local"


def who() -> Person:
    """Who is signed in.

    Raises:
        SignInNeeded: Nobody.
        InputError: The login doesn't say who it is, or they are not one of the team.
        WorkspaceError: The app has no login.
    """
    check_login()
    if st.user.get("is_logged_in") is not True:
        raise SignInNeeded("Nobody is signed in", hint="Sign in first.")
    person = Person.from_claims(st.user.to_dict())
    if person.may_enter(os.environ):
        return person
    if person.unverified:
        raise InputError(
            "You are signed in, but the login service does not say that your e-mail address was verified, and this app "
            "lets people in by their address",
            value=person.unverified,
            hint="Verify the address with your login service, then sign out and in again. If that doesn't help, tell "
            f"whoever runs this app: it has to name the service in {ISSUERS_VARIABLE}, as {person.issuer}",
        )
    raise InputError(
        "You are signed in, but not one of those who may use this app",
        value=person.email or "an account without an e-mail address",
        hint="Ask whoever runs this app to let you in, or sign in with another account.",
    )


def check_address() -> None:
    """Refuses local mode where others could reach it: there is no login, and it reads this machine's folders.

    Raises:
        WorkspaceError: The server is bound to more than this machine, or was reached by another name, as through a
            proxy or by a page elsewhere that gives itself this machine's address.
    """
    address = config.get_option("server.address")
    if not is_loopback(address):
        raise WorkspaceError(
            "This app is in local mode, which has no login, but others could reach it: it was not started",
            value=f"server.address {address or 'unset: all addresses'}",
            options=["127.0.0.1", "localhost"],
            hint=f"Start it without --server.address, or set {MODE_VARIABLE}=team (people log in) or "
            f"{MODE_VARIABLE}=demo (throw-away workspaces).",
        )
    header = st.context.headers.get("Host")
    if header and not is_loopback(host_of(header)):
        raise WorkspaceError(
            "This app is in local mode, which has no login, and can only be opened on the computer where it runs",
            value=header[:100],
            options=["127.0.0.1", "localhost"],
            hint=f"Behind a proxy set {MODE_VARIABLE}=team or {MODE_VARIABLE}=demo.",
        )


def check_login() -> None:
    """Refuses team mode without a login.

    Raises:
        WorkspaceError: What is missing.
    """
    missing = _missing_for_login()
    if missing:
        raise WorkspaceError(
            f"This app is in team mode, where people log in, but its login is not set up: {missing}",
            hint="Whoever runs it adds that to .streamlit/secrets.toml and starts it again; docs/deploy.md shows how.",
        )


def _missing_for_login() -> str:
    login = login_settings()
    if not login:
        return "there is no section [auth] in the secrets"
    if find_spec("authlib") is None:
        return "the package Authlib is missing (pip install 'streamlit[auth]')"
    if len(str(login.get("cookie_secret", ""))) < _SHORTEST_SECRET:
        return f"[auth] has no cookie_secret of at least {_SHORTEST_SECRET} random characters"
    if not str(login.get("redirect_uri", "")).endswith("/oauth2callback"):
        return "[auth] has no redirect_uri that ends with /oauth2callback"
    if not login_services():
        return "[auth] names no login service (client_id, client_secret, server_metadata_url)"
    return ""


def login_settings() -> dict[str, Any]:
    """The section [auth] of the secrets; empty where there is none."""
    try:
        return dict(st.secrets.get("auth", {}))
    except StreamlitSecretNotFoundError:
        return {}


def login_services() -> list[str]:
    """The login services that are set up, as `st.login` wants them: "" is the one without a name."""
    login = login_settings()
    if login.get("client_id"):
        return [""]
    return [name for name, part in login.items() if hasattr(part, "get") and part.get("client_id")]


def _workspace_of(app: Workspace, person: Person) -> Workspace:
    if st.session_state.get(_WHOSE, person.key) != person.key:
        st.session_state.clear()  # somebody else has signed in here
    st.session_state[_WHOSE] = person.key
    return _open_person(repr(app), person.issuer, person.subject, person.name, person.email, app)


@st.cache_resource(max_entries=256, show_spinner=False)
def _open_person(
    key: str,  # noqa: ARG001 - the app is part of the key
    issuer: str,
    subject: str,
    name: str,
    email: str,
    _app: Workspace,
) -> Workspace:
    return person_workspace(_app, Person(issuer, subject, name, email))


def _workspace_of_session(app: Workspace) -> Workspace:
    key: str | None = st.session_state.get(_SESSION)
    if key is None or not session_exists(app, key):
        key = _begin_session(app, lost=key is not None)
    opened = _open_session(repr(app), key, app)
    now = time.monotonic()
    if now - st.session_state.get(_TOUCHED, 0.0) > _TOUCH_SECONDS:
        st.session_state[_TOUCHED] = now
        (opened.root / SEEN).touch()
    return opened


def _begin_session(app: Workspace, *, lost: bool) -> str:
    look_after_demo(app)
    check_room_for_session(app)
    if lost:
        st.session_state.clear()
        st.session_state[LOST] = True
    key = new_session_key()
    bring_ready_run(session_workspace(app, key))
    st.session_state[_SESSION] = key
    return key


def forget_session() -> None:
    """The session begins anew with its next look; its workspace is whoever's removes it."""
    st.session_state.clear()


@st.cache_resource(max_entries=256, show_spinner=False)
def _open_session(of: str, key: str, _app: Workspace) -> Workspace:  # noqa: ARG001 - the app is part of the key
    return session_workspace(_app, key)


def look_after_demo(app: Workspace) -> None:
    """Sees to it, once a process, that abandoned workspaces are removed and that no upload is larger than allowed.

    Raises:
        WorkspaceError: TLCORE_DEMO_MINUTES has an impossible value.
    """
    _begin_looking(repr(app), demo_minutes(os.environ), app)


@st.cache_resource(max_entries=1, show_spinner=False)
def _begin_looking(of: str, minutes: float, _app: Workspace) -> threading.Thread:  # noqa: ARG001 - part of the key
    megabytes = _app.limits.archive_bytes // MEBIBYTE
    if config.get_option("server.maxUploadSize") > megabytes:
        # Uploads lie in memory first, and the server takes what this option says, whatever the fields on a page say.
        config.set_option("server.maxUploadSize", megabytes)
    thread = threading.Thread(target=keep_swept, args=(_app, minutes), name="sweeping", daemon=True)
    thread.start()
    return thread


def signed_in() -> Person | None:
    """Who is signed in; None in the other modes, and where nobody is."""
    if app_workspace().mode != "team":
        return None
    try:
        return who()
    except StudioError:
        return None
