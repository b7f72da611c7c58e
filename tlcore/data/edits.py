"""Changing a dataset: leaving pictures out, moving them, growing it. Every change makes its next version.

Pictures are named by their keys, which never change, so that two people may change one dataset at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tlcore.caches.budget import forget
from tlcore.data.alike import group_numbers
from tlcore.data.dataset import DatasetInfo
from tlcore.data.index import Row, read_table
from tlcore.data.naming import free_id, shown_name
from tlcore.data.places import Place
from tlcore.data.stored import PICTURES, dataset_folder, read_info, read_rows
from tlcore.data.versions import edit_lock, index_paths, write_version
from tlcore.data.writer import DatasetWriter
from tlcore.errors import DatasetError
from tlcore.workspace import Workspace

LONGEST_CLASS_NAME: Final = 100

_Change = Callable[[DatasetInfo, list[Row]], tuple[DatasetInfo, list[Row]]]


def exclude(workspace: Workspace, dataset_id: str, keys: Collection[str], reason: str) -> DatasetInfo:
    """Leaves pictures out of training, validation and test; they stay in the dataset and can be put back.

    Args:
        workspace: Where the dataset is.
        dataset_id: Which dataset.
        keys: Of the pictures. Those that are out already stay as they are.
        reason: Why, in plain words.

    Raises:
        DatasetError: There is no such dataset or picture, or somebody else is changing it.
        WorkspaceError: The disk is full or can't be written.
    """

    def change(info: DatasetInfo, rows: list[Row]) -> tuple[DatasetInfo, list[Row]]:
        return info, _each(rows, keys, lambda row: row if row.excluded else replace(row, excluded=reason))

    return _edit(workspace, dataset_id, f"{_pictures(keys)} left out: {reason}", change)


def include(workspace: Workspace, dataset_id: str, keys: Collection[str]) -> DatasetInfo:
    """Puts pictures back that were left out. Raises as `exclude` does."""

    def change(info: DatasetInfo, rows: list[Row]) -> tuple[DatasetInfo, list[Row]]:
        return info, _each(rows, keys, lambda row: replace(row, excluded=None))

    return _edit(workspace, dataset_id, f"{_pictures(keys)} put back", change)


def move_pictures(workspace: Workspace, dataset_id: str, keys: Collection[str], class_name: str) -> DatasetInfo:
    """Gives pictures another class; in one's own datasets it is made where it does not exist yet.

    Raises:
        DatasetError: There is no such dataset, picture or class, or somebody else is changing it.
        WorkspaceError: The disk is full or can't be written.
    """

    def change(info: DatasetInfo, rows: list[Row]) -> tuple[DatasetInfo, list[Row]]:
        if class_name not in info.class_names and info.source == "own":
            info, rows = _with_class(info, rows, class_name)
        label = _label(info, class_name)
        return info, _each(rows, keys, lambda row: replace(row, label=label))

    return _edit(workspace, dataset_id, f"{_pictures(keys)} moved to {class_name}", change)


def keep_together(workspace: Workspace, dataset_id: str, groups: Sequence[Sequence[str]]) -> DatasetInfo:
    """Notes near-copies that were found by other means, so that splits keep them on one side. Raises as `exclude`.

    Args:
        workspace: Where the dataset is.
        dataset_id: Which dataset.
        groups: Keys of pictures that belong together. Names that are not in the dataset any more are passed over.
    """

    def change(info: DatasetInfo, rows: list[Row]) -> tuple[DatasetInfo, list[Row]]:
        places = {row.key: index for index, row in enumerate(rows)}
        found = [[places[key] for key in group if key in places] for group in groups]
        pairs = [(group[0], index) for group in found for index in group[1:]]
        numbers = group_numbers([row.sha256 for row in rows], pairs, [row.group for row in rows]).tolist()
        return info, [replace(row, group=number) for row, number in zip(rows, numbers, strict=True)]

    text = f"The check noted near-copies ({len(groups):,} pairs or groups): training and test keep each on one side"
    return _edit(workspace, dataset_id, text, change)


def create_dataset(workspace: Workspace, name: str, class_names: Sequence[str] = ()) -> DatasetInfo:
    """A new dataset without pictures, to be filled by camera or uploads.

    Args:
        workspace: Where it will live.
        name: What people will call it.
        class_names: Its classes so far.

    Raises:
        ImportRefused: The name is taken.
        DatasetError: A class's name can't be used.
        WorkspaceError: The disk is full or can't be written.
    """
    names: tuple[str, ...] = ()
    for class_name in class_names:
        names = (*names, _fresh_class(names, class_name))
    with DatasetWriter(workspace, free_id(workspace, name)) as writer:
        info = DatasetInfo(
            id=free_id(workspace, name),
            name=shown_name(name),
            source="own",
            class_names=tuple(sorted(names)),
            origin="Collected here",
            created=datetime.now(UTC),
        )
        return writer.publish(info, change="Begun, still empty")


def add_class(workspace: Workspace, dataset_id: str, name: str) -> DatasetInfo:
    """A further class, still empty. Raises as `rename_class` does."""

    def change(info: DatasetInfo, rows: list[Row]) -> tuple[DatasetInfo, list[Row]]:
        return _with_class(_own(info), rows, name)

    return _edit(workspace, dataset_id, f"Class {name} added", change)


def rename_class(workspace: Workspace, dataset_id: str, old: str, new: str) -> DatasetInfo:
    """Gives a class another name.

    Raises:
        DatasetError: The dataset is unknown or not one's own, there is no such class, the new name is taken or
            unusable, or somebody else is changing it.
        WorkspaceError: The disk is full or can't be written.
    """

    def change(info: DatasetInfo, rows: list[Row]) -> tuple[DatasetInfo, list[Row]]:
        label = _label(_own(info), old)
        others = tuple(name for name in info.class_names if name != old)
        fresh = _fresh_class(others, new)
        renamed = tuple(fresh if index == label else name for index, name in enumerate(info.class_names))
        return _sorted(info, rows, renamed)

    return _edit(workspace, dataset_id, f"Class {old} renamed to {new}", change)


def remove_class(workspace: Workspace, dataset_id: str, name: str) -> DatasetInfo:
    """Takes a class out of one's own dataset; its pictures are deleted for good. Raises as `rename_class` does."""

    def change(info: DatasetInfo, rows: list[Row]) -> tuple[DatasetInfo, list[Row]]:
        return _without_class(_own(info), rows, name)

    return _edit(workspace, dataset_id, f"Class {name} removed with its pictures", change)


