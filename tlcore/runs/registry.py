"""The list of all runs and jobs, changed only along the allowed moves between states."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from tlcore.errors import RunError
from tlcore.runs.database import add_missing, connect, insert
from tlcore.runs.folder import RunMeta
from tlcore.runs.identity import Clock, utc_now
from tlcore.runs.record import JobRecord
from tlcore.runs.states import ENDED, MOVES, State
from tlcore.workspace import Workspace

_RECENT: Final = 10


class Registry:
    """Reads and changes the list of runs and jobs of one workspace.

    Each call opens its own connection, so one registry serves every thread, and a file that vanished meanwhile is
    built anew instead of being written to in vain.

    Args:
        workspace: Where the registry and the folders lie.
        clock: Gives the times written into rows.

    Raises:
        WorkspaceError: By every method: the file can't be opened, stays locked, or was written by a newer version.
    """

    def __init__(self, workspace: Workspace, clock: Clock = utc_now) -> None:
        self._workspace = workspace
        self._clock = clock

    def add(self, record: JobRecord, token: str | None = None) -> str:
        """Adds a row and returns its id; with a `token` used before, adds nothing and returns the first row's id."""
        with self._transaction() as connection:
            if insert(connection, record, token) and record.state is State.QUEUED:
                # After the clock was set back, whoever comes later would be served first.
                connection.execute(
                    "UPDATE jobs SET queued = (SELECT max(queued) FROM jobs WHERE state = :queued) WHERE id = :id",
                    {"queued": State.QUEUED.value, "id": record.id},
                )
            row = connection.execute(
                "SELECT id FROM jobs WHERE id = ? OR (token IS NOT NULL AND token = ?) ORDER BY id <> ?",
                (record.id, token, record.id),
            ).fetchone()
        return str(row["id"])

    def id_of_token(self, token: str) -> str | None:
        """The id of the job that was submitted with `token`, None when there is none."""
        with connect(self._workspace) as connection:
            row = connection.execute("SELECT id FROM jobs WHERE token = ?", (token,)).fetchone()
        return None if row is None else str(row["id"])

    def get(self, run_id: str) -> JobRecord:
        """The row of `run_id`.

        Raises:
            RunError: There is no such row; the message lists recent ids.
        """
        with connect(self._workspace) as connection:
            return _get(connection, run_id)

    def list(self, kind: str | None = None, archived: bool | None = None) -> tuple[JobRecord, ...]:
        """All rows, or those of one kind, newest first; with `archived` those in the bin, or those that are not."""
        with connect(self._workspace) as connection:
            rows = connection.execute(
                "SELECT * FROM jobs WHERE (:kind IS NULL OR kind = :kind)"
                " AND (:archived IS NULL OR archived = :archived) ORDER BY created DESC, rowid DESC",
                {"kind": kind, "archived": archived},
            ).fetchall()
        return tuple(JobRecord.from_row(row) for row in rows)

    def unfinished(self) -> tuple[JobRecord, ...]:
        """Rows that are queued, running or stopping, in the order of the queue."""
        return self._in_states(State(state) for state in State if state not in ENDED)

    def unannounced(self) -> tuple[JobRecord, ...]:
        """Rows that ended and whose end has not been told yet, oldest first."""
        return self._in_states(ENDED, announced=False)

    def mark_announced(self, run_id: str) -> None:
        """Notes that the end of `run_id` has been told."""
        with self._transaction() as connection:
            connection.execute("UPDATE jobs SET announced = 1 WHERE id = ?", (run_id,))

    def move(self, run_id: str, to: State, *, pid: int | None = None, error: str | None = None) -> JobRecord:
        """Moves a row to another state and returns it as it is then.

        Joining the queue clears what the last attempt left; starting notes `pid`; ending notes `error`. A row that goes
        back to the queue while it runs keeps its place there: it has waited already.

        Raises:
            RunError: There is no such row, or its state does not allow this move.
        """
        with self._transaction() as connection:
            before = _get(connection, run_id)
            if to not in MOVES[before.state]:
                raise RunError(
                    f"A run that is {before.state} can't become {to}",
                    value=run_id,
                    options=sorted(MOVES[before.state]),
                    hint="" if MOVES[before.state] else "It has ended for good; start a new one.",
                )
            self._set_state(connection, run_id, to, pid, error, keep_place=before.state.active)
            return _get(connection, run_id)

    def ask_to_stop(self, run_id: str) -> JobRecord:
        """Moves a queued row to stopped and a running one to stopping, in one step; returns it as it is then.

        Raises:
            RunError: There is no such row, or it has ended.
        """
        with self._transaction() as connection:
            state = _get(connection, run_id).state
            if state.ended:
                raise RunError(f"There is nothing to stop: the run is {state}", value=run_id)
            if state is not State.STOPPING:
                to = State.STOPPED if state is State.QUEUED else State.STOPPING
                self._set_state(connection, run_id, to, None, None)
            return _get(connection, run_id)

    def relabel(self, run_id: str, change: Callable[[JobRecord], RunMeta]) -> JobRecord:
        """Takes over what people call a run and say of it; returns its row as it is then.

        Args:
            run_id: The run.
            change: Writes the folder's own description, which holds the truth, and returns it. Nobody else changes the
                registry meanwhile; when it raises, nothing is changed here.

        Raises:
            RunError: There is no such row.
        """
        with self._transaction() as connection:
            meta = change(_get(connection, run_id))
            connection.execute(
                "UPDATE jobs SET title = ?, named = ?, note = ?, tags = ?, archived = ? WHERE id = ?",
                (meta.name, meta.named, meta.notes, json.dumps(meta.tags, ensure_ascii=False), meta.archived, run_id),
            )
            return _get(connection, run_id)

    def delete(self, run_id: str) -> None:
        """Removes the row of `run_id`; none is fine."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM jobs WHERE id = ?", (run_id,))

    def rebuild(self) -> int:
        """Adds a row for each folder that has none, and returns how many were added. Rows are never changed."""
        with self._transaction() as connection:
            return add_missing(connection, self._workspace)

    def _in_states(self, states: Iterable[State], announced: bool | None = None) -> tuple[JobRecord, ...]:
        wanted = tuple(states)
        marks = ", ".join("?" * len(wanted))
        with connect(self._workspace) as connection:
            rows = connection.execute(
                f"SELECT * FROM jobs WHERE state IN ({marks}) AND announced = ifnull(?, announced)"  # noqa: S608 - only marks
                " ORDER BY queued, rowid",
                (*wanted, announced),
            ).fetchall()
        return tuple(JobRecord.from_row(row) for row in rows)

    def _set_state(
        self,
        connection: sqlite3.Connection,
        run_id: str,
        to: State,
        pid: int | None,
        error: str | None,
        keep_place: bool = False,
    ) -> None:
        now = self._clock().isoformat()
        if to is State.QUEUED:
            changes = "started = NULL, ended = NULL, pid = NULL, error = NULL, announced = 0"
            if not keep_place:
                changes += ", queued = :now"
                now = self._end_of_queue(connection).isoformat()
        elif to is State.RUNNING:
            changes = "started = :now, pid = :pid"
        elif to.ended:
            changes = "ended = :now, error = :error"
        else:
            changes = "error = NULL"
        connection.execute(
            f"UPDATE jobs SET state = :state, {changes} WHERE id = :id",  # noqa: S608 - made of the texts above
            {"state": to.value, "now": now, "pid": pid, "error": error, "id": run_id},
        )

    def _end_of_queue(self, connection: sqlite3.Connection) -> datetime:
        """The time at which a row joins the queue again: now, or after the last one there if the clock was set back."""
        now = self._clock()
        latest = "SELECT max(queued) AS time FROM jobs WHERE state = ?"
        last = connection.execute(latest, (State.QUEUED.value,)).fetchone()["time"]
        return max(now, datetime.fromisoformat(last) + timedelta(microseconds=1)) if last else now

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection inside `BEGIN IMMEDIATE`: what is read in it can't change before it is written."""
        with connect(self._workspace) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")


def _get(connection: sqlite3.Connection, run_id: str) -> JobRecord:
    row = connection.execute("SELECT * FROM jobs WHERE id = ?", (run_id,)).fetchone()
    if row is None:
        recent = connection.execute("SELECT id FROM jobs ORDER BY created DESC LIMIT ?", (_RECENT,)).fetchall()
        raise RunError(
            "There is no run of this name",
            value=run_id,
            options=[row["id"] for row in recent],
            hint="The Compare page and `runs list` show all of them.",
        )
    return JobRecord.from_row(row)
