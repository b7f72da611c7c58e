"""Errors on a page: their text in place, what only a maintainer can use in the log under an id."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final
from uuid import uuid4

import streamlit as st

from pages.widgets.text import plain_text
from tlcore.errors import StudioError
from tlcore.workspace import MEBIBYTE, Workspace

APP_LOG: Final = "app.log"

_LOGGED: Final = ("tlcore", "pages")
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_ENTRY: Final = re.compile(r"^(?P<time>\S+) ERROR \S+: error (?P<id>[0-9a-f]{8}): (?P<text>.*)$")
_TAIL_BYTES: Final = 256 * 1024

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoggedError:
    """One unexpected error, as the log remembers it.

    Attributes:
        time: When it happened, UTC, ISO 8601.
        id: What the person saw.
        text: Kind of the error and its message.
    """

    time: str
    id: str
    text: str


@st.cache_resource(max_entries=4, show_spinner=False)
def start_log(folder: Path) -> Path:
    """Sends what the package and the pages log to `app.log` in `folder`, once a process; returns the file."""
    path = folder / APP_LOG
    handler = RotatingFileHandler(path, maxBytes=2 * MEBIBYTE, backupCount=1, encoding="utf-8", delay=True)
    formatter = logging.Formatter(_FORMAT, _TIME)
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    for name in _LOGGED:
        logging.getLogger(name).addHandler(handler)
    return path


def show_error(error: StudioError) -> None:
    """An error that somebody can do something about: what happened, the value, the options, the next step."""
    st.error(plain_text(str(error)), icon=":material/error:")


def show_unexpected(error: Exception) -> None:
    """An error that nobody foresaw: its id for the person, everything else for the log."""
    error_id = uuid4().hex[:8]
    text = " ".join(f"{type(error).__name__}: {error}".split())
    _log.error("error %s: %s", error_id, text, exc_info=error)
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


def recent_errors(workspace: Workspace, most: int = 20) -> list[LoggedError]:
    """The newest unexpected errors in the log, newest first."""
    try:
        with (workspace.logs / APP_LOG).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return []
    found = [LoggedError(**match.groupdict()) for line in lines if (match := _ENTRY.match(line))]
    return found[::-1][:most]
