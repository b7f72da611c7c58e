"""The audit job: one for each state of a dataset, done by a real worker."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tlcore.audit.findings import read_audit
from tlcore.audit.record import Audit
from tlcore.data.catalog import find_dataset
from tlcore.data.edits import exclude
from tlcore.data.importer import import_pictures
from tlcore.errors import DatasetError
from tlcore.files import write_json
from tlcore.jobs.audit import submit_audit
from tlcore.jobs.service import delete_run, read_result, wait
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace


@pytest.fixture
def pets(workspace: Workspace, picture_folder: Path) -> Workspace:
    import_pictures(workspace, picture_folder, "pets")
    return workspace


def finish(workspace: Workspace, job: str, state: State) -> None:
    """Ends a queued job as if a worker had."""
    registry = Registry(workspace)
    registry.move(job, State.RUNNING)
    registry.move(job, state)


def checked(workspace: Workspace) -> None:
    """Writes down a check of the dataset as it is."""
    info = find_dataset(workspace, "my/pets")
    audit = Audit.model_validate(
        {
            "dataset_id": info.id,
            "version": info.version,
            "fingerprint": info.fingerprint,
            "created": "2026-01-01T00:00:00Z",
            "pictures": info.pictures,
            "seconds": {},
            "findings": [],
        }
    )
    folder = workspace.datasets / "my" / "pets" / "audit"
    folder.mkdir(exist_ok=True)
    write_json(folder / "audit.json", audit.model_dump(mode="json"))


@pytest.mark.usefixtures("idle_queue")
def test_one_check_is_enough_for_one_state(pets: Workspace) -> None:
    first = submit_audit(pets, "my/pets")
    assert submit_audit(pets, "my/pets") == first
    finish(pets, first, State.COMPLETED)
    checked(pets)
    assert submit_audit(pets, "my/pets") == first
    exclude(pets, "my/pets", ["cat/000.jpg"], "test")
    second = submit_audit(pets, "my/pets")
    assert second != first
    assert Registry(pets).get(second).state is State.QUEUED


@pytest.mark.usefixtures("idle_queue")
def test_a_check_that_failed_or_was_lost_is_made_again(pets: Workspace) -> None:
    first = submit_audit(pets, "my/pets")
    finish(pets, first, State.FAILED)
    second = submit_audit(pets, "my/pets")
    assert second != first
    finish(pets, second, State.COMPLETED)
    checked(pets)
    shutil.rmtree(pets.datasets / "my" / "pets" / "audit")
    assert submit_audit(pets, "my/pets") not in (first, second)


@pytest.mark.usefixtures("idle_queue")
def test_what_cannot_be_checked_is_refused_at_once(workspace: Workspace) -> None:
    for dataset in ("my/nothing", "sample/digits"):
        with pytest.raises(DatasetError):
            submit_audit(workspace, dataset)
    assert Registry(workspace).list("audit") == ()


def test_a_worker_checks_and_the_result_is_the_audit(pets: Workspace) -> None:
    job = submit_audit(pets, "my/pets")
    record = wait(pets, job, timeout=300)
    assert record.state is State.COMPLETED, record.error
    audit = read_audit(pets, "my/pets")
    assert audit is not None
    assert audit.pictures == 24
    assert read_result(pets, job) == audit.model_dump(mode="json")
    assert submit_audit(pets, "my/pets") == job


@pytest.mark.usefixtures("idle_queue")
def test_a_check_is_made_again_after_an_earlier_one_was_deleted(pets: Workspace) -> None:
    first = submit_audit(pets, "my/pets")
    finish(pets, first, State.FAILED)
    second = submit_audit(pets, "my/pets")
    finish(pets, second, State.FAILED)
    delete_run(pets, first)
    assert submit_audit(pets, "my/pets") not in (first, second)


@pytest.mark.usefixtures("idle_queue")
def test_a_check_is_asked_for_by_the_dataset_alone(pets: Workspace) -> None:
    assert RunFolder.find(pets, submit_audit(pets, "my/pets")).read_config() == {"dataset": "my/pets"}
