"""The queue goes on though nobody has a page open: a thread of the app looks after it for as long as the app runs.

Streamlit runs no code between visits. Without this, jobs that wait when the supervisor is ended wait for a visitor.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Thread
from typing import Final

import streamlit as st

from pages.widgets.admission import app_workspace
from tlcore.errors import StudioError
from tlcore.jobs.service import keep_moving
from tlcore.jobs.start_up import put_right
from tlcore.members import all_workspaces
from tlcore.workspace import Workspace

EVERY_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


def look_after_queue() -> None:
    """Starts looking after all workspaces of this app, once a process; call it whenever a page was drawn.

    Raises:
        WorkspaceError: The app's folder can't be made or written.
    """
    app = app_workspace()
    _start(repr(app), app)


@st.cache_resource(max_entries=4, show_spinner=False)
def _start(of: str, _app: Workspace) -> Thread:  # noqa: ARG001 - the app is part of the key
    thread = Thread(target=keep_watch, args=(_app,), name="watchdog", daemon=True)
    thread.start()
    return thread


def keep_watch(app: Workspace, sleep: Callable[[float], None] = time.sleep) -> None:
    """Looks every few seconds, for ever; what an earlier app left half-done is put right at the first look.

    Args:
        app: The app's own workspace, which also says how others of it are found.
        sleep: Waits so many seconds.
    """
    seen: set[str] = set()
    failing: dict[str, str] = {}
    while True:
        for workspace in _workspaces(app):
            name = str(workspace.root)
            try:
                if name not in seen:
                    put_right(workspace)
                    seen.add(name)
                keep_moving(workspace)
            except Exception as error:  # noqa: BLE001 - a thread that must outlive whatever happens; each is told once
                if failing.get(name) != str(error):
                    failing[name] = str(error)
                    _log.log(
                        logging.WARNING if isinstance(error, StudioError) else logging.ERROR,
                        "the queue of %s can't be looked after now",
                        workspace.root,
                        exc_info=True,
                    )
            else:
                failing.pop(name, None)
        sleep(EVERY_SECONDS)


def _workspaces(app: Workspace) -> list[Workspace]:
    """Those that are there: one that was removed since must not be made anew."""
    try:
        return [workspace for workspace in all_workspaces(app) if workspace.runs.is_dir()]
    except OSError:  # somebody removes one of them at this moment
        _log.info("the workspaces can't be listed now", exc_info=True)
        return []
