"""Adding pictures to a class of one's own dataset."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from tlcore.data.dataset import DatasetInfo, RejectedFile
from tlcore.data.index import Row
from tlcore.data.stored import StoredDataset, dataset_folder
from tlcore.data.writer import DatasetWriter
from tlcore.errors import DatasetError, PictureError
from tlcore.images.guard import GuardedDecoder
from tlcore.progress import Reporter, Silence, Stopped
from tlcore.workspace import Limits, Workspace


@dataclass(frozen=True)
class Added:
    """What came of adding pictures.

    Attributes:
        info: Of the dataset now.
        keys: Of the pictures that were added.
        rejected: Files that can't be read, and why.
        copies: Pictures that were not taken, because the dataset has them already, byte for byte.
    """

    info: DatasetInfo
    keys: tuple[str, ...]
    rejected: tuple[RejectedFile, ...]
    copies: int


def add_pictures(
    workspace: Workspace,
    dataset_id: str,
    class_name: str,
    pictures: Iterable[tuple[str, bytes]],
    decoder: GuardedDecoder,
    reporter: Reporter | None = None,
    *,
    made_by: str = "",
    before_it_is_there: Callable[[Added], None] = lambda _: None,
) -> Added:
    """Adds pictures to a class of one's own dataset, as its next version; copies of what it has are passed over.

    Args:
        workspace: Where the dataset is.
        dataset_id: Which dataset.
        class_name: One of its classes.
        pictures: Names and encoded pictures.
        decoder: Decodes each of them first.
        reporter: Told how many were read, and asked whether to stop.
        made_by: The job that does it; see `find_version_made_by`.
        before_it_is_there: Called with what will have come of it, and the dataset as it was before.

    Raises:
        DatasetError: The dataset is unknown or not one's own, there is no such class, it would have too many pictures,
            or somebody else is changing it.
        WorkspaceError: The disk is full or can't be written; nothing is kept.
        Stopped: Somebody asked to stop; nothing is kept.
    """
    told = reporter or Silence()
    before = StoredDataset.open(dataset_folder(workspace, dataset_id), with_excluded=True)
    _check_growable(before.info, class_name)
    known = set(before.hashes)
    rejected: list[RejectedFile] = []
    keys: list[str] = []
    copies = 0
    with DatasetWriter(workspace, dataset_id) as writer:
        for done, (name, data) in enumerate(pictures, start=1):
            if told.stop_requested():
                raise Stopped
            digest = hashlib.sha256(data).hexdigest()
            if digest in known:
                copies += 1
                continue
            try:
                facts = decoder.inspect(data)
            except PictureError as error:
                rejected.append(RejectedFile(file=name, reason=str(error)))
                continue
            _check_room(len(before) + len(writer) + 1, workspace.limits)
            known.add(digest)
            keys.append(_key(class_name, name, digest))
            writer.add(keys[-1], class_name, None, data, facts)
            told.progress("Adding pictures", done, 0)
        if not keys:
            return Added(before.info, (), tuple(rejected), copies)

        def grow(info: DatasetInfo, rows: list[Row]) -> tuple[DatasetInfo, list[Row]]:
            _check_growable(info, class_name)  # somebody may have changed it meanwhile
            _check_room(len(rows) + len(writer), workspace.limits)
            return info, rows

        before_it_is_there(Added(before.info, tuple(keys), tuple(rejected), copies))
        number = "1 picture" if len(keys) == 1 else f"{len(keys):,} pictures"
        info = writer.publish_version(f"{number} added to {class_name}", grow, addition=True, made_by=made_by)
    return Added(info, tuple(keys), tuple(rejected), copies)


def _check_room(pictures: int, limits: Limits) -> None:
    if pictures > limits.pictures:
        raise DatasetError(
            "There would be too many pictures in one dataset; none was added",
            value=f"more than {limits.pictures:,}",
            hint="Begin another dataset, or remove some.",
        )


def _check_growable(info: DatasetInfo, class_name: str) -> None:
    if info.source != "own":
        raise DatasetError(
            "Only your own datasets can grow", value=info.id, hint="Import pictures of your own, or begin a dataset."
        )
    if class_name not in info.class_names:
        raise DatasetError("There is no such class", value=class_name, options=info.class_names)


def _key(class_name: str, name: str, digest: str) -> str:
    """A name that no other content ever has: cameras call every first picture alike, also that of another day."""
    path = PurePosixPath(name.replace("\\", "/"))
    return f"{class_name}/{path.stem or 'picture'}~{digest[:12]}{path.suffix}"
