"""A disk that fills up at any moment of an import: nothing half-made is left, and what was there stays as it was."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlcore.data.dataset import DatasetInfo
from tlcore.data.importer import import_pictures
from tlcore.data.index import Row
from tlcore.data.stored import StoredDataset
from tlcore.data.writer import DatasetWriter
from tlcore.errors import WorkspaceError
from tlcore.images.decode import inspect_picture
from tlcore.workspace import Limits, Workspace

MOST_WRITES = 60


class Disk:
    """Has room for so many more files; the one that does not fit is begun and cut off in the middle."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = 10**9
        path_open, os_open = Path.open, os.open

        def open_path(path: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
            file = path_open(path, mode, *args, **options)
            if set(mode) & set("wxa+") and not self._take(path):
                with file:
                    file.write(b"half")
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return file

        def open_descriptor(path: Any, flags: int, *args: Any, **options: Any) -> int:
            descriptor = os_open(path, flags, *args, **options)
            if flags & (os.O_WRONLY | os.O_RDWR) and not self._take(Path(path)):
                os.close(descriptor)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return descriptor

        monkeypatch.setattr(Path, "open", open_path)
        monkeypatch.setattr(os, "open", open_descriptor)

    def _take(self, path: Path) -> bool:
        if path.suffix == ".lock":
            return True  # an empty file takes no room
        self.room -= 1
        return self.room >= 0


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def write(workspace: Workspace, crop: Callable[..., bytes], numbers: range, publish: Callable[[Any], None]) -> None:
    with DatasetWriter(workspace, "my/pets") as writer:
        for number in numbers:
            for name in ("cat", "coffee"):
                data = crop(name, number)
                writer.add(f"{name}/{number}", name, None, data, inspect_picture(data, Limits()))
        publish(writer)


def make(writer: DatasetWriter) -> None:
    info = DatasetInfo(id="my/pets", name="pets", source="own", class_names=("cat", "coffee"))
    writer.publish(info, {"source.json": {"stamp": "x"}})


def grow(writer: DatasetWriter) -> None:
    def keep(info: DatasetInfo, rows: list[Row]) -> tuple[DatasetInfo, list[Row]]:
        return info, rows

    writer.publish_version("more", keep)


def fails_until_there_is_room(disk: Disk, attempt: Callable[[], object], check: Callable[[], None]) -> int:
    """Gives one file more room at a time; returns how much was needed."""
    for room in range(MOST_WRITES):
        disk.room = room
        try:
            attempt()
        except WorkspaceError as error:
            assert "No space left" in str(error)  # noqa: PT017 - as expected until there is room
            assert error.hint  # noqa: PT017
            disk.room = 10**9
            check()
        else:
            disk.room = 10**9
            return room
    raise AssertionError("it never worked")


def test_nothing_of_a_new_dataset_is_left(
    workspace: Workspace, crop: Callable[..., bytes], disk: Disk, leftovers: Callable[[Any], list[Path]]
) -> None:
    def check() -> None:
        assert leftovers(workspace) == []

    needed = fails_until_there_is_room(disk, lambda: write(workspace, crop, range(3), make), check)
    assert needed >= 6 + 3  # the pictures, their index, the dataset's own file, at least
    assert len(StoredDataset.open(workspace.datasets / "my/pets")) == 6


def test_a_growing_dataset_stays_as_it_was(workspace: Workspace, crop: Callable[..., bytes], disk: Disk) -> None:
    write(workspace, crop, range(3), make)
    folder = workspace.datasets / "my/pets"
    before = StoredDataset.open(folder)

    def check() -> None:
        now = StoredDataset.open(folder)
        assert now.info == before.info
        assert [now.read(index) for index in range(6)] == [before.read(index) for index in range(6)]
        assert list(workspace.incoming.iterdir()) == []

    needed = fails_until_there_is_room(disk, lambda: write(workspace, crop, range(3, 5), grow), check)
    assert needed >= 4 + 2
    assert len(StoredDataset.open(folder)) == 10
    batches = [path for path in (folder / "pictures").iterdir() if path.is_dir()]
    assert len(batches) == 2  # what the failed attempts had brought in is swept


def test_an_import_leaves_nothing_and_works_once_there_is_room(
    workspace: Workspace, picture_folder: Path, disk: Disk, leftovers: Callable[[Any], list[Path]]
) -> None:
    disk.room = 7
    with pytest.raises(WorkspaceError, match=r"No space left on device.*Free some disk space"):
        import_pictures(workspace, picture_folder, "pets")
    assert leftovers(workspace) == []
    disk.room = 10**9
    assert import_pictures(workspace, picture_folder, "pets").pictures == 24
