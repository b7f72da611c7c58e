"""Sharing in a team: copies that belong to whoever took them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import FinishedRun
from tlcore.data.catalog import find_dataset, open_dataset
from tlcore.data.edits import rename_class
from tlcore.data.importer import import_pictures
from tlcore.errors import ImportRefused, InputError
from tlcore.jobs.context import JobContext
from tlcore.jobs.service import submit
from tlcore.jobs.sharing import list_shared, run_share, run_take, share_item, take_copy, unshare
from tlcore.members import Person, person_workspace
from tlcore.modes import MODE_VARIABLE
from tlcore.progress import Silence
from tlcore.runs.folder import RunFolder
from tlcore.runs.registry import Registry
from tlcore.runs.run_parcel import pack_run, unpack_run
from tlcore.serving.bundle import read_info
from tlcore.workspace import Workspace


@pytest.fixture
def people(tmp_path: Path) -> tuple[Workspace, Workspace]:
    team = Workspace.open(tmp_path / "app", {MODE_VARIABLE: "team"})
    ann, ben = (person_workspace(team, Person("https://a", name, name), {}) for name in ("Ann", "Ben"))
    return ann, ben


def test_a_dataset_is_copied_and_neither_changes_the_other(
    people: tuple[Workspace, Workspace], picture_folder: Path
) -> None:
    ann, ben = people
    import_pictures(ann, picture_folder, "pets")
    assert list_shared(ben, "dataset") == []
    share = share_item(ann, "dataset", "my/pets")
    (seen,) = list_shared(ben, "dataset")
    assert (seen.name, seen.by) == ("pets", "Ann")
    assert list_shared(ben, "run") == []

    copy = take_copy(ben, share.id)["dataset_id"]
    assert len(open_dataset(ben, copy)) == 24
    assert find_dataset(ben, copy).fingerprint == find_dataset(ann, "my/pets").fingerprint
    rename_class(ben, copy, "cat", "tiger")
    assert "cat" in find_dataset(ann, "my/pets").class_names

    with pytest.raises(InputError, match=r"Only whoever shared it.*Ask Ann"):
        unshare(ben, share.id)
    unshare(ann, share.id)
    assert list_shared(ben, "dataset") == []
    assert len(open_dataset(ben, copy)) == 24
    with pytest.raises(InputError, match="not shared"):
        take_copy(ben, share.id)


def test_sharing_again_replaces_and_an_administrator_may_end_it(
    people: tuple[Workspace, Workspace], picture_folder: Path
) -> None:
    ann, ben = people
    import_pictures(ann, picture_folder, "pets")
    share_item(ann, "dataset", "my/pets")
    second = share_item(ann, "dataset", "my/pets")
    assert [share.id for share in list_shared(ben, "dataset")] == [second.id]
    full = replace(ben, limits=replace(ben.limits, datasets=0))
    with pytest.raises(ImportRefused, match="as many datasets"):
        take_copy(full, second.id)
    unshare(ben, second.id, as_admin=True)
    assert list((ann.host / "shared").iterdir()) == []


def test_a_run_predicts_the_same_for_whoever_takes_it(
    people: tuple[Workspace, Workspace], finished_run: FinishedRun, tmp_path: Path
) -> None:
    ann, ben = people
    packed = pack_run(finished_run.workspace, finished_run.run_id, tmp_path / "run.zip")
    run_id = unpack_run(ann, packed, trusted=True)
    share = share_item(ann, "run", run_id)
    copy = take_copy(ben, share.id)["run_id"]
    assert Registry(ben).get(copy).owner == "Ben"
    assert (ben.runs / copy / "model.keras").read_bytes() == (ann.runs / run_id / "model.keras").read_bytes()
    assert read_info(ben.runs / copy / "bundle").run_id == copy


def test_what_is_not_ones_own_or_not_there_is_not_shared(
    people: tuple[Workspace, Workspace], picture_folder: Path
) -> None:
    ann, ben = people
    import_pictures(ann, picture_folder, "pets")
    share = share_item(ann, "dataset", "my/pets")
    for kind, item in (("dataset", "my/pets"), ("run", "20260101-000000-aaaa"), ("dataset", "sample/digits")):
        with pytest.raises(InputError):
            share_item(ben, kind, item)  # type: ignore[arg-type]
    for bad in ("../users", f"../{share.id}", "0" * 32, ""):
        with pytest.raises(InputError):
            take_copy(ben, bad)
    assert len(list((ann.host / "shared").iterdir())) == 1


def test_nobody_shares_in_other_modes(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="Only people of a team"):
        share_item(workspace, "dataset", "sample/digits")
    with pytest.raises(InputError, match="Only people of a team"):
        submit(workspace, "share", {"what": "dataset", "item": "sample/digits"}, "share")


def job_of(workspace: Workspace, attempt: int, **payload: object) -> JobContext:
    folder = RunFolder(workspace.jobs / "20260101-000000-aaaa")
    folder.path.mkdir(exist_ok=True)
    for number in range(1, attempt):
        (folder.path / f"events-{number}.jsonl").touch()
    return JobContext(workspace, folder, payload, Silence())


def test_a_copy_that_was_there_before_a_kill_is_told_also_once_nothing_is_shared_any_more(
    people: tuple[Workspace, Workspace], picture_folder: Path
) -> None:
    ann, ben = people
    import_pictures(ann, picture_folder, "pets")
    share = share_item(ann, "dataset", "my/pets")
    told = run_take(job_of(ben, 1, share=share.id))
    unshare(ann, share.id)
    assert run_take(job_of(ben, 2, share=share.id)) == told
    assert [path.name for path in (ben.datasets / "my").iterdir()] == ["pets"]


def test_sharing_once_more_after_a_kill_leaves_one(people: tuple[Workspace, Workspace], picture_folder: Path) -> None:
    ann, ben = people
    import_pictures(ann, picture_folder, "pets")
    run_share(job_of(ann, 1, what="dataset", item="my/pets"))
    told = run_share(job_of(ann, 2, what="dataset", item="my/pets"))
    assert [share.id for share in list_shared(ben, "dataset")] == [told["share"]]
