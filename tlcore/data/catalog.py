"""All datasets of a workspace: the samples, what people imported, and TensorFlow Datasets."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

from tlcore.caches.budget import forget
from tlcore.data.dataset import PARTS, DatasetInfo
from tlcore.data.index import read_table, unreadable
from tlcore.data.samples import SAMPLES, prepare_sample
from tlcore.data.stored import (
    INFO,
    OLD_INDEX,
    PLAIN_SOURCES,
    TFDS,
    VERSIONS,
    StoredDataset,
    dataset_folder,
    read_info,
    remove_dataset,
)
from tlcore.data.tfds.catalogue import CatalogueEntry, find_entry, search_catalogue
from tlcore.data.tfds.directory import find_fault, find_on_disk, list_on_disk
from tlcore.data.tfds.parts import Division
from tlcore.data.tfds.prepare import prepare_tfds
from tlcore.data.tfds.stamp import check_current
from tlcore.data.thumbnail_store import forget_copies
from tlcore.errors import DatasetError
from tlcore.modes import Source
from tlcore.progress import Reporter
from tlcore.workspace import Workspace

OWN = "my"
"""First part of the ids of people's own datasets."""

_log = logging.getLogger(__name__)


def list_datasets(workspace: Workspace) -> list[DatasetInfo]:
    """The samples, then people's own datasets by name, then those of TensorFlow Datasets that are on this machine.

    A damaged one is left out and logged.
    """
    found = [_sample(workspace, sample) for sample in SAMPLES]
    found += _stored(workspace, OWN)
    tfds = {info.id: info for info in _stored(workspace, TFDS)}
    if workspace.allows(Source.TFDS):
        tfds |= {on_disk.id: on_disk.info() for on_disk in list_on_disk() if on_disk.id not in tfds}
    return found + sorted(tfds.values(), key=lambda info: info.id.casefold())


def _stored(workspace: Workspace, source: str) -> list[DatasetInfo]:
    found = []
    for path in sorted((workspace.datasets / source).glob(f"*/{INFO}"), key=lambda path: path.parent.name.casefold()):
        try:
            found.append(read_info(path.parent))
        except DatasetError as error:
            _log.warning("%s", error)
    return found


def _sample(workspace: Workspace, sample: DatasetInfo) -> DatasetInfo:
    if not is_prepared(workspace, sample.id):
        return sample
    try:
        return read_info(dataset_folder(workspace, sample.id))
    except DatasetError as error:
        _log.warning("%s", error)
        return sample


def find_dataset(workspace: Workspace, dataset_id: str) -> DatasetInfo:
    """What is known of one dataset, prepared or not.

    Args:
        workspace: Where it is, or would be.
        dataset_id: Of TensorFlow Datasets' datasets, the bare name means the default variant.

    Raises:
        DatasetError: There is no such dataset; the message lists those there are. Or it is damaged.
        InputError: The id can't be the name of a dataset.
    """
    for sample in SAMPLES:
        if sample.id == dataset_id:
            return _sample(workspace, sample)
    if _is_tfds(dataset_id):
        info = _find_tfds(workspace, dataset_id)
        if info is not None:
            return info
    elif is_prepared(workspace, dataset_id):
        return read_info(dataset_folder(workspace, dataset_id))
    if _is_tfds(dataset_id) and (fault := find_fault(dataset_id)) is not None:
        raise fault
    here = [info.id for info in list_datasets(workspace)]
    if not _is_tfds(dataset_id):
        raise DatasetError(
            "There is no such dataset (any more)",
            value=dataset_id[:200],
            options=[name for name in here if not _is_tfds(name)],
            hint="Choose one of these, or import your own pictures.",
        )
    raise DatasetError(
        "There is no such dataset",
        value=dataset_id[:200],
        options=[*here, *(entry.id for entry in search_catalogue(""))],
        hint="Choose one of these, or import your own pictures. 'datasets list --catalogue' lists TensorFlow Datasets.",
    )


def _is_tfds(dataset_id: str) -> bool:
    return dataset_id.partition("/")[0] not in PLAIN_SOURCES


def _find_tfds(workspace: Workspace, dataset_id: str) -> DatasetInfo | None:
    """One of TensorFlow Datasets: read in, prepared by it on this machine, or in its catalogue."""
    entry = find_entry(dataset_id)
    tfds_id = entry.id if entry else dataset_id
    if is_prepared(workspace, tfds_id):
        return read_info(dataset_folder(workspace, tfds_id))
    on_disk = find_on_disk(tfds_id)
    if on_disk is not None:
        return on_disk.info()
    return None if entry is None else info_of_entry(entry)


