"""Copies of the small files that a migration changes, in one zip inside the workspace."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile

from tlcore.errors import WorkspaceError
from tlcore.files import write_bytes

FOLDER: Final = "backups"

_DATABASE: Final = ".sqlite"


def keep(root: Path, files: Iterable[Path], name: str) -> str:
    """Copies files of a workspace into `backups/<name>.zip`, all of them or none; returns that file's path in the root.

    Args:
        root: The workspace's folder.
        files: Some of its files; those that are not there are left out.
        name: Unique.

    Raises:
        OSError: There is no room.
    """
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.zip"
    with TemporaryDirectory(dir=folder, prefix=".making-") as making:
        temporary = Path(making) / "copy.zip"
        with ZipFile(temporary, "w", ZIP_DEFLATED) as archive:
            for file in files:
                if file.is_file():
                    archive.write(_still(file, Path(making)), file.relative_to(root).as_posix())
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    return path.relative_to(root).as_posix()


def bring_back(root: Path, backup: str) -> None:
    """Puts every file of a backup back where it was.

    Raises:
        OSError: A file can't be written.
        WorkspaceError: The backup names a file outside the workspace.
    """
    with ZipFile(root / backup) as archive:
        for name in archive.namelist():
            path = root / name
            if not path.resolve().is_relative_to(root.resolve()):
                raise WorkspaceError("A backup names a file outside its workspace", value=name)
            if path.suffix == _DATABASE:
                for leftover in (Path(f"{path}-wal"), Path(f"{path}-shm")):
                    leftover.unlink(missing_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, archive.read(name))


def _still(file: Path, folder: Path) -> Path:
    """The file itself; of a database a copy with all that was committed, which may lie in a second file."""
    if file.suffix != _DATABASE:
        return file
    copy = folder / file.name
    try:
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    except sqlite3.DatabaseError:
        return file  # damaged: its bytes are all that can be kept
    return copy
