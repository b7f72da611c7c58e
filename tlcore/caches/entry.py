"""The folder of one cache entry: what it is, who has it open, when it was used last.

    cache/rows/<key>.lock      held by the one process that adds rows; beside the folder, so that it outlives it
    cache/rows/<key>/
        entry.json             the recipe in words, written first
        rows.bin, index.bin    see `tlcore.caches.rowfiles`
        used                   touched whenever somebody opens or closes the entry
        promised               bytes that whoever fills the entry has room kept for
        users/                 a lock for each process that has it open; held for as long as that process lives

Opening and removing entries takes turns (`doors`), so that none is removed between being found and being opened.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, PositiveInt

from tlcore.caches.recipe import Kind, Recipe
from tlcore.caches.rowfiles import INDEX, ROWS
from tlcore.errors import WorkspaceError
from tlcore.files import is_disk_full, read_json, write_json, write_text
from tlcore.locks import seems_held, take_lock
from tlcore.workspace import Workspace

NOTE: Final = "entry.json"
_USED: Final = "used"
_PROMISED: Final = "promised"
_USERS: Final = "users"
_DOORS: Final = "doors.lock"
_GONE: Final = ".gone-"
_DOOR_SECONDS: Final = 60.0
_USER_SECONDS: Final = 1.0  # who looks whether a lock is held takes it for an instant

_log = logging.getLogger(__name__)


class Note(BaseModel):
    """What `entry.json` says."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    dataset: str
    title: str
    parts: tuple[tuple[str, str], ...]
    row: tuple[int, ...]
    dtype: str
    row_bytes: PositiveInt

    @classmethod
    def of(cls, recipe: Recipe) -> Note:
        """The note of a recipe."""
        return cls(**{name: getattr(recipe, name) for name in cls.model_fields})


@dataclass(frozen=True)
class Entry:
    """One entry on the disk, as it was a moment ago.

    Attributes:
        folder: Where it lies.
        kind: What its rows are.
        title: What it is, in words.
        dataset: Whose pictures they belong to.
        row_bytes: Size of one row.
        bytes: What it takes on the disk, or will take once whoever fills it has ended.
        last_used: When somebody opened or closed it last.
    """

    folder: Path
    kind: Kind
    title: str
    dataset: str
    row_bytes: int
    bytes: int
    last_used: datetime


def rows_folder(workspace: Workspace) -> Path:
    """The folder of all entries."""
    return workspace.cache / "rows"


def writer_lock_path(workspace: Workspace, key: str) -> Path:
    """The lock that whoever adds rows to the entry `key` holds."""
    return rows_folder(workspace) / f"{key}.lock"


@contextmanager
def doors(workspace: Workspace) -> Iterator[None]:
    """Held for the moment in which an entry is opened or removed.

    Raises:
        WorkspaceError: The folder can't be written, or another process has held the doors for a minute.
    """
    path = rows_folder(workspace) / _DOORS
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = take_lock(path, _DOOR_SECONDS)
    except OSError as error:
        raise cannot_write(error) from error
    if lock is None:
        raise WorkspaceError(
            "Another process has been busy with the caches for a minute",
            value=path,
            hint="Wait until it has ended, or restart the computer if nothing is at work.",
        )
    try:
        yield
    finally:
        lock.release()


def enter(workspace: Workspace, recipe: Recipe) -> tuple[Path, FileLock]:
    """The folder of a recipe's entry, made where missing, and the lock that keeps it. For the holder of the doors.

    Raises:
        OSError: The folder can't be made, read or written; its rows are then as they were.
    """
    folder = rows_folder(workspace) / recipe.key
    folder.mkdir(exist_ok=True)
    if read_note(folder) is None:
        for name in (ROWS, INDEX):  # rows that nobody can name may have been forgotten; they must not come back
            (folder / name).unlink(missing_ok=True)
        write_json(folder / NOTE, Note.of(recipe).model_dump(mode="json"))
    (folder / _USERS).mkdir(exist_ok=True)
    (folder / _USED).touch()
    lock = take_lock(folder / _USERS / f"{os.getpid()}-{uuid4().hex}.lock", _USER_SECONDS)
    if lock is None:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(folder))
    return folder, lock


def leave(folder: Path, lock: FileLock) -> None:
    """Gives an entry back that `enter` gave."""
    lock.release()
    with suppress(OSError):  # it was forgotten meanwhile, or is removed right now
        Path(lock.lock_file).unlink(missing_ok=True)
        os.utime(folder / _USED)


def list_folders(workspace: Workspace) -> list[Path]:
    """The folders of all entries, without what a killed process left half removed."""
    folders = [path.parent for path in rows_folder(workspace).glob(f"*/{NOTE}")]
    return [folder for folder in folders if not folder.name.startswith(_GONE)]


