"""Importing people's own pictures: all that can be read becomes a dataset, or nothing does."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from tlcore.allowance import check_allowance
from tlcore.data.archive import open_archive
from tlcore.data.catalog import OWN
from tlcore.data.dataset import DatasetInfo, Part, RejectedFile
from tlcore.data.incoming import sweep_incoming
from tlcore.data.index import Row
from tlcore.data.labels import arrange_by_table, find_table, named_table
from tlcore.data.layout import FORM, Candidate, Layout, arrange
from tlcore.data.listing import Listing, list_folder
from tlcore.data.naming import free_id, free_name, known_id, shown_name
from tlcore.data.ordered import ordered_map
from tlcore.data.source_note import made_of, note_source, stamp_of
from tlcore.data.stored import dataset_folder, read_info
from tlcore.data.writer import DatasetWriter
from tlcore.errors import ImportRefused, PictureError, WorkspaceError
from tlcore.images.decode import PictureFacts
from tlcore.images.pool import DECODERS, DecoderPool
from tlcore.progress import Reporter, Silence, Stopped
from tlcore.workspace import Limits, Workspace

_AHEAD: Final = 6
_NAMED_IN_MESSAGES: Final = 3


@dataclass(frozen=True)
class Origin:
    """Where pictures come from, for people.

    Attributes:
        text: The source in a few words; "" is the path that they are imported from.
        homepage: An address.
        licence: Its name.
        description: A line about them.
    """

    text: str = ""
    homepage: str = ""
    licence: str = ""
    description: str = ""


@dataclass(frozen=True)
class _Checked:
    """A candidate that was read and decoded, or why it could not be."""

    candidate: Candidate
    data: bytes
    facts: PictureFacts | None
    reason: str = ""


def import_pictures(
    workspace: Workspace,
    path: Path,
    name: str,
    reporter: Reporter | None = None,
    origin: Origin = Origin(),
    *,
    labels: Path | None = None,
    new_version: bool = False,
    made_by: str = "",
) -> DatasetInfo:
    """Makes a dataset of a folder or zip of class folders, or of train, validation and test with class folders, or of
    pictures with a table of labels.

    Every picture is decoded in a guarded process. Files that can't be read are listed in the result's `rejected`, the
    rest is imported. What is hostile, or leaves fewer than two classes, refuses the import, and nothing is kept.

    Args:
        workspace: Where the dataset will live.
        path: The folder or zip.
        name: What people will call the dataset; its id is made from it.
        reporter: Told how far it is, and asked whether to stop.
        origin: What people will read about where it comes from.
        labels: A table of labels, a file of its own or the path of one that lies among the pictures; None looks for one
            where there are no class folders.
        new_version: Where a dataset has the name already, the pictures become its next version and replace its present
            ones; otherwise that refuses the import.
        made_by: The job that does it; see `find_made_by`.

    Raises:
        DatasetError: Somebody else is changing or deleting the dataset that would get a new version.
        ImportRefused: It can't become a dataset; the message names the way out.
        WorkspaceError: The disk is full or can't be written.
        Stopped: Somebody asked to stop.
    """
    known = known_id(workspace, name) if new_version else None
    dataset_id = known or free_id(workspace, name)
    sweep_incoming(workspace)
    with _listed(path, workspace.limits) as listing:
        layout = _arranged(listing, labels, workspace.limits)
        check_room(workspace, layout.candidates)
        with DatasetWriter(workspace, dataset_id) as writer:
            rejected = list(layout.rejected)
            rejected += take_pictures(workspace, layout.candidates, writer, reporter or Silence())
            info = DatasetInfo(
                id=dataset_id,
                name=shown_name(name),
                source="own",
                class_names=_class_names(layout, writer, rejected),
                description=origin.description,
                origin=origin.text or str(path),
                licence=origin.licence,
                homepage=origin.homepage,
                created=datetime.now(UTC),
                rejected=tuple(sorted(rejected, key=lambda entry: entry.file)),
                made_by=made_by,
            )
            if known is None:
                published = writer.publish(info)
            else:
                change = f"Imported anew from {info.origin}"
                published = writer.publish_version(change, partial(_replace_all, info))
            note_source(dataset_folder(workspace, dataset_id), published, stamp_of(path, listing))
            return published


def _arranged(listing: Listing, labels: Path | None, limits: Limits) -> Layout:
    table = find_table(listing, limits) if labels is None else named_table(listing, labels, limits)
    return arrange(listing, limits) if table is None else arrange_by_table(listing, table, limits)


def _replace_all(info: DatasetInfo, current: DatasetInfo, _rows: list[Row]) -> tuple[DatasetInfo, list[Row]]:
    return info.model_copy(update={"id": current.id, "name": current.name}), []


def find_or_import(workspace: Workspace, path: Path, reporter: Reporter | None = None) -> DatasetInfo:
    """The dataset of a folder or zip, imported under its own name unless that was done before and nothing changed.

    Changed means: other file names, sizes or times, or other pictures, classes or parts in the dataset. The older
    dataset then stays, since runs may refer to it, and the new one is called `name-2`.

    Args:
        workspace: Where datasets live.
        path: The folder or zip.
        reporter: Told how far an import is, and why there is another one.

    Raises:
        DatasetError: The dataset that was made of it is damaged.
        ImportRefused, WorkspaceError, Stopped: As for `import_pictures`.
    """
    with _listed(path, workspace.limits) as listing:
        stamp = stamp_of(path, listing)
    changed = ""
    for folder in sorted((workspace.datasets / OWN).glob("*")):
        match made_of(folder, stamp):
            case "same":
                return read_info(folder)
            case "changed":
                changed = f"{OWN}/{folder.name}"
    resolved = path.resolve()
    name = free_name(workspace, resolved.name if resolved.is_dir() else resolved.stem)
    if changed and reporter is not None:
        text = f"{changed} was changed since these pictures were imported; they are imported again, as {name}."
        reporter.event("note", text=text, level="info")
    return import_pictures(workspace, path, name, reporter)


@contextmanager
def _listed(path: Path, limits: Limits) -> Iterator[Listing]:
    """What lies in a folder or zip, readable until the block ends."""
    if path.is_dir():
        yield list_folder(path, limits)
        return
    if not path.is_file():
        raise ImportRefused(
            "There is no such folder or zip", value=path, hint="Check the spelling, or choose it in the browser."
        )
    with ExitStack() as stack:
        try:
            listing = stack.enter_context(open_archive(path, limits))
        except OSError as error:
            raise ImportRefused(
                f"The file can't be read: {error.strerror}", value=path, hint="Check that you may open it."
            ) from error
        yield listing


def check_room(workspace: Workspace, candidates: Sequence[Candidate]) -> None:
    """Refuses pictures that the disk has no room for, or the workspace none left of what it may take.

    Raises:
        InputError: The workspace would take too much.
        WorkspaceError: There is too little room on the disk.
    """
    needed = sum(candidate.member.size for candidate in candidates)
    check_allowance(workspace, needed)
    free = shutil.disk_usage(workspace.incoming).free
    if needed > free:
        raise WorkspaceError(
            "There is too little room on the disk for these pictures; nothing was imported",
            value=f"{needed / 1e9:.1f} GB of pictures, {free / 1e9:.1f} GB free",
            hint="Free some disk space, or set TLCORE_HOME to a folder with more room.",
        )


def take_pictures(
    workspace: Workspace, candidates: Sequence[Candidate], writer: DatasetWriter, reporter: Reporter
) -> list[RejectedFile]:
    """Writes every candidate that can be decoded, in order, and returns what can't.

    Raises:
        WorkspaceError: The disk is full or can't be written.
        Stopped: Somebody asked to stop.
    """
    rejected = []
    total = len(candidates)
    with ExitStack() as stack:
        decoders = stack.enter_context(DecoderPool(workspace.limits))

        def check(candidate: Candidate) -> _Checked:
            try:
                data = candidate.member.read()
                return _Checked(candidate, data, decoders.inspect(data))
            except PictureError as error:
                return _Checked(candidate, b"", None, str(error))

        reporter.progress("Checking pictures", 0, total)
        results = stack.enter_context(closing(ordered_map(check, candidates, DECODERS, _AHEAD)))
        for done, checked in enumerate(results, start=1):
            if reporter.stop_requested():
                raise Stopped
            candidate = checked.candidate
            if checked.facts is None:
                rejected.append(RejectedFile(file="/".join(candidate.member.path), reason=checked.reason))
            else:
                writer.add(candidate.key, candidate.class_name, candidate.part, checked.data, checked.facts)
            reporter.progress("Checking pictures", done, total)
    return rejected


def _class_names(layout: Layout, writer: DatasetWriter, rejected: list[RejectedFile]) -> tuple[str, ...]:
    """The classes that have pictures, sorted; class folders without one join the rejected.

    Raises:
        ImportRefused: Fewer than two are left, or there are none of one to learn from.
    """
    found = writer.classes()
    if len(found) < 2:
        what = "Only one class has pictures that can be read" if found else "No picture can be read"
        raise ImportRefused(f"{what}; nothing was imported", value=_left_out(sorted(found), rejected), hint=FORM)
    _check_learnable(found)
    rejected += [
        RejectedFile(file=name, reason="The class has no picture that can be read; it was left out.")
        for name in sorted(layout.folders - set(found))
    ]
    return tuple(sorted(found))


def _left_out(found: list[str], rejected: list[RejectedFile]) -> str:
    """The classes that were found, and the first files that were not taken."""
    parts = [f"class {name}" for name in found]
    parts += [f"left out {entry.file[:100]} ({entry.reason})" for entry in rejected[:_NAMED_IN_MESSAGES]]
    if len(rejected) > _NAMED_IN_MESSAGES:
        parts.append(f"and {len(rejected) - _NAMED_IN_MESSAGES} more files")
    return "; ".join(parts) or "nothing that could be a picture"


def _check_learnable(found: dict[str, Counter[Part | None]]) -> None:
    """With parts, every class has pictures in the part to learn from: train, or validation where there is no train."""
    seen = {part for counts in found.values() for part in counts}
    if None in seen:
        return
    part: Part = "train" if "train" in seen else "validation"
    missing = sorted(name for name, counts in found.items() if not counts[part])
    if missing:
        raise ImportRefused(
            f"These classes have no picture in the {part} part that can be read, so they can't be learnt; "
            "nothing was imported",
            value=", ".join(missing[:10]),
            hint=f"Add pictures of them to the {part} part, or remove them elsewhere. A class has the same name in "
            "every part.",
        )