def remove_empty_class(workspace: Workspace, dataset_id: str, name: str) -> DatasetInfo:
    """Takes a class out of one's own dataset unless it has pictures, also such as are left out: then nothing changes.

    Raises:
        DatasetError, WorkspaceError: As `rename_class` does; a class that is gone already is no error.
    """

    def change(info: DatasetInfo, rows: list[Row]) -> tuple[DatasetInfo, list[Row]]:
        if name not in _own(info).class_names or any(row.label == info.class_names.index(name) for row in rows):
            return info, rows
        return _without_class(info, rows, name)

    return _edit(workspace, dataset_id, f"Class {name} removed; it was empty", change)


def remove_pictures(workspace: Workspace, dataset_id: str, keys: Collection[str]) -> DatasetInfo:
    """Takes pictures out of one's own dataset; they are deleted for good.

    Raises:
        DatasetError: The dataset is unknown or not one's own, there is no such picture, or somebody else is changing
            it.
        WorkspaceError: The disk is full or can't be written.
    """
    gone = set(keys)

    def change(info: DatasetInfo, rows: list[Row]) -> tuple[DatasetInfo, list[Row]]:
        _own(info)
        _each(rows, gone, lambda row: row)  # refuses unknown names
        return info, [row for row in rows if row.key not in gone]

    return _edit(workspace, dataset_id, f"{_pictures(gone)} removed", change)