def info_of_entry(entry: CatalogueEntry) -> DatasetInfo:
    """What the catalogue knows of a dataset that is not on this machine."""
    parts = {part: entry.splits[part] for part in PARTS if part in entry.splits}
    return DatasetInfo(
        id=entry.id,
        name=f"{entry.name} ({entry.config})" if entry.config else entry.name,
        source="tfds",
        description=entry.description,
        class_names=entry.class_names,
        parts=parts,
        origin=f"TensorFlow Datasets {entry.tfds_version}",
        licence=entry.licence,
        homepage=entry.homepage,
        citation=entry.citation,
    )


def is_prepared(workspace: Workspace, dataset_id: str) -> bool:
    """Whether the dataset's pictures are in the workspace.

    Raises:
        InputError: The id can't be the name of a dataset.
    """
    return (dataset_folder(workspace, dataset_id) / INFO).is_file()


def open_dataset(workspace: Workspace, dataset_id: str, with_excluded: bool = False) -> StoredDataset:
    """The pictures and labels of a prepared dataset.

    Args:
        workspace: Where it is.
        dataset_id: Which.
        with_excluded: Also the pictures that somebody left out.

    Raises:
        DatasetError: It is unknown, not yet prepared, or damaged; or the files that it points into were changed.
        InputError: The id can't be the name of a dataset.
    """
    info = find_dataset(workspace, dataset_id)
    folder = dataset_folder(workspace, info.id)
    if not is_prepared(workspace, info.id):
        raise DatasetError(
            "The pictures of this dataset are not here yet",
            value=info.id,
            hint=f"Prepare it first: 'datasets prepare {info.id}', or its button on the Data page.",
        )
    if info.source == "tfds":
        check_current(folder, info.id)
    return StoredDataset.open(folder, with_excluded)


def ensure_dataset(workspace: Workspace, dataset_id: str, reporter: Reporter | None = None) -> StoredDataset:
    """The same, and prepares it first where it isn't: a sample is made, one of TensorFlow Datasets fetched and read in.

    Raises:
        DatasetError: It is unknown, damaged, or somebody has to fetch files first.
        DownloadFailed: It can't be fetched.
        InputError: The id can't be the name of a dataset.
        WorkspaceError: The disk is full or can't be written.
        Stopped: Somebody asked to stop.
    """
    prepare_dataset(workspace, dataset_id, None, reporter)
    return open_dataset(workspace, dataset_id)


def prepare_dataset(
    workspace: Workspace, dataset_id: str, division: Division | None = None, reporter: Reporter | None = None
) -> DatasetInfo:
    """Makes a dataset ready for use; one that is ready stays as it is.

    Args:
        workspace: Where it will be.
        dataset_id: Which.
        division: For TensorFlow Datasets: the makers' training, validation and test parts, or none of them. None: as it
            is.
        reporter: Told how far it is, and asked whether to stop.

    Raises:
        DatasetError: It is unknown or damaged, or its parts can't be chosen, or somebody has to fetch files first.
        DownloadFailed, InputError, WorkspaceError, Stopped: As for `ensure_dataset`.
    """
    info = find_dataset(workspace, dataset_id)
    if info.source == "tfds":
        return prepare_tfds(workspace, info.id, division, reporter)
    if division == "ours":
        raise DatasetError(
            "Only the division of TensorFlow Datasets can be left out", value=info.id, hint="Leave the option out."
        )
    return prepare_sample(workspace, info.id, reporter) if info.source == "sample" else info


def delete_dataset(workspace: Workspace, dataset_id: str) -> None:
    """Deletes a dataset and what was cached of its pictures; runs trained with it keep their reports and models.

    Of TensorFlow Datasets' only what this program wrote down is deleted: the files that it prepared stay.

    Raises:
        DatasetError: It is unknown, or it is a sample, or it was never read in.
        InputError: The id can't be the name of a dataset.
        WorkspaceError: It can't be removed.
    """
    if dataset_id in {sample.id for sample in SAMPLES}:
        raise DatasetError("Samples come with the program and can't be deleted", value=dataset_id)
    if not dataset_folder(workspace, dataset_id).exists():
        info = find_dataset(workspace, dataset_id)  # raises for what is unknown, with the options
        raise DatasetError(
            "Nothing of this dataset is in the workspace", value=info.id, hint=f"It comes from: {info.origin}."
        )
    forget(workspace, dataset_id)
    digests = _digests(dataset_folder(workspace, dataset_id))
    remove_dataset(workspace, dataset_id)
    forget_copies(workspace, digests)


def _digests(folder: Path) -> set[str]:
    """Of all pictures in all versions of a dataset, as far as these can be read: a damaged one can be deleted, too."""
    found: set[str] = set()
    for path in (folder / OLD_INDEX, *(folder / VERSIONS).glob("*.parquet")):
        with suppress(*unreadable()):
            found.update(read_table(path)["sha256"].to_pylist())
    return found
