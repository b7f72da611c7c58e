"""All datasets of a workspace: the samples, and what people imported."""

from __future__ import annotations

import logging

from tlcore.data.dataset import Dataset, DatasetInfo
from tlcore.data.samples import SAMPLES, prepare_sample
from tlcore.data.stored import INFO, StoredDataset, dataset_folder, read_info, remove_dataset
from tlcore.errors import DatasetError
from tlcore.progress import Reporter, Silence
from tlcore.workspace import Workspace

OWN = "my"
"""First part of the ids of people's own datasets."""

_log = logging.getLogger(__name__)


def list_datasets(workspace: Workspace) -> list[DatasetInfo]:
    """The samples, then people's own datasets by name. A damaged one is left out and logged."""
    found = [_sample(workspace, sample) for sample in SAMPLES]
    for path in sorted((workspace.datasets / OWN).glob(f"*/{INFO}"), key=lambda path: path.parent.name.casefold()):
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

    Raises:
        DatasetError: There is no such dataset; the message lists those there are. Or it is damaged.
        InputError: The id can't be the name of a dataset.
    """
    for sample in SAMPLES:
        if sample.id == dataset_id:
            return _sample(workspace, sample)
    if "/" not in dataset_id or not is_prepared(workspace, dataset_id):
        raise DatasetError(
            "There is no such dataset",
            value=dataset_id[:200],
            options=[info.id for info in list_datasets(workspace)],
            hint="Choose one of these, or import your own pictures.",
        )
    return read_info(dataset_folder(workspace, dataset_id))


def is_prepared(workspace: Workspace, dataset_id: str) -> bool:
    """Whether the dataset's pictures are in the workspace.

    Raises:
        InputError: The id can't be the name of a dataset.
    """
    return (dataset_folder(workspace, dataset_id) / INFO).is_file()


def open_dataset(workspace: Workspace, dataset_id: str) -> Dataset:
    """The pictures and labels of a prepared dataset.

    Raises:
        DatasetError: It is unknown, not yet prepared, or damaged.
        InputError: The id can't be the name of a dataset.
    """
    info = find_dataset(workspace, dataset_id)
    if not is_prepared(workspace, dataset_id):
        raise DatasetError(
            "The pictures of this sample are not made yet",
            value=info.id,
            hint=f"Prepare it first: 'datasets prepare {info.id}', or its button on the Data page.",
        )
    return StoredDataset.open(dataset_folder(workspace, dataset_id))


def ensure_dataset(workspace: Workspace, dataset_id: str, reporter: Reporter | None = None) -> Dataset:
    """The same, and makes a sample's pictures first where they are missing.

    Raises:
        DatasetError: It is unknown or damaged.
        InputError: The id can't be the name of a dataset.
        WorkspaceError: The disk is full or can't be written.
        Stopped: Somebody asked to stop.
    """
    if dataset_id in {sample.id for sample in SAMPLES}:
        prepare_sample(workspace, dataset_id, reporter or Silence())
    return open_dataset(workspace, dataset_id)


def delete_dataset(workspace: Workspace, dataset_id: str) -> None:
    """Deletes one of people's own datasets; runs that were trained with it keep their reports and models.

    Raises:
        DatasetError: It is unknown, or it is a sample.
        InputError: The id can't be the name of a dataset.
        WorkspaceError: It can't be removed.
    """
    if dataset_id in {sample.id for sample in SAMPLES}:
        raise DatasetError("Samples come with the program and can't be deleted", value=dataset_id)
    if "/" not in dataset_id or not dataset_folder(workspace, dataset_id).exists():
        find_dataset(workspace, dataset_id)  # raises, with the options
    remove_dataset(workspace, dataset_id)
