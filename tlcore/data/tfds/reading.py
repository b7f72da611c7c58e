"""The index pass: every picture that TensorFlow Datasets prepared is decoded once, and its place is written down."""

from __future__ import annotations

import errno
import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from tlcore.data.dataset import DatasetInfo, Part, RejectedFile
from tlcore.data.incoming import sweep_incoming
from tlcore.data.index import Row
from tlcore.data.ordered import ordered_map
from tlcore.data.stored import INFO, dataset_folder
from tlcore.data.tfds.again import Fresh, digest_of, taken_over
from tlcore.data.tfds.description import OnDisk
from tlcore.data.tfds.parts import Division
from tlcore.data.tfds.records import FORMATS, Example, read_examples
from tlcore.data.tfds.stamp import STAMP, make_stamp, read_stamp
from tlcore.data.writer import DatasetWriter
from tlcore.errors import DatasetError, PictureError
from tlcore.images.decode import PictureFacts
from tlcore.images.pool import DECODERS, DecoderPool
from tlcore.progress import Reporter, Stopped
from tlcore.workspace import Workspace

MOST_PICTURES: Final = 300_000
"""In a local workspace. Comparing each picture with each takes minutes from here on, and would soon take hours."""

_AHEAD: Final = 6
_TASK: Final = "Checking pictures"


@dataclass(frozen=True)
class _Found:
    """A picture in the files, and what was made of it."""

    key: str
    part: Part | None
    example: Example


@dataclass(frozen=True)
class _Checked:
    found: _Found
    facts: PictureFacts | None
    reason: str = ""
    sha256: str = ""


def read_in(workspace: Workspace, on_disk: OnDisk, division: Division, reporter: Reporter) -> DatasetInfo:
    """Makes a dataset of the workspace whose pictures stay where TensorFlow Datasets put them.

    A picture that can't be decoded is listed in the result's `rejected`. A dataset that was read in before gets a new
    version, in which pictures that somebody left out stay left out.

    Args:
        workspace: Where the index lives.
        on_disk: What TensorFlow Datasets prepared.
        division: Whose training, validation and test parts.
        reporter: Told how far it is, and asked whether to stop.

    Raises:
        DatasetError: It has too many pictures or none that can be used, its files are in a format that can't be read in
            place, or they are damaged.
        WorkspaceError: The disk is full or can't be written.
        Stopped: Somebody asked to stop; nothing is kept.
    """
    _check_readable(workspace, on_disk)
    sweep_incoming(workspace)
    with DatasetWriter(workspace, on_disk.id) as writer:
        try:
            stamp = make_stamp(
                on_disk.folder, on_disk.version, (file for split in on_disk.splits for file in split.files)
            )
            rejected, fresh = _take(workspace, on_disk, division, writer, reporter)
        except OSError as error:
            raise DatasetError(
                f"The files of the dataset can't be read: {error.strerror or error}",
                value=error.filename or on_disk.folder,
                hint=f"Delete the folder {on_disk.folder} and prepare the dataset again.",
            ) from error
        if not len(writer):
            raise DatasetError("No picture of this dataset can be used", value=on_disk.id, hint=_first_reason(rejected))
        folder = dataset_folder(workspace, on_disk.id)
        last, read = read_stamp(folder), datetime.now(UTC)
        contents = digest_of(on_disk.folder, on_disk.class_names, fresh)
        if last is not None and (last.folder, last.contents) == (str(on_disk.folder), contents):
            read = last.read  # the files were only touched: all versions since then still tell what is in them
        stamp |= {"read": read.isoformat(), "contents": contents}
        info = on_disk.info().model_copy(update={"created": read, "rejected": tuple(rejected)})
        if not (folder / INFO).is_file():
            return writer.publish(info, {STAMP: stamp}, f"Read in from {on_disk.folder}")

        def replace_all(before: DatasetInfo, rows: list[Row]) -> tuple[DatasetInfo, list[Row]]:
            return info, taken_over(last, contents, before, rows, fresh)

        return writer.publish_version(f"Read in again from {on_disk.folder}", replace_all, {STAMP: stamp})


