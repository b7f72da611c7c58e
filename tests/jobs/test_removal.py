from pathlib import Path

import pytest

from tlcore.data.catalog import list_datasets
from tlcore.data.importer import import_pictures
from tlcore.errors import DatasetError
from tlcore.jobs.removal import delete_unused_dataset
from tlcore.jobs.service import submit
from tlcore.runs.identity import utc_now
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace


def test_a_dataset_in_use_stays_until_its_job_has_ended(workspace: Workspace, picture_folder: Path) -> None:
    import_pictures(workspace, picture_folder, "things")
    now = utc_now()
    registry = Registry(workspace)
    registry.add(JobRecord("20260101-000000-aaaa", "train", "A training", "my/things", State.QUEUED, now, "me", now))
    with pytest.raises(DatasetError, match="A training"):
        delete_unused_dataset(workspace, "my/things")
    assert "my/things" in [info.id for info in list_datasets(workspace)]
    registry.move("20260101-000000-aaaa", State.STOPPED)
    delete_unused_dataset(workspace, "my/things")
    assert "my/things" not in [info.id for info in list_datasets(workspace)]


def test_a_separate_test_set_is_in_use_too(workspace: Workspace, picture_folder: Path, idle_queue: None) -> None:
    import_pictures(workspace, picture_folder, "things")
    submit(workspace, "train", {"test_dataset": "my/things"}, "A training", "sample/digits")
    with pytest.raises(DatasetError, match="A training"):
        delete_unused_dataset(workspace, "my/things")


def test_a_sample_stays(workspace: Workspace) -> None:
    with pytest.raises(DatasetError):
        delete_unused_dataset(workspace, "sample/digits")
