"""Trainings that are cut off at some moment and gone on with, against the same without a break."""

from __future__ import annotations

import os
import resource
import shutil
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.learning import FINGERPRINT, Killed, Killer, learn, network
from tests.training.sessions import Listener, make
from tlcore.config import EarlyStoppingConfig, OptimizerConfig, PhaseName
from tlcore.data.dataset import Dataset
from tlcore.training import phases
from tlcore.training.history import EpochRow
from tlcore.training.phases import PhaseResult, best_file
from tlcore.training.resuming import Resuming
from tlcore.training.session import Session
from tlcore.training.standing import STANDING, ask_for_more, read_standing
from tlcore.workspace import Workspace

SGD = OptimizerConfig(name="sgd", schedule="cosine")
Learned = tuple[PhaseResult, np.ndarray]


@pytest.fixture(scope="module")
def plain() -> Learned:
    """A training without a break."""
    return learn(None, Listener())


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What such a training has kept when it is killed in its third epoch."""
    folder = tmp_path_factory.mktemp("cut-off")
    with pytest.raises(Killed):
        learn(folder, Killer(3))
    return folder


def figures(rows: Iterable[EpochRow]) -> list[dict[str, Any]]:
    return [row.model_dump(mode="json", exclude={"seconds"}) for row in rows]


def same_history(one: Iterable[EpochRow], other: Iterable[EpochRow]) -> None:
    ours, theirs = figures(one), figures(other)
    assert [(row.pop("phase"), row["epoch"]) for row in ours] == [(row.pop("phase"), row["epoch"]) for row in theirs]
    for mine, yours in zip(ours, theirs, strict=True):
        assert mine == pytest.approx(yours, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(
    ("options", "epoch", "batch"),
    [
        pytest.param(
            {"steps": 3, "early_stopping": EarlyStoppingConfig(monitor="val_accuracy")}, 4, 2, id="few-batches"
        ),
        pytest.param({"steps": 7, "views": True, "optimizer": SGD}, 3, 5, id="copies-momentum-schedule"),
        pytest.param({"early_stopping": EarlyStoppingConfig(restore_best=False)}, 5, 1, id="last-weights"),
    ],
)
def test_it_ends_where_the_undisturbed_one_does(
    tmp_path: Path, options: dict[str, Any], epoch: int, batch: int
) -> None:
    undisturbed, answers = learn(None, Listener(), **options)
    with pytest.raises(Killed):
        learn(tmp_path, Killer(epoch, batch), **options)
    listener = Listener()
    resumed, resumed_answers = learn(tmp_path, listener, **options)
    same_history(resumed.standing.rows, undisturbed.standing.rows)
    np.testing.assert_allclose(resumed_answers, answers, atol=1e-4)
    # What was learned before is not learned again, and the new attempt's events tell the whole history.
    assert {event["epoch"] for event in listener.of("batch")} == set(range(epoch, 6))
    assert [event["epoch"] for event in listener.of("epoch")] == [1, 2, 3, 4, 5]
    assert listener.of("resumed") == [{"kind": "resumed", "phase": "frozen", "epoch": epoch - 1}]
    assert not listener.of("note")


def test_it_survives_being_killed_again_and_again(plain: Learned, tmp_path: Path) -> None:
    undisturbed, answers = plain
    for epoch in (1, 3, 5):
        with pytest.raises(Killed):
            learn(tmp_path, Killer(epoch, 4))
    resumed, resumed_answers = learn(tmp_path, Listener())
    same_history(resumed.standing.rows, undisturbed.standing.rows)
    np.testing.assert_allclose(resumed_answers, answers, atol=1e-4)


# A rate that soon makes every epoch worse.
WORSE = {"epochs": 30, "rate": 3.0, "early_stopping": EarlyStoppingConfig(patience=4)}


def test_early_stopping_goes_on_waiting(tmp_path: Path) -> None:
    undisturbed, answers = learn(None, Listener(), **WORSE)
    done = undisturbed.standing.epoch
    assert undisturbed.ended_early
    with pytest.raises(Killed):
        learn(tmp_path, Killer(done), **WORSE)
    resumed, resumed_answers = learn(tmp_path, Listener(), **WORSE)
    assert (resumed.standing.epoch, resumed.ended_early) == (done, True)
    np.testing.assert_allclose(resumed_answers, answers, atol=1e-4)


def test_one_that_was_over_learns_nothing_more_unless_more_is_asked_for(tmp_path: Path) -> None:
    first, answers = learn(tmp_path, Listener(), **WORSE)
    listener = Listener()
    again, again_answers = learn(tmp_path, listener, **WORSE)
    assert listener.of("batch") == []
    assert again.ended_early
    np.testing.assert_allclose(again_answers, answers, atol=1e-6)
    standing = read_standing(tmp_path)
    assert standing is not None
    ask_for_more(tmp_path, standing)
    done = first.standing.epoch
    more, _ = learn(tmp_path, Listener(), **(WORSE | {"epochs": done + 2}))
    assert [row.epoch for row in more.standing.rows] == list(range(1, done + 3))
    assert not more.ended_early


def test_a_stop_keeps_the_best_and_can_be_gone_on_from(tmp_path: Path) -> None:
    undisturbed, answers = learn(None, Listener(), rate=0.5)
    stopped, _ = learn(tmp_path, Listener("batch", 10), rate=0.5)
    assert stopped.stopped
    assert not stopped.ended_early
    assert [row.epoch for row in stopped.standing.rows] == [1, 2]
    resumed, resumed_answers = learn(tmp_path, Listener(), rate=0.5)
    same_history(resumed.standing.rows, undisturbed.standing.rows)
    np.testing.assert_allclose(resumed_answers, answers, atol=1e-4)


def test_best_weights_that_are_newer_than_the_standing_do_no_harm(
    plain: Learned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, answers = plain
    end = phases.KeepStanding.on_epoch_end

    def killed_before(callback: phases.KeepStanding, epoch: int, logs: Any = None) -> None:
        if epoch == 2:
            raise Killed
        end(callback, epoch, logs)

    with monkeypatch.context() as patch:
        patch.setattr(phases.KeepStanding, "on_epoch_end", killed_before)
        with pytest.raises(Killed):
            learn(tmp_path, Listener())
    resumed, resumed_answers = learn(tmp_path, Listener())
    same_history(resumed.standing.rows, undisturbed.standing.rows)
    np.testing.assert_allclose(resumed_answers, answers, atol=1e-4)


def flip_a_bit(path: Path) -> None:
    with zipfile.ZipFile(path) as whole:
        name = whole.infolist()[1]
    data = bytearray(path.read_bytes())
    data[name.header_offset + name.file_size] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "options", "words"),
    [
        pytest.param(flip_a_bit, {}, "is damaged, so it begins again", id="a-bit"),
        pytest.param(lambda path: path.write_bytes(b"PK"), {}, "is damaged, so it begins again", id="cut"),
        pytest.param(None, {"fingerprint": "others"}, "of other pictures or settings", id="other-pictures"),
        pytest.param(None, {"units": 9}, "of other pictures or settings", id="another-network"),
    ],
)
def test_what_can_not_be_used_is_told_and_the_training_begins_again(
    cut_off: Path, tmp_path: Path, damage: Any, options: dict[str, Any], words: str
) -> None:
    shutil.copytree(cut_off, tmp_path, dirs_exist_ok=True)
    if damage is not None:
        damage(tmp_path / STANDING)
    listener = Listener()
    model = network(options.get("units", 8))
    standing = Resuming(tmp_path, options.get("fingerprint", FINGERPRINT), listener).standing(
        lambda _phase: model.variables
    )
    assert [words in event["text"] for event in listener.of("note")] == [True]
    assert (standing.epoch, standing.rows) == (0, ())


def test_what_fits_is_gone_on_from(cut_off: Path) -> None:
    listener = Listener()
    assert Resuming(cut_off, FINGERPRINT, listener).standing(lambda _phase: network().variables).epoch == 2
    assert not listener.events


def test_without_the_best_weights_the_best_of_the_later_epochs_is_kept(cut_off: Path, tmp_path: Path) -> None:
    shutil.copytree(cut_off, tmp_path, dirs_exist_ok=True)
    best_file(tmp_path, PhaseName.FROZEN).unlink()
    listener = Listener()
    resumed, _ = learn(tmp_path, listener)
    assert [row.epoch for row in resumed.standing.rows] == [1, 2, 3, 4, 5]
    assert "the best from there on is kept" in listener.of("note")[0]["text"]
    assert best_file(tmp_path, PhaseName.FROZEN).exists()


def test_a_full_disk_ends_the_training_and_leaves_the_checkpoint_before(plain: Learned, tmp_path: Path) -> None:
    undisturbed, answers = plain

    class FullDisk(Listener):
        """No file may be larger than 512 bytes from some epoch's first batch on."""

        def event(self, kind: str, **values: Any) -> None:
            super().event(kind, **values)
            if kind == "batch" and values["epoch"] == 3:
                resource.setrlimit(resource.RLIMIT_FSIZE, (512, hard))

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(OSError, match=os.strerror(27)):
            learn(tmp_path, FullDisk())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    standing = read_standing(tmp_path)
    assert standing is not None
    assert standing.epoch == 2
    assert not list(tmp_path.glob("*.tmp"))
    resumed, resumed_answers = learn(tmp_path, Listener())
    same_history(resumed.standing.rows, undisturbed.standing.rows)
    np.testing.assert_allclose(resumed_answers, answers, atol=1e-4)


