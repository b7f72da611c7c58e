"""Building a dataset, or the next version of one, out of sight: it is there whole, or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

import numpy as np
from filelock import FileLock

from tlcore.allowance import check_allowance
from tlcore.data.alike import LOOK_BYTES, group_numbers, near_pairs
from tlcore.data.dataset import DatasetInfo, Part
from tlcore.data.incoming import BUILDING, lock_path
from tlcore.data.index import Row
from tlcore.data.looks import read_looks, write_looks
from tlcore.data.places import Place
from tlcore.data.stored import PICTURES, dataset_folder, read_info, read_rows
from tlcore.data.versions import BATCH, edit_lock, known_batches, write_version
from tlcore.errors import ImportRefused, WorkspaceError
from tlcore.files import write_json, write_text
from tlcore.images.decode import PictureFacts
from tlcore.workspace import Workspace

# Some file systems slow down, and most file managers give up, with more files in one folder.
_PICTURES_PER_FOLDER: Final = 10_000
_FLUSHED_ONE_BY_ONE: Final = 20


@dataclass(frozen=True)
class _Picture:
    """A picture that was added, before the labels of its dataset are known."""

    key: str
    class_name: str
    part: Part | None
    sha256: str
    facts: PictureFacts
    place: Place


class DatasetWriter:
    """Builds out of sight. Leaving the `with` block without publishing leaves nothing behind.

    While it works it holds a lock, so that what a killed process left is told from what a living one builds.

    Args:
        workspace: Where the dataset lives, or will.
        dataset_id: Its id, such as `my/leaves`.

    Raises:
        InputError: By the `with` block: the workspace may take no more.
    """

    def __init__(self, workspace: Workspace, dataset_id: str) -> None:
        self._workspace = workspace
        self._target = dataset_folder(workspace, dataset_id)
        self._id = dataset_id
        self._folder = workspace.incoming / f"{BUILDING}{uuid4().hex}"
        self._batch = f"{BATCH}{uuid4().hex[:12]}"
        self._lock = FileLock(lock_path(self._folder))
        self._pictures: list[_Picture] = []
        self._files = 0

    def __enter__(self) -> Self:
        check_allowance(self._workspace)
        # The lock comes before the folder: whoever sweeps must never see the folder without its lock.
        try:
            self._lock.acquire()
            (self._folder / PICTURES / self._batch).mkdir(parents=True)
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
        lock_path(self._folder).unlink(missing_ok=True)
        self._lock.release()

    def __len__(self) -> int:
        return len(self._pictures)

    def add(
        self,
        key: str,
        class_name: str,
        part: Part | None,
        data: bytes,
        facts: PictureFacts,
        place: Place | None = None,
    ) -> None:
        """Adds a picture; its place in the dataset is the order of these calls.

        Args:
            key: Unique name of the picture.
            class_name: Its class, one of the names that the published info has.
            part: The part its source put it in.
            data: Its bytes, kept as they are.
            facts: What decoding it told.
            place: Where its bytes lie already, in a file that is not ours: they are read there and not copied.

        Raises:
            WorkspaceError: The disk is full or can't be written.
        """
        kept = place or self._keep(data, facts)
        self._pictures.append(_Picture(key, class_name, part, hashlib.sha256(data).hexdigest(), facts, kept))

    def lay_beside(self, name: str, text: str) -> None:
        """Puts a text file of this name into the dataset's folder.

        Raises:
            WorkspaceError: The disk is full or can't be written.
        """
        try:
            write_text(self._folder / name, text)
        except OSError as error:
            raise _cannot_write(error) from error

    def _keep(self, data: bytes, facts: PictureFacts) -> Place:
        number = self._files
        file = f"{self._batch}/{number // _PICTURES_PER_FOLDER:03d}/{number:06d}{facts.extension}"
        path = self._folder / PICTURES / file
        try:
            if number % _PICTURES_PER_FOLDER == 0:
                path.parent.mkdir()
            path.write_bytes(data)
        except OSError as error:
            raise _cannot_write(error) from error
        self._files += 1
        return Place(file)

    def classes(self) -> dict[str, Counter[Part | None]]:
        """Pictures so far, by class and part."""
        found: dict[str, Counter[Part | None]] = {}
        for picture in self._pictures:
            found.setdefault(picture.class_name, Counter())[picture.part] += 1
        return found

    def publish(
        self,
        info: DatasetInfo,
        documents: dict[str, Any] | None = None,
        change: str = "Made",
        revise: Callable[[list[Row]], list[Row]] = lambda rows: rows,
    ) -> DatasetInfo:
        """Makes a new dataset part of the workspace, by one rename.

        Args:
            info: What is known of it; counts, parts, fingerprint and duplicates are filled in here.
            documents: Further JSON files to lay beside it, by file name.
            change: What the first version is, in plain words.
            revise: From the rows of the pictures added to those of the first version; by default the same.

        Returns:
            The completed info.

        Raises:
            ImportRefused: Another dataset took the id in the meantime.
            WorkspaceError: The disk is full or can't be written.
        """
        try:
            self._finish_batch()
            for name, document in (documents or {}).items():
                write_json(self._folder / name, document)
            first = info.model_copy(update={"version": 1})
            rows = revise(self._rows(info.class_names, []))
            complete = write_version(self._folder, first, rows, change, self._batch)
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._rename()
        except OSError as error:
            raise _cannot_write(error) from error
        return complete

    def publish_version(
        self,
        change: str,
        revise: Callable[[DatasetInfo, list[Row]], tuple[DatasetInfo, list[Row]]],
        documents: dict[str, Any] | None = None,
        addition: bool = False,
        made_by: str = "",
    ) -> DatasetInfo:
        """Makes the pictures part of the dataset that has the id already, as its next version.

        Args:
            change: What was changed, in plain words.
            revise: From the current info and rows to the info and rows to which the new pictures are added: the same
                rows to grow the dataset, none to replace it. A picture whose key is among them is not added again:
                two people brought the same picture.
            documents: Further JSON files to lay beside it, by file name.
            addition: The dataset only grows; see `write_version`.
            made_by: The job that does it; see `find_version_made_by`.

        Returns:
            The completed info.

        Raises:
            DatasetError: There is no such dataset any more, or somebody else is changing it.
            WorkspaceError: The disk is full or can't be written; the dataset is as it was.
        """
        with edit_lock(self._target):
            self._sweep_batches()
            current = read_info(self._target)
            info, rows = revise(current, read_rows(self._target, current.version))
            there = {row.key for row in rows}
            self._pictures = [picture for picture in self._pictures if picture.key not in there]
            try:
                self._finish_batch()
                (self._folder / PICTURES / self._batch).rename(self._target / PICTURES / self._batch)
            except OSError as error:
                raise _cannot_write(error) from error
            following = info.model_copy(update={"version": current.version + 1})
            every, keep = self._rows(info.class_names, rows), self._workspace.limits.versions
            complete = write_version(self._target, following, every, change, self._batch, addition, keep, made_by)
            for name, document in (documents or {}).items():
                write_json(self._target / name, document)
            return complete

    def _finish_batch(self) -> None:
        looks = {picture.sha256: picture.facts.look for picture in self._pictures if picture.facts.look}
        write_looks(self._folder / PICTURES / self._batch, looks)
        if self._files <= _FLUSHED_ONE_BY_ONE:
            for path in (self._folder / PICTURES / self._batch).glob("*/*"):
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        elif hasattr(os, "sync"):
            os.sync()  # one flush for all pictures: a flush each would take minutes

    def _rows(self, class_names: Sequence[str], before: list[Row]) -> list[Row]:
        """The rows so far and those of the new pictures, grouped by likeness."""
        labels = {name: label for label, name in enumerate(class_names)}
        unknown = bytes(LOOK_BYTES)
        fresh = b"".join(picture.facts.look or unknown for picture in self._pictures)
        looks = np.concatenate(
            [
                read_looks(self._target / PICTURES, [row.sha256 for row in before]),
                np.frombuffer(fresh, dtype=np.uint8).reshape(-1, LOOK_BYTES),
            ]
        )
        hashes = [row.sha256 for row in before] + [picture.sha256 for picture in self._pictures]
        groups = group_numbers(hashes, near_pairs(looks, len(before)).tolist(), [row.group for row in before]).tolist()
        old = [replace(row, group=group) for row, group in zip(before, groups, strict=False)]
        new = [
            Row(
                picture.key,
                labels[picture.class_name],
                picture.part,
                picture.sha256,
                picture.facts.width,
                picture.facts.height,
                picture.place,
                group,
            )
            for picture, group in zip(self._pictures, groups[len(before) :], strict=True)
        ]
        return old + new

    def _sweep_batches(self) -> None:
        """Removes pictures that a killed process brought in without publishing them."""
        known = known_batches(self._target)
        for path in (self._target / PICTURES).glob(f"{BATCH}*"):
            if path.name not in known:
                shutil.rmtree(path, ignore_errors=True)

    def _rename(self) -> None:
        try:
            self._folder.rename(self._target)
        except OSError as error:
            if self._target.exists():
                raise ImportRefused(
                    "There is already a dataset of this name", value=self._id, hint="Choose another name."
                ) from error
            raise


def _cannot_write(error: OSError) -> WorkspaceError:
    return WorkspaceError(
        f"The dataset can't be written: {error.strerror or error}; nothing of it was kept",
        hint="Free some disk space, or set TLCORE_HOME to a folder with more room that you may write to.",
    )
