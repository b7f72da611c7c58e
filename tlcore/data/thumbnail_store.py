"""Small copies of pictures, kept on disk between restarts: decoding a photo takes longer than looking at it."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Final, Self

from tlcore.workspace import MEBIBYTE, Workspace

MOST_BYTES: Final = 256 * MEBIBYTE
"""Room for some 60,000 small copies of photos."""

_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS copies (name TEXT PRIMARY KEY, data BLOB NOT NULL)"
_WRITES_BETWEEN_LOOKS: Final = 200
_SHARE_KEPT: Final = 0.75
_MOST_PARAMETERS: Final = 500
_BUSY_SECONDS: Final = 2.0

_log = logging.getLogger(__name__)


class ThumbnailStore:
    """A bounded cache in one SQLite file; the oldest copies go first. Threads and processes may share the file.

    Losing it costs time only, so what goes wrong with it is logged and never raised: the copy is then made again.
    """

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES) -> None:
        """Opens the file, which is made where it is missing and begun anew where it is damaged.

        Args:
            path: The file; its folder is made.
            most_bytes: How large it may grow.
        """
        self._path = path
        self._most_bytes = most_bytes
        self._lock = Lock()
        self._writes = 0
        self._connection = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; what is asked for afterwards is not there."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def get(self, digests: Sequence[str], side: int) -> dict[str, bytes]:
        """Those copies that are here, by digest.

        Args:
            digests: SHA-256 of the pictures' bytes.
            side: Longer side of the copies, in pixels.
        """
        names = {_name(digest, side): digest for digest in digests}
        found: dict[str, bytes] = {}
        wanted = list(names)
        with self._lock:
            if self._connection is None:
                return found
            try:
                for start in range(0, len(wanted), _MOST_PARAMETERS):
                    some = wanted[start : start + _MOST_PARAMETERS]
                    marks = ", ".join("?" * len(some))
                    query = f"SELECT name, data FROM copies WHERE name IN ({marks})"  # noqa: S608 - marks only
                    for name, data in self._connection.execute(query, some):
                        found[names[name]] = data
            except sqlite3.Error as error:
                _log.warning("small copies can't be read: %s", error)
        return found

    def put(self, copies: Mapping[str, bytes], side: int) -> None:
        """Keeps copies.

        Args:
            copies: Encoded pictures by the digest of what they are copies of.
            side: Their longer side, in pixels.
        """
        rows = [(_name(digest, side), data) for digest, data in copies.items()]
        with self._lock:
            if self._connection is None or not rows:
                return
            try:
                with self._connection:
                    self._connection.executemany("INSERT OR REPLACE INTO copies VALUES (?, ?)", rows)
                self._writes += len(rows)
                if self._writes >= _WRITES_BETWEEN_LOOKS:
                    self._writes = 0
                    self._make_room()
            except sqlite3.Error as error:
                _log.warning("small copies can't be kept: %s", error)

    def forget(self, digests: Collection[str]) -> None:
        """Removes the copies of pictures, in all sizes, and what the file still has of their bytes.

        Args:
            digests: SHA-256 of the pictures' bytes.
        """
        gone = frozenset(digests)
        with self._lock:
            if self._connection is None or not gone:
                return
            try:
                names = [row for row in self._connection.execute("SELECT name FROM copies") if _digest(row[0]) in gone]
                with self._connection:
                    self._connection.executemany("DELETE FROM copies WHERE name = ?", names)
                # What was written last lies in a file beside it.
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except sqlite3.Error as error:
                _log.warning("small copies can't be removed: %s", error)

    def _make_room(self) -> None:
        """Removes the oldest copies where the file has grown too large; SQLite uses their place again."""
        connection = self._connection
        if connection is None:
            return
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        used = (pages - free) * size
        if used <= self._most_bytes:
            return
        count = connection.execute("SELECT COUNT(*) FROM copies").fetchone()[0]
        surplus = count - int(count * _SHARE_KEPT * self._most_bytes / used)
        with connection:
            connection.execute(
                "DELETE FROM copies WHERE rowid IN (SELECT rowid FROM copies ORDER BY rowid LIMIT ?)", (surplus,)
            )

    def _open(self) -> sqlite3.Connection | None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return self._connect()
        except sqlite3.DatabaseError as error:
            _log.warning("the file of small copies is begun anew: %s", error)
        except OSError as error:
            _log.warning("small copies can't be kept: %s", error)
            return None
        try:
            self._path.unlink(missing_ok=True)
            return self._connect()
        except (OSError, sqlite3.Error) as error:
            _log.warning("small copies can't be kept: %s", error)
            return None

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            # A cache may lose its last entries in a power cut, and needs not wait for the disk.
            connection.execute("PRAGMA synchronous=OFF")
            # Whoever deletes a picture wants its copy gone, not only out of the table.
            connection.execute("PRAGMA secure_delete=ON")
            with closing(connection.execute(_SCHEMA)):
                return connection
        except sqlite3.Error:
            connection.close()
            raise


def forget_copies(workspace: Workspace, digests: Collection[str]) -> None:
    """Removes the small copies of pictures that were deleted.

    Args:
        workspace: Where they were.
        digests: SHA-256 of the pictures' bytes.
    """
    path = store_path(workspace)
    if digests and path.is_file():
        with ThumbnailStore(path) as store:
            store.forget(digests)


def store_path(workspace: Workspace) -> Path:
    """The file with a workspace's small copies."""
    return workspace.thumbnails


def _name(digest: str, side: int) -> str:
    return f"{side}/{digest}"


def _digest(name: str) -> str:
    return name.partition("/")[2]
