"""Building a dataset out of sight, and publishing it by one rename: it is there whole, or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from tlcore.data.dataset import PARTS, DatasetInfo, Part
from tlcore.data.stored import DELETED, INDEX, INFO, PICTURES, dataset_folder
from tlcore.errors import ImportRefused, WorkspaceError
from tlcore.files import write_bytes, write_json
from tlcore.images.decode import PictureFacts
from tlcore.workspace import Workspace

# Some file systems slow down, and most file managers give up, with more files in one folder.
_PICTURES_PER_FOLDER: Final = 10_000
_BUILDING: Final = "dataset-"


@dataclass(frozen=True)
class _Row:
    key: str
    class_name: str
    part: Part | None
    sha256: str
    width: int
    height: int
    file: str


_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("label", pa.int32()),
        ("part", pa.string()),
        ("sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("file", pa.string()),
    ]
)


class DatasetWriter:
    """Builds a dataset out of sight. Leaving the `with` block without `publish` leaves nothing behind.

    While it works it holds a lock, so that what a killed process left is told from what a living one builds.

    Args:
        workspace: Where the dataset will live.
        dataset_id: Its id, such as `my/leaves`.
    """

    def __init__(self, workspace: Workspace, dataset_id: str) -> None:
        self._target = dataset_folder(workspace, dataset_id)
        self._id = dataset_id
        self._folder = workspace.incoming / f"{_BUILDING}{uuid4().hex}"
        self._lock = FileLock(_lock_path(self._folder))
        self._rows: list[_Row] = []

    def __enter__(self) -> Self:
        # The lock comes before the folder: whoever sweeps must never see the folder without its lock.
        try:
            self._lock.acquire()
            (self._folder / PICTURES).mkdir(parents=True)
        except OSError as error:
            self._leave()
            raise _cannot_write(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        _lock_path(self._folder).unlink(missing_ok=True)
        self._lock.release()

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, key: str, class_name: str, part: Part | None, data: bytes, facts: PictureFacts) -> None:
        """Adds a picture; its place in the dataset is the order of these calls.

        Args:
            key: Unique name of the picture.
            class_name: Its class, one of the names that `publish` is told.
            part: The part its source put it in.
            data: Its bytes, kept as they are.
            facts: What decoding it told.

        Raises:
            WorkspaceError: The disk is full or can't be written.
        """
        number = len(self._rows)
        file = f"{number // _PICTURES_PER_FOLDER:03d}/{number:06d}{facts.extension}"
        path = self._folder / PICTURES / file
        try:
            if number % _PICTURES_PER_FOLDER == 0:
                path.parent.mkdir()
            path.write_bytes(data)
        except OSError as error:
            raise _cannot_write(error) from error
        digest = hashlib.sha256(data).hexdigest()
        self._rows.append(_Row(key, class_name, part, digest, facts.width, facts.height, file))

    def classes(self) -> dict[str, Counter[Part | None]]:
        """Pictures so far, by class and part."""
        found: dict[str, Counter[Part | None]] = {}
        for row in self._rows:
            found.setdefault(row.class_name, Counter())[row.part] += 1
        return found

    def publish(self, info: DatasetInfo, documents: dict[str, Any] | None = None) -> DatasetInfo:
        """Makes the dataset part of the workspace, by one rename.

        Args:
            info: What is known of it; counts, parts, fingerprint and duplicates are filled in here.
            documents: Further JSON files to lay beside the index, by file name.

        Returns:
            The completed info.

        Raises:
            ImportRefused: Another dataset took the id in the meantime.
            WorkspaceError: The disk is full or can't be written.
        """
        complete = info.model_copy(update=self._known(info.class_names))
        try:
            write_bytes(self._folder / INDEX, _index(info.class_names, self._rows))
            for name, document in (documents or {}).items():
                write_json(self._folder / name, document)
            write_json(self._folder / INFO, complete.model_dump(mode="json"))
            if hasattr(os, "sync"):
                os.sync()  # one flush for all pictures: a flush each would take minutes
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._rename()
        except OSError as error:
            raise _cannot_write(error) from error
        return complete

    def _rename(self) -> None:
        try:
            self._folder.rename(self._target)
        except OSError as error:
            if self._target.exists():
                raise ImportRefused(
                    "There is already a dataset of this name", value=self._id, hint="Choose another name."
                ) from error
            raise

    def _known(self, class_names: tuple[str, ...]) -> dict[str, Any]:
        counts = dict.fromkeys(class_names, 0)
        for row in self._rows:
            counts[row.class_name] += 1
        found = [row.part for row in self._rows]
        return {
            "counts": counts,
            "parts": {part: found.count(part) for part in PARTS if part in found},
            "duplicates": len(self._rows) - len({row.sha256 for row in self._rows}),
            "fingerprint": _fingerprint(class_names, self._rows),
        }


def sweep_incoming(workspace: Workspace) -> None:
    """Removes the half-made datasets that killed processes left; what a living process builds is locked."""
    names = {path.stem for path in workspace.incoming.glob(f"{_BUILDING}*")}
    for name in sorted(names):
        folder = workspace.incoming / name
        lock = FileLock(_lock_path(folder))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        shutil.rmtree(folder, ignore_errors=True)
        _lock_path(folder).unlink(missing_ok=True)
        lock.release()
    for folder in workspace.incoming.glob(f"{DELETED}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _index(class_names: Sequence[str], rows: Sequence[_Row]) -> bytes:
    labels = {name: label for label, name in enumerate(class_names)}
    columns = {name: [getattr(row, name) for row in rows] for name in _SCHEMA.names if name != "label"}
    table = pa.table(columns | {"label": [labels[row.class_name] for row in rows]}, schema=_SCHEMA)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _fingerprint(class_names: Sequence[str], rows: Sequence[_Row]) -> str:
    digest = hashlib.sha256("\0".join(class_names).encode())
    labels = {name: label for label, name in enumerate(class_names)}
    for row in rows:
        digest.update(f"\n{row.sha256} {labels[row.class_name]} {row.part or '-'}".encode())
    return digest.hexdigest()


def _lock_path(folder: Path) -> Path:
    # Beside the folder, not in it: the folder is renamed away while the lock is held.
    return folder.with_name(f"{folder.name}.lock")


def _cannot_write(error: OSError) -> WorkspaceError:
    return WorkspaceError(
        f"The dataset can't be written: {error.strerror or error}; nothing of it was kept",
        hint="Free some disk space, or set TLCORE_HOME to a folder with more room that you may write to.",
    )
