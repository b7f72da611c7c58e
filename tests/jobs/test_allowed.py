"""What each mode refuses to queue, and the sweeping of a demo."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tlcore.config import RunConfig
from tlcore.data.catalog import prepare_dataset
from tlcore.data.edits import create_dataset
from tlcore.errors import ConfigError, ImportRefused, InputError
from tlcore.jobs.again import resume
from tlcore.jobs.allowed import check_runs
from tlcore.jobs.preflight import preflight
from tlcore.jobs.service import delete_run, request_stop, submit
from tlcore.jobs.throwaway import check_room_for_session, remove_now, sweep
from tlcore.members import SEEN, Person, new_session_key, person_workspace, session_workspace
from tlcore.modes import MODE_VARIABLE, Source
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

pytestmark = pytest.mark.usefixtures("idle_queue")


def digits(**changes: object) -> dict[str, object]:
    return RunConfig.build(dataset="sample/digits", **changes).to_json()


@pytest.mark.parametrize(
    "changes",
    [{"epochs": 21}, {"image_size": 512}, {"batch_size": 65}, {"mode": "finetune", "fine_tune_epochs": 21}],
)
def test_a_demo_refuses_large_trainings(session: Workspace, changes: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"more than is allowed here.*up to"):
        submit(session, "train", digits(**changes), "large")
    with pytest.raises(ConfigError, match="more than is allowed here"):
        preflight(session, RunConfig.from_json(digits(**changes)))
    assert Registry(session).list() == ()


def test_the_backbones_own_size_counts_too(session: Workspace) -> None:
    small = replace(session, limits=replace(session.limits, image_size=200))
    with pytest.raises(ConfigError, match=r"image size.*224"):
        preflight(small, RunConfig.from_json(digits()))


def test_a_demo_loads_no_model_from_a_file_and_fetches_nothing(session: Workspace) -> None:
    upload = session.incoming / "upload-model.zip"
    upload.touch()
    with pytest.raises(ImportRefused, match="in a demo"):
        submit(session, "restore", {"path": str(upload)}, "model")
    with pytest.raises(ImportRefused, match="Kaggle is switched off"):
        submit(session, "kaggle", {"slug": "ann/leaves", "name": "leaves"}, "leaves")
    with pytest.raises(ImportRefused, match="catalogue of TensorFlow Datasets is switched off"):
        submit(session, "prepare", {"dataset": "beans"}, "beans")
    with pytest.raises(ImportRefused, match="catalogue of TensorFlow Datasets is switched off"):
        submit(session, "train", digits() | {"dataset": "beans"}, "beans")
    with pytest.raises(ImportRefused, match="catalogue of TensorFlow Datasets is switched off"):
        prepare_dataset(session, "beans")
    assert submit(session, "prepare", {"dataset": "sample/digits"}, "digits")


def test_only_ones_own_uploads_may_be_imported(demo: Workspace, session: Workspace, picture_folder: Path) -> None:
    other = session_workspace(demo, new_session_key(), {})
    for workspace in (session, other):
        (workspace.incoming / "upload-a.zip").touch()
    theirs = other.incoming / "upload-a.zip"
    for path in (theirs, picture_folder, Path("/etc"), session.incoming / ".." / ".." / other.root.name / "runs"):
        for kind in ("import", "add"):
            with pytest.raises(ImportRefused, match="Upload a zip"):
                submit(session, kind, {"path": str(path), "name": "theirs"}, "theirs")
    with pytest.raises(ImportRefused):
        submit(session, "import", {"path": str(session.incoming / "upload-a.zip"), "labels": str(theirs)}, "labels")
    assert submit(session, "import", {"path": str(session.incoming / "upload-a.zip"), "name": "mine"}, "mine")


def test_the_operator_switches_uploads_off(session: Workspace) -> None:
    closed = replace(session, sources=frozenset({Source.CAMERA}))
    upload = closed.incoming / "upload-a.zip"
    upload.touch()
    with pytest.raises(ImportRefused, match="Uploading pictures is switched off"):
        submit(closed, "import", {"path": str(upload), "name": "mine"}, "mine")


def test_nobody_queues_more_than_a_person_may_nor_all_more_than_the_app_may(demo: Workspace) -> None:
    first, second = (session_workspace(demo, new_session_key(), {}) for _ in range(2))
    for number in range(first.limits.jobs):
        submit(first, "train", digits(seed=number), "one", token=str(number))
    with pytest.raises(InputError, match="as many jobs"):
        submit(first, "train", digits(), "one too many")
    assert submit(first, "train", digits(), "the same press", token="0")  # noqa: S106 - no secret
    assert submit(first, "audit", {"dataset": "sample/digits"}, "by itself")
    full = replace(second, limits=replace(second.limits, jobs_in_all=first.limits.jobs))
    with pytest.raises(InputError, match="queue is full"):
        submit(full, "train", digits(), "no room")
    assert submit(second, "train", digits(), "room")


def test_nobody_has_more_datasets_than_allowed(session: Workspace) -> None:
    few = replace(session, limits=replace(session.limits, datasets=1))
    create_dataset(few, "one", ["a", "b"])
    with pytest.raises(ImportRefused, match="as many datasets"):
        create_dataset(few, "two", ["a", "b"])


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("train", digits()),
        ("prepare", {"dataset": "sample/digits"}),
        *((kind, {"path": "upload-a.zip", "name": "mine"}) for kind in ("import", "add", "unpack-dataset")),
    ],
)
def test_a_full_workspace_takes_nothing_more_in(session: Workspace, kind: str, payload: dict[str, object]) -> None:
    upload = session.incoming / "upload-a.zip"
    upload.write_bytes(bytes(10_000_000))
    if "path" in payload:
        payload = payload | {"path": str(upload)}
    full = replace(session, limits=replace(session.limits, workspace_bytes=10_000_000))
    with pytest.raises(InputError, match=r"take as much of the disk.*10 MB.*up to 10 MB.*Delete datasets or trainings"):
        submit(full, kind, payload, "one too many")
    assert Registry(full).list() == ()
    assert submit(full, "audit", {"dataset": "sample/digits"}, "by itself")
    upload.unlink()
    if "path" not in payload:
        assert submit(full, kind, payload, "there is room again")


@pytest.mark.parametrize("kind", ["kaggle", "unpack-run", "restore", "take"])
def test_so_does_a_full_workspace_of_a_team(tmp_path: Path, kind: str) -> None:
    team = Workspace.open(tmp_path, {MODE_VARIABLE: "team", "TLCORE_WORKSPACE_GB": "0.01"})
    ann = replace(person_workspace(team, Person("a", "1"), {}), limits=team.limits, sources=frozenset(Source))
    upload = ann.incoming / "upload-a.zip"
    upload.write_bytes(bytes(5_000_000))
    payload = {"path": str(upload), "share": "0", "slug": "ann/leaves"}
    assert submit(ann, kind, payload, "room", token=kind)
    (ann.root / "drafts" / "draft.json").write_bytes(bytes(5_000_000))
    with pytest.raises(InputError, match="up to 10 MB"):
        submit(ann, kind, payload, "no room")


def test_nobody_keeps_more_trainings_than_allowed_but_those_there_are_go_on(session: Workspace) -> None:
    few = replace(session, limits=replace(session.limits, runs=2))
    first, second = (submit(few, "train", digits(seed=number), "one") for number in range(2))
    registry = Registry(few)
    registry.move(first, State.RUNNING)
    registry.move(first, State.INTERRUPTED)
    with pytest.raises(InputError, match=r"as many trainings.*2 trainings.*up to 2.*empty the bin"):
        submit(few, "train", digits(), "one too many")
    with pytest.raises(InputError, match="as many trainings"):
        check_runs(few)
    fewer = replace(session, limits=replace(session.limits, runs=1))  # as where there were more before the limit
    assert resume(fewer, first).state is State.QUEUED
    request_stop(few, second)
    delete_run(few, second)
    assert submit(few, "train", digits(), "room again")


def test_what_a_person_queues_bears_their_name(tmp_path: Path) -> None:
    team = Workspace.open(tmp_path, {MODE_VARIABLE: "team"})
    ann = person_workspace(team, Person("https://login.example.org", "1", "Ann"), {})
    job = submit(ann, "train", digits(), "run")
    assert Registry(ann).get(job).owner == "Ann"


def unseen(workspace: Workspace, minutes: float) -> None:
    then = time.time() - 60 * minutes
    os.utime(workspace.root / SEEN, (then, then))


def test_abandoned_workspaces_go_and_others_stay(demo: Workspace) -> None:
    lost, new, working, waiting = (session_workspace(demo, new_session_key(), {}) for _ in range(4))
    running = submit(working, "train", digits(), "at work")
    Registry(working).move(running, State.RUNNING)
    queued = submit(waiting, "train", digits(), "waits")
    for workspace in (lost, working, waiting):
        unseen(workspace, 61)
    unseen(new, 59)
    assert sweep(demo, 60) == 2
    assert not lost.root.exists()
    assert not waiting.root.exists(), queued
    assert new.root.is_dir()
    assert Registry(working).get(running).state is State.RUNNING
    assert list((demo.root / "demo").glob(".gone-*")) == []
    Registry(working).move(running, State.COMPLETED)
    assert sweep(demo, 60) == 1


def test_a_full_demo_makes_room_by_what_nobody_can_reach(demo: Workspace) -> None:
    small = replace(demo, limits=replace(demo.limits, workspaces=2))
    first, _ = (session_workspace(demo, new_session_key(), {}) for _ in range(2))
    with pytest.raises(InputError, match="that it is full"):
        check_room_for_session(small)
    unseen(first, 6)
    check_room_for_session(small)
    assert not first.root.exists()


def test_a_visitor_may_have_everything_removed_and_nobody_else(session: Workspace, tmp_path: Path) -> None:
    submit(session, "train", digits(), "waits")
    remove_now(session)
    assert not session.root.exists()
    local = Workspace.open(tmp_path / "local", {})
    with pytest.raises(InputError, match="Only a demo"):
        remove_now(local)
    assert local.root.is_dir()
