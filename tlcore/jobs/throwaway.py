"""Removing the workspaces of a demo that nobody uses any more. Its sessions know their own; a lost one is lost."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from tlcore.errors import InputError, StudioError
from tlcore.jobs.service import request_stop
from tlcore.jobs.supervisor import LOCK_NAME
from tlcore.members import DEMO, SEEN, all_workspaces, count_sessions, session_folders
from tlcore.runs.locks import is_held
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

GONE: Final = ".gone-"
"""Start of the names of folders that only wait to be removed."""

_SURELY_LOST_MINUTES: Final = 5.0
"""A page that is open tells so every few seconds, and a session whose connection broke is forgotten after two minutes:
whatever was not seen for longer can't be reached by anybody."""

_EVERY_SECONDS: Final = 60.0

_SURELY_MADE_SECONDS: Final = 60.0
"""A workspace has its folders within an instant: a folder that has none for longer is not on its way to be one."""

_log = logging.getLogger(__name__)


def sweep(app: Workspace, minutes: float, now: Callable[[], float] = time.time) -> int:
    """Removes the workspaces that were not seen for so long, but for those with a job at work.

    Jobs that only wait are stopped first: they would keep others waiting for nobody. Folders that hold no workspace,
    since whoever had looked at one that was removed wrote into it once more, go too.

    Args:
        app: Any workspace of the demo.
        minutes: Without use.
        now: Seconds since the epoch.

    Returns:
        How many were removed.
    """
    removed = 0
    for workspace in all_workspaces(app):
        if _idle_seconds(workspace, now()) > 60 * minutes and _is_still(workspace):
            removed += _remove(workspace.root)
    _remove_ghosts(app, now())
    for path in (app.host / DEMO).glob(f"{GONE}*"):
        shutil.rmtree(path, ignore_errors=True)
    return removed


def keep_swept(app: Workspace, minutes: float, wait: Callable[[float], object] = time.sleep) -> None:
    """Sweeps once a minute, for ever: for a thread of the app's process."""
    while True:
        try:
            removed = sweep(app, minutes)
        except Exception:  # noqa: BLE001 - one failure must not end the sweeping
            _log.exception("sweeping the demo failed")
        else:
            if removed:
                _log.info("removed %d workspaces of the demo", removed)
        wait(_EVERY_SECONDS)


def check_room_for_session(app: Workspace) -> None:
    """Makes room for one more session where there are as many as may be.

    Raises:
        InputError: All of them are in use.
    """
    most = app.limits.workspaces
    if count_sessions(app) < most or sweep(app, _SURELY_LOST_MINUTES):
        return
    raise InputError(
        "So many people are trying this demo that it is full",
        value=f"{most:,} visitors",
        hint="Come back in some minutes, or run the app on your own computer.",
    )


def _idle_seconds(workspace: Workspace, now: float) -> float:
    # A process that was late brings back the folders of a workspace that was removed, but never says that it was seen.
    for sign in (workspace.root / SEEN, workspace.root):
        try:
            return now - sign.stat().st_mtime
        except FileNotFoundError:
            continue
    return 0.0  # somebody else removes it


def _is_still(workspace: Workspace) -> bool:
    """Whether nothing is at work in it; what waits is stopped."""
    still = True
    try:
        for record in Registry(workspace).unfinished():
            if record.state is State.QUEUED:
                request_stop(workspace, record.id)
            else:
                still = False
    except StudioError as error:
        _log.warning("a workspace of the demo can't be looked at: %s", error)
    # A supervisor that has nothing to do leaves by itself.
    return still and not is_held(workspace.root / LOCK_NAME)


def _remove_ghosts(app: Workspace, now: float) -> None:
    for path in session_folders(app):
        try:
            is_ghost = not (path / "runs").is_dir() and now - path.stat().st_mtime > _SURELY_MADE_SECONDS
        except FileNotFoundError:
            continue  # somebody else removes it
        if is_ghost:
            _remove(path)


def _remove(root: Path) -> bool:
    """Renames it first: half a removed workspace must not be found."""
    grave = root.with_name(f"{GONE}{root.name}")
    try:
        root.rename(grave)
    except OSError as error:
        _log.warning("a workspace of the demo can't be removed: %s", error)
        return False
    shutil.rmtree(grave, ignore_errors=True)
    return True


def remove_now(workspace: Workspace) -> None:
    """Removes a session's workspace at its visitor's wish: what waits or is at work is stopped, and goes with a sweep.

    Raises:
        InputError: It is not a session's.
    """
    if not workspace.policy.throws_away or workspace.root.parent != workspace.host / DEMO:
        raise InputError("Only a demo's workspace can be thrown away", value=workspace.mode)
    if not workspace.runs.is_dir():
        return  # a sweep was faster
    for record in Registry(workspace).unfinished():
        if record.state is not State.STOPPING:
            request_stop(workspace, record.id)
    if not (_is_still(workspace) and _remove(workspace.root)):
        with suppress(FileNotFoundError):  # a sweep was faster
            os.utime(workspace.root / SEEN, (0, 0))  # the next one takes it