FEW = {
    "mode": "finetune",
    "epochs": 3,
    "fine_tune_epochs": 2,
    "learning_rate": 0.01,
    "fine_tune_learning_rate": 1e-3,
    "split": {"train": 60, "validation": 20, "test": 20, "fraction": 0.3},
}


def train(place: Workspace, textures: Dataset, listener: Listener, checkpoints: Path | None, **options: Any) -> Session:
    session = make(place, textures, listener, checkpoints=checkpoints, **(FEW | options))
    session.prepare()
    session.train()
    return session


Undisturbed = tuple[list[EpochRow], np.ndarray]


@pytest.fixture(scope="module")
def undisturbed(place: Workspace, textures: Dataset) -> Undisturbed:
    """History and answers of a fine-tuning without a break."""
    session = train(place, textures, Listener(), None)
    return session.rows, session.answers("test")


def test_fine_tuning_that_is_killed_between_its_phases_and_in_the_second_ends_where_the_undisturbed_one_does(
    place: Workspace, textures: Dataset, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    for phase, epoch in (("fine_tune", 1), ("fine_tune", 2)):
        with pytest.raises(Killed):
            train(place, textures, Killer(epoch, 1, phase), tmp_path)
    listener = Listener()
    resumed = train(place, textures, listener, tmp_path)
    same_history(resumed.rows, undisturbed[0])
    np.testing.assert_allclose(resumed.answers("test"), undisturbed[1], atol=1e-3)
    assert [event["phase"] for event in listener.of("phase")] == ["frozen", "fine_tune"]
    assert len(listener.of("epoch")) == 5
    assert {(event["phase"], event["epoch"]) for event in listener.of("batch")} == {("fine_tune", 2)}


@pytest.mark.parametrize(("phase", "room"), [("frozen", True), ("fine_tune", False), ("fine_tune", True)])
def test_it_goes_on_where_it_was_with_more_or_less_room_for_caches(
    place: Workspace, textures: Dataset, undisturbed: Undisturbed, tmp_path: Path, phase: str, room: bool
) -> None:
    """The head learns alone or inside the whole network, as there is room: what it has learned is the same."""
    none = replace(place, limits=replace(place.limits, cache_bytes=0))
    with pytest.raises(Killed):
        train(place if room else none, textures, Killer(2, 1, phase), tmp_path)
    listener = Listener()
    resumed = train(none if room else place, textures, listener, tmp_path)
    assert (resumed.plan.features, resumed.plan.trunk) == (not room, not room)
    assert listener.of("resumed") == [{"kind": "resumed", "phase": phase, "epoch": 1}]
    assert not [event for event in listener.of("note") if "begins" in event["text"]]
    assert [(row.phase, row.epoch) for row in resumed.rows] == [(row.phase, row.epoch) for row in undisturbed[0]]
    # Another engine computes what is frozen, and rounds otherwise.
    np.testing.assert_allclose(resumed.answers("test"), undisturbed[1], atol=0.02)


def test_memory_that_runs_out_costs_no_whole_epoch(place: Workspace, textures: Dataset, tmp_path: Path) -> None:
    class Short(Listener):
        def event(self, kind: str, **values: Any) -> None:
            super().event(kind, **values)
            if kind == "batch" and values["epoch"] == 3 and not self.of("retry"):
                raise MemoryError

    listener = Short()
    few = FEW | {"mode": "frozen", "batch_size": 16}
    session = make(place, textures, listener, checkpoints=tmp_path, **few)
    session.prepare()
    session.train()
    assert session.batch_size == 8
    assert [row.epoch for row in session.rows] == [1, 2, 3]
    again = listener.events.index(listener.of("retry")[0])
    assert {event["epoch"] for event in listener.events[again:] if event["kind"] == "batch"} == {3}
