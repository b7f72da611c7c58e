"""The versions of a dataset: every change makes the next one, and an older one can be brought back."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from tlcore.data.dataset import DatasetInfo
from tlcore.data.index import Row, read_table, summarise, write_index
from tlcore.data.stored import INFO, OLD_INDEX, PICTURES, VERSIONS, dataset_folder, index_path, read_info, read_rows
from tlcore.errors import DatasetError, WorkspaceError
from tlcore.files import read_json, write_json
from tlcore.locks import seems_held, take_lock
from tlcore.workspace import Limits, Workspace

BATCH: Final = "batch-"
"""Start of the names of the folders of pictures that came together."""

_LOCK: Final = "edit.lock"
_SECONDS_TO_WAIT: Final = 30.0
_READING: Final = "reading-"
_SECONDS_TO_BEGIN: Final = 1.0
_NOTE: Final = re.compile(r"\d{6}\.json")


class _Note(BaseModel):
    """What is kept of a version beside its index."""

    info: DatasetInfo
    change: str
    changed: datetime
    batch: str = ""
    addition: bool = False
    made_by: str = ""


@dataclass(frozen=True)
class Version:
    """One state of a dataset.

    Attributes:
        number: Counts from 1.
        created: When the change was made.
        change: What was changed, in plain words.
        pictures: That were in.
        excluded: That were left out.
        restorable: Whether it can be brought back.
    """

    number: int
    created: datetime
    change: str
    pictures: int
    excluded: int
    restorable: bool


@contextmanager
def edit_lock(folder: Path) -> Iterator[None]:
    """Held by whoever makes the next version of the dataset in `folder`.

    Raises:
        DatasetError: There is no such dataset, or somebody else has been changing it for half a minute.
    """
    if not (folder / INFO).is_file():
        raise DatasetError("There is no such dataset", value=folder.name, hint="Was it deleted in the meantime?")
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=_SECONDS_TO_WAIT)
    except Timeout as error:
        raise DatasetError(
            "Somebody else is changing this dataset", value=folder.name, hint="Wait a moment, then try again."
        ) from error
    except OSError as error:
        raise DatasetError(
            f"The dataset can't be changed: {error.strerror or error}", value=folder.name, hint="Was it deleted?"
        ) from error
    try:
        _begin_history(folder)
        yield
    finally:
        lock.release()


@contextmanager
def pictures_kept(folder: Path, reader: str) -> Iterator[None]:
    """Keeps the folders of pictures of all versions while the block reads them, however often the dataset changes.

    A change that is made after the block, or after the end of its process, frees what is not needed any more.

    Args:
        folder: The dataset's folder; its version is to be looked up within the block.
        reader: Id of the job that reads.

    Raises:
        WorkspaceError: The disk can't be written.
    """
    path = folder / f"{_READING}{reader}.lock"
    try:
        lock = take_lock(path, _SECONDS_TO_BEGIN)
    except OSError as error:
        raise _cannot_write(error) from error
    try:
        yield
    finally:
        if lock is not None:
            lock.release()
            path.unlink(missing_ok=True)


def _begin_history(folder: Path) -> None:
    """Gives a dataset that was made before there were versions its first one."""
    old = folder / OLD_INDEX
    if not old.is_file():
        return
    info = read_info(folder)
    note = _Note(info=info, change="Made", changed=info.created or datetime.now(UTC))
    try:
        (folder / VERSIONS).mkdir(exist_ok=True)
        write_json(_note_path(folder, 1), note.model_dump(mode="json"))
        old.rename(folder / VERSIONS / f"{1:06d}.parquet")
    except OSError as error:
        raise _cannot_write(error) from error


def write_version(
    folder: Path,
    info: DatasetInfo,
    rows: Sequence[Row],
    change: str,
    batch: str = "",
    addition: bool = False,
    keep: int = Limits.versions,
    made_by: str = "",
) -> DatasetInfo:
    """Writes the version `info.version` into a dataset's folder and makes it the current one; its file comes last.

    Args:
        folder: The dataset's folder; its lock is held, or nobody knows it yet.
        info: What is known; counts, parts, duplicates and fingerprint are filled in here.
        rows: All pictures, excluded ones too.
        change: What was changed, in plain words.
        batch: The folder of pictures that came with it.
        addition: The dataset only grew. Of additions in a row only the last can be brought back: an hour with a camera
            would otherwise push out every other version.
        keep: So many of the newest versions, this one among them, keep their index and pictures; of older ones only the
            note stays.
        made_by: The job that makes this version; see `find_version_made_by`.

    Returns:
        The completed info.

    Raises:
        WorkspaceError: The disk is full or can't be written; the dataset is as it was.
    """
    complete = info.model_copy(update=vars(summarise(info.class_names, rows)))
    note = _Note(
        info=complete, change=change, changed=datetime.now(UTC), batch=batch, addition=addition, made_by=made_by
    )
    try:
        (folder / VERSIONS).mkdir(exist_ok=True)
        write_index(folder / VERSIONS / f"{info.version:06d}.parquet", rows)
        write_json(_note_path(folder, info.version), note.model_dump(mode="json"))
        write_json(folder / INFO, complete.model_dump(mode="json"))
    except OSError as error:
        raise _cannot_write(error) from error
    _forget_old(folder, complete.version, keep)
    return complete


def index_paths(folder: Path) -> list[Path]:
    """The indices of the versions that are kept, oldest first."""
    return sorted((folder / VERSIONS).glob("*.parquet"))


def _cannot_write(error: OSError) -> WorkspaceError:
    return WorkspaceError(
        f"The dataset can't be written: {error.strerror or error}; nothing was changed",
        hint="Free some disk space, then try again.",
    )


def _note_path(folder: Path, number: int) -> Path:
    return folder / VERSIONS / f"{number:06d}.json"


def _forget_old(folder: Path, current: int, keep: int) -> None:
    """Deletes the indices that are not kept, and the pictures that only they had."""
    notes = _notes(folder)
    if len(notes) > 1 and notes[-1].addition and notes[-2].addition:
        (folder / VERSIONS / f"{notes[-2].info.version:06d}.parquet").unlink(missing_ok=True)
    old = [path for path in index_paths(folder) if int(path.stem) <= current][:-keep]
    for path in old:
        path.unlink(missing_ok=True)
    if old:
        _free_batches(folder)


def _free_batches(folder: Path) -> None:
    """Deletes the folders of pictures that no kept version came with or has a picture in, unless somebody reads."""
    if any(seems_held(path) for path in folder.glob(f"{_READING}*.lock")):
        return
    kept = {int(path.stem) for path in index_paths(folder)}
    used = {file.split("/")[0] for path in index_paths(folder) for file in read_table(path)["file"].to_pylist()}
    # Where the pictures are in files of others, the folder has only their looks, and no row names it: the last batch
    # that came stays, whichever version brought it.
    notes = _notes(folder)
    used |= {note.batch for note in notes if note.info.version in kept}
    used |= {note.batch for note in [note for note in notes if note.batch][-1:]}
    for path in (folder / PICTURES).glob(f"{BATCH}*"):
        if path.name not in used:
            shutil.rmtree(path, ignore_errors=True)


def known_batches(folder: Path) -> set[str]:
    """Names of the folders of pictures that some version came with."""
    return {note.batch for note in _notes(folder)}


def _notes(folder: Path) -> list[_Note]:
    """Of all versions up to the current one, oldest first. What was written beyond it was never published."""
    current = read_info(folder).version
    found = []
    for path in sorted((folder / VERSIONS).glob("*.json")):
        if not _NOTE.fullmatch(path.name) or int(path.stem) > current:
            continue
        try:
            found.append(_Note.model_validate(read_json(path)))
        except (OSError, ValueError, ValidationError) as error:
            raise DatasetError("The history of this dataset is damaged", value=f"{folder.name}: {path.name}") from error
    return found


def find_version_made_by(workspace: Workspace, dataset_id: str, job_id: str) -> DatasetInfo | None:
    """The dataset as it was in the version that a job made; None where it made none.

    Raises:
        DatasetError: There is no such dataset, or its history is damaged.
    """
    notes = _notes(dataset_folder(workspace, dataset_id))
    return next((note.info for note in notes if note.made_by == job_id), None)


def list_versions(workspace: Workspace, dataset_id: str) -> tuple[Version, ...]:
    """All versions, newest first. Empty for a dataset that an older program made and nobody changed since.

    Raises:
        DatasetError: There is no such dataset, or its history is damaged.
    """
    folder = dataset_folder(workspace, dataset_id)
    current = read_info(folder).version
    return tuple(
        Version(
            number=note.info.version,
            created=note.changed,
            change=note.change,
            pictures=note.info.pictures or 0,
            excluded=note.info.excluded,
            restorable=note.info.version != current and index_path(folder, note.info.version).is_file(),
        )
        for note in reversed(_notes(folder))
    )


def restore_version(workspace: Workspace, dataset_id: str, number: int) -> DatasetInfo:
    """Makes an older version the current one again, as a new version. Pictures that were removed for good stay away.

    Raises:
        DatasetError: There is no such version, or it can't be brought back any more.
        WorkspaceError: The disk is full or can't be written.
    """
    folder = dataset_folder(workspace, dataset_id)
    with edit_lock(folder):
        by_number = {note.info.version: note for note in _notes(folder)}
        current = read_info(folder)
        choices = [version.number for version in list_versions(workspace, dataset_id) if version.restorable]
        if number not in choices:
            raise DatasetError("This version can't be brought back", value=number, options=choices)
        rows = [
            row
            for row in read_rows(folder, number)
            if not row.place.ours or (folder / PICTURES / row.place.file).is_file()
        ]
        info = by_number[number].info.model_copy(update={"version": current.version + 1, "name": current.name})
        return write_version(folder, info, rows, f"Version {number} brought back", keep=workspace.limits.versions)
