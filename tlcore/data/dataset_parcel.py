"""A dataset as one file, to move it to another machine: its present version, pictures that were left out too.

Pictures that come in are decoded like any stranger's; what the file says of their sizes and bytes is not believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from tlcore.data.catalog import OWN, find_dataset, list_datasets, open_dataset
from tlcore.data.dataset import DatasetInfo, Part
from tlcore.data.edits import LONGEST_CLASS_NAME
from tlcore.data.importer import check_room, take_pictures
from tlcore.data.incoming import sweep_incoming
from tlcore.data.index import Row, summarise
from tlcore.data.layout import Candidate
from tlcore.data.listing import is_text
from tlcore.data.naming import free_id, free_name, known_id, shown_name
from tlcore.data.notes import LONGEST, NOTES, read_notes
from tlcore.data.parcel import Parcel, open_parcel, refused
from tlcore.data.parcel_writer import ParcelWriter
from tlcore.data.places import Place
from tlcore.data.stored import PICTURES, dataset_folder, read_info, read_rows
from tlcore.data.writer import DatasetWriter
from tlcore.errors import DatasetError, ImportRefused
from tlcore.progress import Reporter, Silence, Stopped
from tlcore.workspace import MEBIBYTE, Workspace

_DESCRIPTION: Final = "dataset.json"
_INDEX: Final = "index.jsonl"
_BESIDE_PICTURES: Final = frozenset({_DESCRIPTION, _INDEX, NOTES})
_LARGEST_INDEX: Final = 256 * MEBIBYTE
# An entry takes some 150 bytes, and 1,500 with the longest name in letters of three bytes each.
_INDEX_BYTES_A_PICTURE: Final = 2048
_LARGEST_TEXT: Final = 16 * MEBIBYTE
# The description lists the files that were left out, of which there may be four for each picture.
_TEXT_BYTES_A_PICTURE: Final = 1024
_LONGEST_TEXT: Final = 20_000
_TEXTS: Final = ("description", "origin", "licence", "homepage", "citation")
_CHANGE: Final = "Brought in from another machine"


class PackedPicture(BaseModel):
    """One picture of a packed dataset; `file` is its path in the zip, the rest is as in `tlcore.data.index.Row`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Annotated[str, Field(min_length=1, max_length=1000)]
    label: Annotated[int, Field(ge=0)]
    part: Part | None
    file: Annotated[str, Field(pattern=r"^pictures/[0-9]{6,9}(\.[a-z0-9]{1,5})?$")]
    group: Annotated[int, Field(ge=-1, lt=2**31)]
    excluded: Annotated[str, Field(max_length=1000)] | None


def pack_dataset(workspace: Workspace, dataset_id: str, target: Path, reporter: Reporter | None = None) -> Path:
    """Writes one of the person's own datasets into one file; paths of this machine are left out.

    Args:
        workspace: Where it is.
        dataset_id: Which.
        target: The file to write, replaced where there is one; it appears when it is whole.
        reporter: Told how far it is, and asked whether to stop.

    Returns:
        `target`.

    Raises:
        DatasetError: There is no such dataset, or it is not the person's own.
        InputError: The file can't be written.
        PictureError: A picture is gone.
        Stopped: Somebody asked to stop.
    """
    info = find_dataset(workspace, dataset_id)
    if info.source != "own":
        raise DatasetError(
            "Only your own datasets are packed",
            value=info.id,
            hint=f"This one is there on any machine: 'datasets prepare {info.id}'.",
        )
    reporter = reporter or Silence()
    dataset = open_dataset(workspace, info.id, with_excluded=True)
    rows = read_rows(dataset.folder, dataset.info.version)
    packed = [_packed(number, row) for number, row in enumerate(rows)]
    with ParcelWriter(target, "dataset", info.id) as parcel:
        parcel.add_model(_DESCRIPTION, _without_paths(dataset.info))
        parcel.add_lines(_INDEX, iter(packed))
        if notes := read_notes(workspace, info.id):
            parcel.add_bytes(NOTES, notes.encode())
        for number, picture in enumerate(packed):
            if reporter.stop_requested():
                raise Stopped
            parcel.add_bytes(picture.file, dataset.read(number))
            reporter.progress("Packing pictures", number + 1, len(packed))
    return target


