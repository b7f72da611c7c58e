"""Trainings that have ended and are let go on, or learn for longer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.training.standings import keep, stood
from tlcore.caches.budget import clear
from tlcore.config import PhaseName, RunConfig
from tlcore.errors import ConfigError, RunError, WorkspaceError
from tlcore.jobs import again, service
from tlcore.jobs.going_on import can_learn_longer, has_lost_rounds
from tlcore.runs.database import RegistryBusyError
from tlcore.runs.events import EventWriter
from tlcore.runs.folder import RunFolder
from tlcore.runs.locks import take_lock
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.training.standing import STANDING, Standing, read_standing
from tlcore.workspace import Workspace

pytestmark = pytest.mark.usefixtures("idle_queue")

FROZEN = stood((PhaseName.FROZEN, 7), wait=3)
Ended = Callable[..., RunFolder]


@pytest.fixture
def ended(workspace: Workspace) -> Ended:
    """ended(state, standing, …): the folder of a training, or another kind of job, that ended so."""

    def make(
        state: State = State.COMPLETED, standing: Standing | None = FROZEN, kind: str = "train", **options: object
    ) -> RunFolder:
        config = RunConfig.build(**({"dataset": "sample/textures", "epochs": 20} | options))
        folder = RunFolder.find(workspace, service.submit(workspace, kind, config.to_json(), "x", config.dataset))
        registry = Registry(workspace)
        registry.move(folder.id, State.RUNNING)
        registry.move(folder.id, state)
        folder.report.write_text("{}")
        folder.bundle.mkdir()
        if standing is not None:
            keep(folder.checkpoints, standing)
        return folder

    return make


def state_of(workspace: Workspace, folder: RunFolder) -> State:
    return Registry(workspace).get(folder.id).state


@pytest.mark.parametrize("state", [State.STOPPED, State.INTERRUPTED, State.FAILED])
def test_what_is_not_done_goes_on_and_keeps_what_it_had(workspace: Workspace, ended: Ended, state: State) -> None:
    folder = ended(state)
    assert again.resume(workspace, folder.id).state is State.QUEUED
    assert folder.report.exists()
    assert folder.bundle.exists()
    assert read_standing(folder.checkpoints) == FROZEN
    assert folder.read_config()["epochs"] == 20


def test_what_is_done_or_is_no_training_does_not(workspace: Workspace, ended: Ended) -> None:
    done, import_ = ended(State.COMPLETED), ended(State.STOPPED, kind="audit")
    with pytest.raises(RunError, match=r"this one is completed.*`runs extend`"):
        again.resume(workspace, done.id)
    with pytest.raises(RunError, match="this one is stopped"):
        again.resume(workspace, import_.id)
    assert state_of(workspace, done) is State.COMPLETED
    assert state_of(workspace, import_) is State.STOPPED


@pytest.mark.parametrize("state", [State.STOPPED, State.COMPLETED])
def test_more_epochs_are_added_to_those_it_has_had(workspace: Workspace, ended: Ended, state: State) -> None:
    folder = ended(state)
    assert can_learn_longer(Registry(workspace).get(folder.id), folder)
    assert again.extend(workspace, folder.id, 5).state is State.QUEUED
    assert folder.read_config()["epochs"] == 12
    assert folder.report.exists()
    # Early stopping, which had waited for three epochs, waits anew.
    standing = read_standing(folder.checkpoints)
    assert standing is not None
    assert (FROZEN.wait, standing.wait) == (3, 0)


def test_as_many_as_were_planned_at_first_are_more_too(workspace: Workspace, ended: Ended) -> None:
    folder = ended()
    again.extend(workspace, folder.id, 13)
    standing = read_standing(folder.checkpoints)
    assert standing is not None
    assert (folder.read_config()["epochs"], standing.wait) == (20, 0)


def test_fine_tuning_is_what_lasts_longer_where_there_is_one(workspace: Workspace, ended: Ended) -> None:
    tuned = ended(standing=stood((PhaseName.FROZEN, 20), (PhaseName.FINE_TUNE, 2)), mode="finetune")
    again.extend(workspace, tuned.id, 3)
    assert (tuned.read_config()["epochs"], tuned.read_config()["fine_tune_epochs"]) == (20, 5)
    # Stopped before it: on top of the five that are planned.
    stopped = ended(State.STOPPED, standing=stood((PhaseName.FROZEN, 4)), mode="finetune")
    assert not can_learn_longer(Registry(workspace).get(stopped.id), stopped)
    again.extend(workspace, stopped.id, 3)
    assert (stopped.read_config()["epochs"], stopped.read_config()["fine_tune_epochs"]) == (20, 8)


def test_a_second_press_adds_nothing(workspace: Workspace, ended: Ended) -> None:
    folder = ended()
    again.extend(workspace, folder.id, 5)
    with pytest.raises(RunError, match="this one is queued"):
        again.extend(workspace, folder.id, 5)
    with pytest.raises(RunError, match="this one is queued"):
        again.resume(workspace, folder.id)
    assert folder.read_config()["epochs"] == 12
    assert len(Registry(workspace).unfinished()) == 1


@pytest.mark.parametrize("state", [State.INTERRUPTED, State.FAILED])
def test_only_what_left_a_model_learns_for_longer(workspace: Workspace, ended: Ended, state: State) -> None:
    folder = ended(state)
    with pytest.raises(RunError, match="`runs resume`"):
        again.extend(workspace, folder.id, 5)
    assert state_of(workspace, folder) is state


def test_without_anything_kept_nothing_is_queued(workspace: Workspace, ended: Ended) -> None:
    nothing, damaged, too_many = ended(standing=None), ended(), ended()
    (damaged.checkpoints / STANDING).write_bytes(b"PK")
    with pytest.raises(RunError, match="not kept any more"):
        again.extend(workspace, nothing.id, 5)
    with pytest.raises(WorkspaceError, match="damaged"):
        again.extend(workspace, damaged.id, 5)
    with pytest.raises(ConfigError, match="epochs"):
        again.extend(workspace, too_many.id, 10_000)
    for folder in (nothing, damaged, too_many):
        assert state_of(workspace, folder) is State.COMPLETED
        assert folder.read_config()["epochs"] == 20
    assert not can_learn_longer(Registry(workspace).get(damaged.id), damaged)


def test_it_waits_for_the_last_worker(workspace: Workspace, ended: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(again, "_WORKER_SECONDS", 0.05)
    folder = ended()
    lock = take_lock(folder.lock)
    assert lock is not None
    with pytest.raises(RunError, match="still ending"):
        again.extend(workspace, folder.id, 5)
    lock.release()
    assert folder.read_config()["epochs"] == 20


def test_what_was_stopped_and_has_lost_its_rounds_says_so_and_keeps_its_result(
    workspace: Workspace, ended: Ended
) -> None:
    lost, never_began = ended(State.STOPPED), ended(State.STOPPED, standing=None)
    with EventWriter(lost.events) as events:
        events.write("epoch", phase="frozen", epoch=1)
        events.write("ended", state="stopped", error=None)
    assert not has_lost_rounds(Registry(workspace).get(lost.id), lost)
    assert clear(workspace, ["checkpoints"]).items == 1

    with pytest.raises(RunError, match=r"not kept any more.*made way for caches.*Start a new training"):
        again.resume(workspace, lost.id)
    with pytest.raises(RunError, match=r"not kept any more.*more epochs"):
        again.extend(workspace, lost.id, 5)
    assert has_lost_rounds(Registry(workspace).get(lost.id), lost)
    assert state_of(workspace, lost) is State.STOPPED
    assert lost.report.exists()
    # Of what was stopped before its first round nothing is lost: it begins.
    assert again.resume(workspace, never_began.id).state is State.QUEUED


def test_what_was_stopped_without_a_model_begins_again_whatever_it_has_lost(workspace: Workspace, ended: Ended) -> None:
    folder = ended(State.STOPPED)
    folder.report.unlink()
    with EventWriter(folder.path / "events-1.jsonl") as events:
        events.write("epoch", phase="frozen", epoch=1)
    with EventWriter(folder.events) as events:
        events.write("ended", state="stopped", error=None)
    assert clear(workspace, ["checkpoints"]).items == 0
    (folder.checkpoints / STANDING).unlink()
    record = Registry(workspace).get(folder.id)
    assert not has_lost_rounds(record, folder)
    folder.model.write_bytes(b"model")
    assert has_lost_rounds(record, folder)
    folder.model.unlink()
    assert again.resume(workspace, folder.id).state is State.QUEUED


@pytest.mark.parametrize("refusal", [RegistryBusyError("locked"), OSError(28, "No space left on device")])
def test_where_the_list_can_not_be_written_everything_is_as_it_was(
    workspace: Workspace, ended: Ended, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    def refuse(*_: object) -> None:
        raise refusal

    folder = ended(State.STOPPED)
    folder.events.write_text('{"kind": "ended", "state": "stopped"}\n')
    folder.result.write_text('{"stopped": true}')
    with monkeypatch.context() as patch:
        patch.setattr(Registry, "move", refuse)
        for ask in (lambda: again.resume(workspace, folder.id), lambda: again.extend(workspace, folder.id, 5)):
            with pytest.raises(WorkspaceError):
                ask()
            assert '"stopped"' in folder.events.read_text()
            assert folder.read_result() == {"stopped": True}
            assert folder.read_config()["epochs"] == 20
            assert list(folder.path.glob("events-*")) == []

    again.extend(workspace, folder.id, 5)
    assert not folder.events.exists()
    assert not folder.result.exists()
    assert sorted(path.name for path in folder.path.glob("*before*")) == []
