"""Making a dataset of TensorFlow Datasets ready for use: fetched where it is missing, read in, divided as asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from tlcore.data.dataset import DatasetInfo, Part
from tlcore.data.stored import INFO, dataset_folder, read_info, read_rows
from tlcore.data.tfds.catalogue import CatalogueEntry, find_entry
from tlcore.data.tfds.directory import find_fault, find_on_disk, state_of
from tlcore.data.tfds.fetching import fetch_dataset
from tlcore.data.tfds.parts import Division, parts_of
from tlcore.data.tfds.reading import check_size, read_in, split_of
from tlcore.data.versions import edit_lock, write_version
from tlcore.errors import DatasetError
from tlcore.modes import Source
from tlcore.progress import Reporter, Silence, Stopped
from tlcore.workspace import Workspace

_LOOK_SECONDS: Final = 0.5


def prepare_tfds(
    workspace: Workspace, dataset_id: str, division: Division | None = None, reporter: Reporter | None = None
) -> DatasetInfo:
    """Prepares a dataset of TensorFlow Datasets by its name; one that is ready stays as it is.

    What TensorFlow Datasets has prepared already, in array_record or TFRecord files, is used as it is and where it is.

    Args:
        workspace: Where its index will live.
        dataset_id: Such as `beans` or `emnist/letters`.
        division: The makers' training, validation and test parts (`own`), or none of them (`ours`), so that all
            pictures are divided by this program. None: as it is, for a new one the makers'.
        reporter: Told how far it is, and asked whether to stop.

    Raises:
        DatasetError: There is no such dataset, it can't be used, or somebody has to fetch files first.
        DownloadFailed: It can't be fetched.
        ImportRefused: The catalogue is switched off here.
        WorkspaceError: There is too little room, or a folder can't be written.
        Stopped: Somebody asked to stop; nothing half-made is kept.
    """
    told = reporter or Silence()
    entry = find_entry(dataset_id)
    tfds_id = entry.id if entry else dataset_id
    with _alone(workspace, tfds_id, told):
        if state_of(workspace, tfds_id) == "ready":
            return divide(workspace, tfds_id, division)
        workspace.check_source(Source.TFDS)
        if find_on_disk(tfds_id) is None:
            _fetch(workspace, entry, tfds_id, told)
        on_disk = find_on_disk(tfds_id)
        if on_disk is None:
            raise find_fault(tfds_id) or DatasetError(
                "TensorFlow Datasets prepared it, but not as pictures with one class each", value=tfds_id
            )
        return read_in(workspace, on_disk, division or _division_of(dataset_folder(workspace, tfds_id)), told)


def _division_of(folder: Path) -> Division:
    """How the dataset in a folder is divided; as its makers did, where there is none yet."""
    if not (folder / INFO).is_file():
        return "own"
    rows = read_rows(folder, read_info(folder).version)
    theirs = parts_of(dict.fromkeys(split_of(row.key) for row in rows))
    return "ours" if any(theirs.values()) and not any(row.part for row in rows) else "own"


def _fetch(workspace: Workspace, entry: CatalogueEntry | None, tfds_id: str, reporter: Reporter) -> None:
    if entry is None:
        raise find_fault(tfds_id) or DatasetError(
            "TensorFlow Datasets has no such dataset on this machine, and the catalogue doesn't list it",
            value=tfds_id,
            hint="Search the catalogue: 'datasets list --catalogue --search WORD', or the Data page.",
        )
    if entry.pictures is not None:
        check_size(workspace, tfds_id, entry.pictures)
    if workspace.mode == "demo" and not 0 < (entry.download_bytes or 0) <= workspace.limits.expanded_bytes:
        raise DatasetError(
            "This dataset is too large to be downloaded here, or nobody knows its size",
            value=tfds_id,
            hint=f"Choose one of at most {workspace.limits.expanded_bytes / 1e6:,.0f} MB, or a sample.",
        )
    fetch_dataset(entry, reporter)


def divide(workspace: Workspace, dataset_id: str, division: Division | None) -> DatasetInfo:
    """Gives a dataset that was read in its makers' parts, or takes them away, as its next version.

    Raises:
        DatasetError: There is no such dataset, or somebody else is changing it.
        WorkspaceError: The disk is full or can't be written.
    """
    folder = dataset_folder(workspace, dataset_id)
    if division is None:
        return read_info(folder)
    with edit_lock(folder):
        info = read_info(folder)
        rows = read_rows(folder, info.version)
        none: dict[str, Part | None] = {}
        parts = parts_of(dict.fromkeys(split_of(row.key) for row in rows)) if division == "own" else none
        divided = [replace(row, part=parts.get(split_of(row.key))) for row in rows]
        if divided == rows:
            return info
        change = "Divided as its makers did" if division == "own" else "Its makers' division left out"
        following = info.model_copy(update={"version": info.version + 1})
        return write_version(folder, following, divided, change, keep=workspace.limits.versions)


@contextmanager
def _alone(workspace: Workspace, dataset_id: str, reporter: Reporter) -> Iterator[None]:
    """Waits until nobody else prepares the same dataset.

    Raises:
        Stopped: Somebody asked to stop while it waited.
    """
    folder = dataset_folder(workspace, dataset_id)
    folder.parent.mkdir(exist_ok=True)
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    waited = False
    while True:
        try:
            lock.acquire(timeout=_LOOK_SECONDS)
            break
        except Timeout:
            if not waited:
                reporter.event("note", text="Another job prepares this dataset; this one waits for it.", level="info")
            waited = True
            if reporter.stop_requested():
                raise Stopped from None
    try:
        yield
    finally:
        lock.release()