def packed_size(workspace: Workspace, dataset_id: str) -> int:
    """About how many bytes `pack_dataset` would write: those of the pictures.

    Raises:
        DatasetError: There is no such dataset, or it is damaged.
    """
    folder = dataset_folder(workspace, dataset_id)
    files = (folder / PICTURES / row.place.file for row in read_rows(folder, read_info(folder).version))
    return sum(file.stat().st_size for file in files if file.is_file())


def _packed(number: int, row: Row) -> PackedPicture:
    suffix = PurePosixPath(row.place.file).suffix.lower()
    return PackedPicture(
        key=row.key,
        label=row.label,
        part=row.part,
        file=f"pictures/{number:06d}{suffix}",
        group=row.group,
        excluded=row.excluded,
    )


def _without_paths(info: DatasetInfo) -> DatasetInfo:
    """The same without a word on where it lay: of a path only the last name stays."""
    name = PureWindowsPath(info.origin).name if "\\" in info.origin else PurePosixPath(info.origin).name
    is_path = PurePosixPath(info.origin).is_absolute() or PureWindowsPath(info.origin).is_absolute()
    return info.model_copy(update={"origin": name if is_path else info.origin})


def unpack_dataset(
    workspace: Workspace, path: Path, reporter: Reporter | None = None, made_by: str = ""
) -> DatasetInfo:
    """Takes in a dataset that was packed elsewhere, whole or not at all. Where its id is taken, it gets a new one.

    Args:
        workspace: Where it will live.
        path: The file.
        reporter: Told how far it is, and asked whether to stop.
        made_by: The job that does it; see `find_made_by`.

    Returns:
        What is known of it now.

    Raises:
        ImportRefused: The file is no packed dataset, damaged or hostile; or the dataset is here already.
        WorkspaceError: The disk is full or can't be written.
        Stopped: Somebody asked to stop.
    """
    sweep_incoming(workspace)
    with open_parcel(path, "dataset", workspace.limits) as parcel:
        info, pictures = _documents(parcel, workspace.limits.pictures)
        _check_pictures(parcel, info, pictures)
        notes = _notes(parcel)
        info = _named(workspace, parcel, info, pictures).model_copy(update={"made_by": made_by})
        candidates = list(_candidates(parcel, info, pictures))
        check_room(workspace, candidates)
        with DatasetWriter(workspace, info.id) as writer:
            left_out = take_pictures(workspace, candidates, writer, reporter or Silence())
            if left_out:
                raise refused("A picture in the file can't be read", f"{left_out[0].file}: {left_out[0].reason}")
            if notes:
                writer.lay_beside(NOTES, notes)
            return writer.publish(info, change=_CHANGE, revise=partial(_as_packed, parcel, pictures))


def _documents(parcel: Parcel, most: int) -> tuple[DatasetInfo, list[PackedPicture]]:
    """Description and index, of which no more is read than those of the pictures in the file can be, at most `most`."""
    count = len(parcel.files.keys() - _BESIDE_PICTURES)
    if count > most:
        raise refused("There are too many pictures in the file", f"{count:,}", f"At most {most:,}.")
    # Files that were left out are listed too, however few pictures are left.
    text_bytes = min(_LARGEST_TEXT, MEBIBYTE + most * _TEXT_BYTES_A_PICTURE)
    index_bytes = min(_LARGEST_INDEX, MEBIBYTE + count * _INDEX_BYTES_A_PICTURE)
    info = _checked_info(parcel, parcel.document(_DESCRIPTION, DatasetInfo, text_bytes))
    return info, parcel.lines(_INDEX, PackedPicture, index_bytes, count)


