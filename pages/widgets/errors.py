"""Errors on a page: their text in place, what only a maintainer can use in the log under an id."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from pages.widgets.text import plain_text
from tlcore.errors import StudioError
from tlcore.logs.redaction import leaves
from tlcore.logs.writing import OURS, start_lines, stop_lines
from tlcore.runs.identity import new_error_id

_SHORTEST_SECRET = 8

_log = logging.getLogger(__name__)


@st.cache_resource(max_entries=4, show_spinner=False)
def start_log(host: Path) -> Path:
    """Sends what the package and the pages log to the app's structured log, once a process.

    Args:
        host: The folder that the app's workspaces share.
    """
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    start_lines(host, "app", loggers=OURS, secrets=app_secrets())
    return host


def stop_log() -> None:
    """Takes back `start_log`."""
    start_log.clear()
    stop_lines(OURS)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.NOTSET)


def app_secrets() -> tuple[str, ...]:
    """Every text in Streamlit's secrets that is long enough to be one."""
    try:
        return tuple(text for text in leaves(st.secrets.to_dict()) if len(text) >= _SHORTEST_SECRET)
    except StreamlitSecretNotFoundError:
        return ()  # none were given


def show_error(error: StudioError) -> None:
    """An error that somebody can do something about: what happened, the value, the options, the next step."""
    st.error(plain_text(str(error)), icon=":material/error:")


def show_unexpected(error: Exception) -> None:
    """An error that nobody foresaw: its id for the person, everything else for the log."""
    error_id = new_error_id()
    _log.error("error %s", error_id, exc_info=error)
    st.error(
        f"Something went wrong that should not have. Nothing that was stored is lost. Reload the page; if it happens "
        f"again, tell the maintainer this id: **{error_id}**. The System page lists it, and the log has the details.",
        icon=":material/bug_report:",
    )


@contextmanager
def guarded() -> Iterator[None]:
    """Shows whatever goes wrong inside in place; what follows on the page is still drawn."""
    try:
        yield
    except StudioError as error:
        show_error(error)
    except Exception as error:  # noqa: BLE001 - the last line before a traceback on the page
        show_unexpected(error)