def _edit(workspace: Workspace, dataset_id: str, text: str, change: _Change) -> DatasetInfo:
    """Makes the next version by `change`, then deletes the files of ours that it does not have any more."""
    folder = dataset_folder(workspace, dataset_id)
    with edit_lock(folder):
        current = read_info(folder)
        before = read_rows(folder, current.version)
        info, rows = change(current, before)
        if info == current and rows == before:
            return current
        following = info.model_copy(update={"version": current.version + 1})
        gone = {row.sha256 for row in before} - {row.sha256 for row in rows}
        forget(workspace, dataset_id, gone)
        complete = write_version(folder, following, rows, text, keep=workspace.limits.versions)
        _delete_content(folder, gone)
        return complete


def _delete_content(folder: Path, hashes: set[str]) -> None:
    """Deletes the files of removed pictures, whichever version brought them: people who remove a picture mean it."""
    if not hashes:
        return
    for path in index_paths(folder):
        table = read_table(path)
        for digest, file in zip(table["sha256"].to_pylist(), table["file"].to_pylist(), strict=True):
            if digest in hashes and Place(file).ours:
                (folder / PICTURES / file).unlink(missing_ok=True)


def _each(rows: list[Row], keys: Collection[str], change: Callable[[Row], Row]) -> list[Row]:
    wanted = set(keys)
    missing = wanted - {row.key for row in rows}
    if missing:
        raise DatasetError(
            "These pictures are not in the dataset (any more)",
            value=", ".join(sorted(missing)[:3])[:200],
            hint="Load the page again: somebody may have changed the dataset.",
        )
    return [change(row) if row.key in wanted else row for row in rows]


def _pictures(keys: Collection[str]) -> str:
    count = len(set(keys))
    return "1 picture" if count == 1 else f"{count:,} pictures"


def _own(info: DatasetInfo) -> DatasetInfo:
    if info.source != "own":
        raise DatasetError(
            "The classes and pictures of this dataset are its makers'; you may leave pictures out or move them",
            value=info.id,
            hint="Only your own datasets can grow, shrink and have classes renamed.",
        )
    return info


def _label(info: DatasetInfo, name: str) -> int:
    if name not in info.class_names:
        raise DatasetError("There is no such class", value=name, options=info.class_names)
    return info.class_names.index(name)


def _fresh_class(taken: Sequence[str], name: str) -> str:
    """The name, tidied, if a class may have it beside the others."""
    tidy = shown_name(name) if name.strip() else ""
    if not tidy or len(name) > LONGEST_CLASS_NAME:
        raise DatasetError(
            "A class needs a name", value=name[:LONGEST_CLASS_NAME], hint=f"At most {LONGEST_CLASS_NAME} letters."
        )
    if tidy.casefold() in (other.casefold() for other in taken):
        raise DatasetError(
            "There is already a class of this name",
            value=tidy,
            hint="Choose another name; to make two classes one, move the pictures of one to the other.",
        )
    return tidy


def _with_class(info: DatasetInfo, rows: list[Row], name: str) -> tuple[DatasetInfo, list[Row]]:
    return _sorted(info, rows, (*info.class_names, _fresh_class(info.class_names, name)))


def _sorted(info: DatasetInfo, rows: list[Row], names: tuple[str, ...]) -> tuple[DatasetInfo, list[Row]]:
    """Classes in the order of their names, as an import has them, so that two ways to one dataset give the same."""
    order = sorted(range(len(names)), key=names.__getitem__)
    places = {old: new for new, old in enumerate(order)}
    moved = [replace(row, label=places[row.label]) for row in rows]
    return info.model_copy(update={"class_names": tuple(names[index] for index in order)}), moved


def _without_class(info: DatasetInfo, rows: list[Row], name: str) -> tuple[DatasetInfo, list[Row]]:
    label = _label(info, name)
    kept = [replace(row, label=row.label - 1) if row.label > label else row for row in rows if row.label != label]
    names = info.class_names[:label] + info.class_names[label + 1 :]
    return info.model_copy(update={"class_names": names}), kept