def _checked_info(parcel: Parcel, info: DatasetInfo) -> DatasetInfo:
    """What the file says of the dataset, as far as it may come in."""
    names = info.class_names
    if len(set(names)) != len(names) or not all(_is_name(name) for name in names):
        raise refused("The classes in the file have names that can't be used", parcel.name)
    texts = {field: getattr(info, field)[:_LONGEST_TEXT] for field in _TEXTS}
    rejected = tuple(entry for entry in info.rejected if is_text((entry.file[:1000], entry.reason[:1000])))
    created = info.created if info.created and info.created.tzinfo else datetime.now(UTC)
    own = {"source": "own", "name": shown_name(info.name), "created": created, "rejected": rejected}
    return _without_paths(info.model_copy(update=texts | own))


def _is_name(name: str) -> bool:
    return len(name) <= LONGEST_CLASS_NAME and is_text((name,)) and not set(name) & set("/\\")


def _check_pictures(parcel: Parcel, info: DatasetInfo, pictures: Sequence[PackedPicture]) -> None:
    """The index names every file of the zip once, and nothing else; and fits the classes."""
    named = [picture.file for picture in pictures]
    if parcel.files.keys() - _BESIDE_PICTURES != set(named) or len(set(named)) != len(named):
        raise refused("The pictures in the file are not those that its index names", parcel.name)
    keys = [picture.key for picture in pictures]
    texts = [*keys, *(picture.excluded for picture in pictures if picture.excluded)]
    if len(set(keys)) != len(keys) or not all(is_text((text,)) for text in texts):
        raise refused("Pictures in the file have names that can't be used", parcel.name)
    if any(picture.label >= len(info.class_names) for picture in pictures):
        raise refused("The index in the file does not fit its classes", parcel.name)


def _notes(parcel: Parcel) -> str:
    if NOTES not in parcel:
        return ""
    try:
        notes = parcel.read(NOTES, 4 * LONGEST).decode()
    except UnicodeDecodeError as error:
        raise refused("The notes in the file can't be read", parcel.name) from error
    return notes[:LONGEST]


def _named(workspace: Workspace, parcel: Parcel, info: DatasetInfo, pictures: Sequence[PackedPicture]) -> DatasetInfo:
    """With the id that it gets here: its own where that is free, so that runs which learned from it find it.

    Raises:
        ImportRefused: The same pictures with the same labels are here already.
    """
    rows = [_row(picture, parcel.files[picture.file].sha256) for picture in pictures]
    fingerprint = summarise(info.class_names, rows).fingerprint
    for known in list_datasets(workspace):
        if known.source == "own" and known.fingerprint == fingerprint and known.class_names == info.class_names:
            raise ImportRefused("This dataset is already here", value=known.id, hint=f"It is called {known.name}.")
    source, _, wanted = info.id.partition("/")
    if source == OWN and known_id(workspace, wanted) is None and free_id(workspace, wanted) == info.id:
        return info
    name = free_name(workspace, info.name)
    return info.model_copy(update={"id": free_id(workspace, name), "name": name})


def _row(picture: PackedPicture, sha256: str) -> Row:
    return Row(
        picture.key, picture.label, picture.part, sha256, 0, 0, Place(picture.file), picture.group, picture.excluded
    )


def _candidates(parcel: Parcel, info: DatasetInfo, pictures: Sequence[PackedPicture]) -> Iterator[Candidate]:
    for picture in pictures:
        yield Candidate(picture.key, info.class_names[picture.label], picture.part, parcel.member(picture.file))


def _as_packed(parcel: Parcel, pictures: Sequence[PackedPicture], rows: list[Row]) -> list[Row]:
    """The rows that came in, left out and kept together as they were.

    Raises:
        ImportRefused: A picture has other bytes than the manifest says.
    """
    for picture, row in zip(pictures, rows, strict=True):
        if parcel.files[picture.file].sha256 != row.sha256:
            raise refused("The file was damaged or changed on its way", f"{parcel.name}: {picture.file}")
    return [
        replace(row, group=picture.group, excluded=picture.excluded)
        for picture, row in zip(pictures, rows, strict=True)
    ]