def _check_readable(workspace: Workspace, on_disk: OnDisk) -> None:
    if on_disk.file_format not in FORMATS:
        raise DatasetError(
            "This dataset was prepared in a format of files that can't be read here",
            value=f"{on_disk.file_format} in {on_disk.folder}",
            options=FORMATS,
            hint="Prepare it with TensorFlow Datasets in one of these formats.",
        )
    check_size(workspace, on_disk.id, sum(split.pictures for split in on_disk.taken()))


def check_size(workspace: Workspace, dataset_id: str, pictures: int) -> None:
    """Refuses a dataset that is too large for the workspace.

    Raises:
        DatasetError: It has too many pictures.
    """
    most = workspace.limits.pictures if workspace.mode == "demo" else MOST_PICTURES
    if pictures > most:
        raise DatasetError(
            "This dataset has more pictures than a dataset of this workspace may have",
            value=f"{dataset_id}: {pictures:,} pictures, at most {most:,}",
            hint="Choose a smaller one, or a smaller variant of it.",
        )


def _first_reason(rejected: list[RejectedFile]) -> str:
    return f"The first reason: {rejected[0].reason}" if rejected else "Its splits are empty."


def _take(
    workspace: Workspace, on_disk: OnDisk, division: Division, writer: DatasetWriter, reporter: Reporter
) -> tuple[list[RejectedFile], dict[str, Fresh]]:
    """Writes the place of every picture that can be decoded; returns what was left out and why, and what was not."""
    rejected, fresh = _left_out(on_disk), dict[str, Fresh]()
    unlabelled: Counter[str] = Counter()
    total = sum(split.pictures for split in on_disk.taken())
    with ExitStack() as stack:
        decoders = stack.enter_context(DecoderPool(workspace.limits))

        def check(found: _Found) -> _Checked:
            if not 0 <= found.example.label < len(on_disk.class_names):
                return _Checked(found, None)
            try:
                facts = decoders.inspect(found.example.data)
                return _Checked(found, facts, sha256=hashlib.sha256(found.example.data).hexdigest())
            except PictureError as error:
                return _Checked(found, None, str(error))

        reporter.progress(_TASK, 0, total)
        found = _find(on_disk, division, workspace.limits.picture_bytes, reporter)
        for done, checked in enumerate(stack.enter_context(closing(ordered_map(check, found, DECODERS, _AHEAD))), 1):
            if reporter.stop_requested():
                raise Stopped
            key, example = checked.found.key, checked.found.example
            if checked.facts is not None:
                name = on_disk.class_names[example.label]
                writer.add(key, name, checked.found.part, example.data, checked.facts, example.place)
                fresh[key] = Fresh(example.label, checked.found.part, checked.sha256, example.place)
            elif checked.reason:
                rejected.append(RejectedFile(file=key, reason=checked.reason))
            else:
                unlabelled[split_of(key)] += 1
            reporter.progress(_TASK, done, total)
    rejected += [
        RejectedFile(file=f"split {name}", reason=f"{number:,} of its pictures have no class; they were left out.")
        for name, number in unlabelled.items()
    ]
    return rejected, fresh


def _left_out(on_disk: OnDisk) -> list[RejectedFile]:
    taken = on_disk.taken()
    return [
        RejectedFile(
            file=f"split {split.name}",
            reason=f"Its {split.pictures:,} pictures were left out: it is neither training, validation nor test.",
        )
        for split in on_disk.splits
        if split not in taken
    ]


def _find(on_disk: OnDisk, division: Division, picture_bytes: int, reporter: Reporter) -> Iterator[_Found]:
    """All pictures in the files. A key is a split and a number in it, which stay as long as the files do."""
    for split in on_disk.taken():
        part = split.part if division == "own" else None
        number = 0
        for file, length in zip(split.files, split.lengths, strict=True):
            before = number
            for example in read_examples(file, on_disk.file_format, on_disk.pair, picture_bytes):
                if reporter.stop_requested():
                    raise Stopped
                if number - before == length:
                    raise OSError(
                        errno.EIO, f"the file has more than the {length:,} pictures it should have", str(file)
                    )
                yield _Found(f"{split.name}/{number:06d}", part, example)
                number += 1
            if number - before != length:  # an array_record file that was cut off seems to be a shorter one
                what = f"the file has {number - before:,} pictures and should have {length:,}"
                raise OSError(errno.EIO, what, str(file))


def split_of(key: str) -> str:
    """The split that a picture of this key is from."""
    return key.rpartition("/")[0]