def list_entries(workspace: Workspace, strict: bool = False) -> list[Entry]:
    """All entries, least recently used first. Takes no lock: sizes and times are those of a moment ago.

    Args:
        workspace: Whose entries.
        strict: Whether an entry that the system can't read right now is an error, rather than left out.

    Raises:
        OSError: An entry can't be read; only where `strict`.
    """
    found = []
    for folder in list_folders(workspace):
        try:
            entry = _read_entry(folder)
        except OSError as error:
            if strict:
                raise
            _log.warning("the cache entry %s can't be read now: %s", folder.name, error)
            continue
        if entry is not None:
            found.append(entry)
    return sorted(found, key=lambda entry: entry.last_used)


def _read_entry(folder: Path) -> Entry | None:
    note = read_note(folder)
    if note is None:
        return None
    try:
        used = (folder / _USED).stat().st_mtime
    except OSError:
        used = 0.0
    when = datetime.fromtimestamp(used, UTC)
    size = max(_row_bytes(folder), _promised(folder))
    return Entry(folder, note.kind, note.title, note.dataset, note.row_bytes, size, when)


def read_note(folder: Path) -> Note | None:
    """What an entry says of itself; None where that is missing or damaged: nobody finds its rows again.

    Raises:
        OSError: The system can't read it now, which says nothing about the entry.
    """
    try:
        return Note.model_validate(read_json(folder / NOTE))
    except FileNotFoundError:
        return None
    except ValueError as error:  # no JSON, or not what a note says
        _log.warning("the cache entry %s can't be read and is begun anew when it is needed: %s", folder.name, error)
        return None


def _file_size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def promise(folder: Path, growth: int) -> None:
    """Notes that an entry will grow by so many bytes, so that others leave room for it; for the holder of its lock."""
    if folder.is_dir():  # it may have been forgotten since it was opened; then it takes no room that anybody could keep
        write_text(folder / _PROMISED, f"{_row_bytes(folder) + growth}\n")


def end_promise(folder: Path) -> None:
    """Ends a promise, kept or not."""
    with suppress(OSError):
        (folder / _PROMISED).unlink(missing_ok=True)


def promised_growth(workspace: Workspace) -> int:
    """Bytes by which entries that are being filled will still grow."""
    folders = [path.parent for path in rows_folder(workspace).glob(f"*/{_PROMISED}")]
    return sum(max(0, _promised(folder) - _row_bytes(folder)) for folder in folders)


def _promised(folder: Path) -> int:
    """The size that is promised to an entry that somebody fills; a promise whose maker was killed is void."""
    try:
        size = int((folder / _PROMISED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
    return size if seems_held(folder.with_suffix(".lock")) else 0


def _row_bytes(folder: Path) -> int:
    return sum(_file_size(folder / name) for name in (ROWS, INDEX))


def in_use(folder: Path) -> bool:
    """Whether a living process has the entry open."""
    try:
        return any(seems_held(path) for path in (folder / _USERS).glob("*.lock"))
    except OSError:  # it was removed meanwhile
        return False


def remove(folder: Path) -> None:
    """Removes an entry, also one in use, whose users read on what they have open. For the holder of the doors.

    It vanishes at once under its name; its bytes go after that.

    Raises:
        OSError: It can't be removed (on Windows: it is in use). Nobody finds its rows any more, and what is left of it
            goes when it is opened next.
    """
    gone = folder.with_name(f"{_GONE}{uuid4().hex}")
    try:
        folder.rename(gone)
    except OSError:
        (folder / NOTE).unlink(missing_ok=True)
        raise
    shutil.rmtree(gone, ignore_errors=True)


def sweep(workspace: Workspace) -> None:
    """Removes what killed processes left half removed. For the holder of the doors."""
    for path in rows_folder(workspace).glob(f"{_GONE}*"):
        shutil.rmtree(path, ignore_errors=True)
    for path in rows_folder(workspace).glob(f"*/{_USERS}/*.lock"):
        if not seems_held(path):
            path.unlink(missing_ok=True)


def cannot_write(error: OSError) -> WorkspaceError:
    """A cache can't be read or written, in plain words."""
    if is_disk_full(error):
        return WorkspaceError(
            "The disk is full; what was done so far is kept, and the next run goes on from there",
            hint="Free some disk space (the System page can clear the caches), or choose a smaller image size or a "
            "smaller share of the pictures.",
        )
    return WorkspaceError(
        f"The caches can't be read or written: {error.strerror or error}",
        value=error.filename,
        hint="Look at the folder's permissions and the disk.",
    )
