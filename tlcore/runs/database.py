"""The registry's file: SQLite in WAL mode on local disk.

The folders hold the truth. A file that is missing is built from them; one that is damaged is kept under another name
and built anew.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

from tlcore.errors import WorkspaceError
from tlcore.runs.folder import RunFolder
from tlcore.runs.identity import utc_now
from tlcore.runs.locks import take_lock
from tlcore.runs.rebuild import run_in
from tlcore.runs.record import JobRecord
from tlcore.runs.repairs import note_repair
from tlcore.workspace import Workspace

logger = logging.getLogger(__name__)

_VERSION: Final = 2
_BUSY_SECONDS: Final = 10.0
_REPAIR_SECONDS: Final = 60.0

_SCHEMA = """
CREATE TABLE jobs (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, title TEXT NOT NULL, dataset TEXT NOT NULL, state TEXT NOT NULL,
  created TEXT NOT NULL, owner TEXT NOT NULL, queued TEXT NOT NULL, started TEXT, ended TEXT, pid INTEGER, error TEXT,
  announced INTEGER NOT NULL, token TEXT UNIQUE, named INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL DEFAULT '',
  tags TEXT NOT NULL DEFAULT '[]', archived INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX jobs_by_state ON jobs (state, queued);
"""

# What makes the table of each older version the next one's, from version 1 on.
_UPGRADES: Final = (
    (
        "ALTER TABLE jobs ADD COLUMN named INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE jobs ADD COLUMN note TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE jobs ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'",
        "ALTER TABLE jobs ADD COLUMN archived INTEGER NOT NULL DEFAULT 0",
    ),
)

_INSERT = """
INSERT OR IGNORE INTO jobs (id, kind, title, dataset, state, created, owner, queued, started, ended, pid, error,
  announced, token, named, note, tags, archived)
VALUES (:id, :kind, :title, :dataset, :state, :created, :owner, :queued, :started, :ended, :pid, :error, :announced,
  :token, :named, :note, :tags, :archived)
"""


class RegistryBusyError(WorkspaceError):
    """Another program keeps the registry's file locked. Waiting helps."""


class _NoSchemaError(sqlite3.DatabaseError):
    """The file is an SQLite file, but an empty one."""


@contextmanager
def connect(workspace: Workspace) -> Iterator[sqlite3.Connection]:
    """A connection in autocommit mode whose rows are dicts, closed at the end.

    Raises:
        WorkspaceError: The file can't be opened, stays locked, or was written by a newer version. A file found damaged
            in the middle is set aside, so that the next connection has a sound one.
        RegistryBusyError: It stays locked.
    """
    path = workspace.registry
    try:
        with closing(_open_or_repair(workspace)) as connection:
            yield connection
    except sqlite3.Error as error:
        if _means_damage(error):
            _repair(workspace)
        if _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise RegistryBusyError(
                "Another program keeps the list of runs locked",
                value=path,
                hint="Close whatever has this file open (a database viewer, a backup, a synchronised folder) and try "
                "again. Trainings at work go on meanwhile.",
            ) from error
        raise WorkspaceError(
            f"The list of runs can't be read or written: {error}",
            value=path,
            hint="Try again; if it stays, look whether the disk is full or the folder read-only.",
        ) from error


def insert(connection: sqlite3.Connection, record: JobRecord, token: str | None) -> bool:
    """Adds a row, unless its id or its token is there already; returns whether it was added."""
    return connection.execute(_INSERT, record.to_row() | {"token": token}).rowcount == 1


def add_missing(connection: sqlite3.Connection, workspace: Workspace) -> int:
    """Adds a row for each run folder that has none and returns how many; damaged folders are logged and left out."""
    known = {row["id"] for row in connection.execute("SELECT id FROM jobs")}
    added = 0
    for folder in sorted(RunFolder.all_in(workspace), key=lambda folder: folder.id):
        if folder.id in known or not folder.meta.exists():
            continue
        try:
            found = run_in(folder)
        except WorkspaceError as error:
            logger.warning("left out of the registry: %s", error)
            continue
        added += insert(connection, found.record, found.token)
    return added


def _open_or_repair(workspace: Workspace) -> sqlite3.Connection:
    if workspace.registry.exists():
        try:
            return _open(workspace.registry)
        except sqlite3.DatabaseError as error:
            if not _means_damage(error):
                raise  # locked, read-only, disk full: waiting or room helps, a new file does not
    _repair(workspace)
    return _open(workspace.registry)


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _check_version(connection, path)
    except BaseException:
        connection.close()
        raise
    connection.row_factory = _as_dict
    return connection


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        raise _NoSchemaError("the file holds no list")
    if version > _VERSION:
        raise WorkspaceError(
            "The list of runs was written by a newer version",
            value=f"{path}, version {version}",
            options=[_VERSION],
            hint="Open this workspace with the newer version, or set TLCORE_HOME to another folder.",
        )
    if version < _VERSION:
        _upgrade(connection)


def _upgrade(connection: sqlite3.Connection) -> None:
    """Makes an older version's table this one's, whole or not at all; of several processes the first one does it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        for statements in _UPGRADES[version - 1 :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _repair(workspace: Workspace) -> None:
    """Puts a registry made from the folders in place of one that is missing or damaged; the damaged file is kept.

    The new file is filled before it gets its name, so nobody ever reads half a list.

    Raises:
        WorkspaceError: There is no workspace (any more): a list without one would be all that there is of it.
    """
    path = workspace.registry
    _check_is_there(workspace)  # before the lock, whose file would bring the folder back
    lock = take_lock(path.with_suffix(".lock"), _REPAIR_SECONDS)
    if lock is None:
        raise WorkspaceError("The list of runs is being rebuilt, and this takes too long", value=path)
    try:
        _check_is_there(workspace)
        told = "The list of runs was missing, and was made anew from the run folders"
        if path.exists() and _is_sound(path):
            return  # another process was faster
        if path.exists():
            aside = _set_aside(path)
            told = f"The list of runs was damaged: it is kept as {aside.name}, and was made anew from the run folders"
        for leftover in (Path(f"{path}-wal"), Path(f"{path}-shm")):
            leftover.unlink(missing_ok=True)
        fresh = path.with_name(f".registry-{uuid4().hex}.sqlite")
        with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
            connection.row_factory = _as_dict
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
            found = add_missing(connection, workspace)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        fresh.replace(path)
        if found or "damaged" in told:  # a new workspace has neither a list nor runs
            note_repair(workspace, f"{told}: {found} found.")
    finally:
        lock.release()


def _check_is_there(workspace: Workspace) -> None:
    if not workspace.runs.is_dir():
        raise WorkspaceError(
            "This workspace is not there any more",
            value=workspace.root,
            hint="In a demo, load the page again: a new one begins. Elsewhere its folder was moved or deleted: bring "
            "it back, or start the app again, which begins an empty one.",
        )


def _is_sound(path: Path) -> bool:
    try:
        with closing(_open(path)) as connection:
            return connection.execute("PRAGMA quick_check").fetchall() == [{"quick_check": "ok"}]
    except sqlite3.DatabaseError as error:
        if not _means_damage(error):
            raise  # locked: nobody knows
        return False


def _set_aside(path: Path) -> Path:
    """Gives a damaged file a name that says what it is, and since when; returns it."""
    name = f"registry-damaged-{utc_now():%Y%m%d-%H%M%S}"
    names = (f"{name}{suffix}.sqlite" for suffix in ("", *(f"-{number}" for number in range(2, 1000))))
    aside = next(place for place in map(path.with_name, names) if not place.exists())
    path.replace(aside)
    return aside


def _means_damage(error: sqlite3.Error) -> bool:
    if isinstance(error, _NoSchemaError):
        return True
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _as_dict(cursor: sqlite3.Cursor, row: tuple[object, ...]) -> dict[str, object]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}
