"""Real trainings of a real backbone on the textures sample, at a size that keeps them short."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.training.sessions import SIZE, Listener, make
from tlcore.backbones.checks import complete
from tlcore.backbones.registry import layer_table
from tlcore.config import RunConfig
from tlcore.data.dataset import Dataset
from tlcore.errors import ConfigError, TrainingFailed
from tlcore.evaluation.metrics import score
from tlcore.training.callbacks import NotFinite
from tlcore.training.earlier import check_earlier, load_head
from tlcore.training.session import Session
from tlcore.workspace import Workspace


def accuracy(session: Session, part: Any) -> float:
    return score(session.answers(part), session.material.labels(part)).accuracy


@pytest.fixture(scope="module")
def frozen(place: Workspace, textures: Dataset) -> tuple[Session, Listener, float]:
    listener = Listener()
    session = make(place, textures, listener, epochs=6, learning_rate=0.01)
    session.prepare()
    before = accuracy(session, "test")
    session.train()
    return session, listener, before


def test_frozen_training_lifts_accuracy_on_unseen_pictures(frozen: tuple[Session, Listener, float]) -> None:
    session, _, before = frozen
    assert before < 0.7
    assert accuracy(session, "test") > 0.9


def test_history_and_batches_are_told(frozen: tuple[Session, Listener, float]) -> None:
    session, listener, _ = frozen
    assert [row.epoch for row in session.rows] == [1, 2, 3, 4, 5, 6]
    phase = listener.of("phase")[0]
    assert (phase["phase"], phase["epochs"]) == ("frozen", 6)
    batches = listener.of("batch")
    assert len(batches) == 6 * phase["batches"]
    # The batches' own losses add up to what Keras says of the epoch, each weighted by its number of pictures.
    first = [event for event in batches if event["epoch"] == 1]
    pictures = len(session.material.indices("train"))
    sizes = [32] * (len(first) - 1) + [pictures - 32 * (len(first) - 1)]
    mean = np.average([event["loss"] for event in first], weights=sizes)
    assert mean == pytest.approx(session.rows[0].loss, rel=1e-3)
    assert len({round(event["loss"], 6) for event in first}) > 1


def test_the_assembled_model_answers_like_the_head_on_features(frozen: tuple[Session, Listener, float]) -> None:
    session, _, _ = frozen
    pictures = next(iter(session.judge.picture_batches("test", "")))
    whole = session.judge.answer_pictures(pictures)
    assert np.abs(whole - session.answers("test")[: len(whole)]).max() < 1e-3


def test_only_the_head_learned(frozen: tuple[Session, Listener, float], place: Workspace) -> None:
    session, _, _ = frozen
    assert session.trainable == 1280 * 3 + 3
    fresh = make(place, session.material.dataset, Listener())
    fresh.prepare()
    ours, theirs = session.assembled.backbone.get_weights(), fresh.assembled.backbone.get_weights()
    assert all((one == other).all() for one, other in zip(ours, theirs, strict=True))


def test_the_best_epoch_is_kept(frozen: tuple[Session, Listener, float]) -> None:
    session, _, _ = frozen
    best = min(row.val_loss for row in session.rows)
    assert score(session.answers("validation"), session.material.labels("validation")).loss == pytest.approx(
        best, rel=0.01
    )


def test_fine_tuning_on_top_of_a_frozen_run_trains_the_chosen_stages_and_no_batch_norm(
    frozen: tuple[Session, Listener, float], place: Workspace, textures: Dataset, tmp_path: Path
) -> None:
    earlier, _, _ = frozen
    earlier.assembled.model.save(tmp_path / "model.keras")
    listener = Listener()
    session = make(
        place,
        textures,
        listener,
        mode="finetune",
        from_run="earlier",
        fine_tune_epochs=1,
        fine_tune_learning_rate=1e-4,
        head_weights=load_head(tmp_path / "model.keras"),
    )
    session.prepare()
    assert accuracy(session, "test") == pytest.approx(accuracy(earlier, "test"), abs=0.02)
    session.train()
    assert [row.phase.value for row in session.rows] == ["fine_tune"]
    table = layer_table("efficientnet-lite0")
    first = table.first_layer(session.config.unfreeze)
    assert session.trainable == table.trainable_from(first) + 1280 * 3 + 3
    changed = set()
    for mine, original in zip(session.assembled.backbone.layers, earlier.assembled.backbone.layers, strict=True):
        pairs = zip(mine.get_weights(), original.get_weights(), strict=True)
        if any((one != other).any() for one, other in pairs):
            changed.add(table.layers[session.assembled.backbone.layers.index(mine)].stage)
            assert not isinstance(mine, keras.layers.BatchNormalization)
    assert changed == set(session.config.unfreeze)


def test_stop_in_the_middle_keeps_the_best_model_so_far(place: Workspace, textures: Dataset) -> None:
    listener = Listener("epoch", 2)
    session = make(place, textures, listener, epochs=1000, learning_rate=0.01)
    session.prepare()
    session.train()
    assert session.stopped
    assert len(session.rows) == 2
    assert len(listener.of("batch")) < 4 * listener.of("phase")[0]["batches"]
    best = min(row.val_loss for row in session.rows)
    # Judging still works, although the stop is still asked for.
    assert score(session.answers("validation"), session.material.labels("validation")).loss == pytest.approx(
        best, rel=0.01
    )


def test_stop_in_the_first_epoch_of_fine_tuning_keeps_the_head_that_was_trained(
    place: Workspace, textures: Dataset
) -> None:
    # Five batches: four of the frozen phase's one epoch, then the first one of the fine-tune phase.
    listener = Listener("batch", 5)
    options = {"mode": "finetune", "epochs": 1, "learning_rate": 0.01, "fine_tune_learning_rate": 1.0}
    session = make(place, textures, listener, **options)
    session.prepare()
    session.train()
    assert session.stopped
    assert [event["phase"] for event in listener.of("batch")] == ["frozen"] * 4 + ["fine_tune"]
    assert [row.phase.value for row in session.rows] == ["frozen"]
    kept = score(session.answers("validation"), session.material.labels("validation"))
    assert kept.loss == pytest.approx(session.rows[0].val_loss, rel=0.01, abs=1e-4)


def test_augmentation_sends_pictures_through_the_whole_network(place: Workspace, textures: Dataset) -> None:
    listener = Listener()
    options = {"augmentation": {"flip": "both"}, "epochs": 1, "steps_per_epoch": 3, "learning_rate": 0.01}
    session = make(place, textures, listener, **options)
    session.prepare()
    session.train()
    assert session.inputs.choice is None
    assert session.inputs.use == {"images": "miss", "features": "none", "trunk": "none"}
    assert len(listener.of("batch")) == 3
    assert session.trainable == 1280 * 3 + 3


def test_from_scratch_trains_everything(place: Workspace, textures: Dataset) -> None:
    session = make(place, textures, Listener(), mode="scratch", epochs=1, steps_per_epoch=1)
    session.prepare()
    before = session.assembled.backbone.get_weights()[0].copy()
    session.train()
    assert [row.phase.value for row in session.rows] == ["scratch"]
    assert session.trainable > 3_000_000
    assert (session.assembled.backbone.get_weights()[0] != before).any()


def test_early_stopping_ends_a_phase(place: Workspace, textures: Dataset) -> None:
    # A learning rate that moves nothing: no epoch is better than the first.
    options = {"epochs": 50, "learning_rate": 1e-12, "early_stopping": {"patience": 2}}
    session = make(place, textures, Listener(), **options)
    session.prepare()
    session.train()
    assert len(session.rows) < 50
    assert [phase.value for phase in session.ended_early] == ["frozen"]


def test_a_loss_that_is_no_number_any_more_is_told(place: Workspace, textures: Dataset) -> None:
    options = {"epochs": 30, "learning_rate": 10.0, "optimizer": {"name": "sgd", "momentum": 0.99}, "head": {"l2": 1.0}}
    session = make(place, textures, Listener(), **options)
    session.prepare()
    with pytest.raises(TrainingFailed, match="learning rate ten times smaller"):
        session.train()


@pytest.mark.parametrize("logs", [{"loss": float("nan")}, {"loss": float("inf")}])
def test_a_batch_that_is_no_number_ends_the_phase_before_it_is_told(logs: dict[str, float]) -> None:
    watch = NotFinite()
    watch.on_epoch_begin(2)
    watch.on_train_batch_end(0, {"loss": 0.5})
    with pytest.raises(FloatingPointError, match="3"):
        watch.on_train_batch_end(1, logs)
    # The last update of an epoch can spoil the weights while the mean over the epoch is still a number.
    with pytest.raises(FloatingPointError, match="3"):
        watch.on_epoch_end(2, {"loss": 0.5, "val_loss": float("nan")})


def test_patience_that_runs_out_in_the_last_epoch_ends_nothing_early(place: Workspace, textures: Dataset) -> None:
    options = {"epochs": 2, "learning_rate": 1e-12, "early_stopping": {"patience": 1}}
    session = make(place, textures, Listener(), **options)
    session.prepare()
    session.train()
    assert len(session.rows) == 2
    assert session.ended_early == []


def test_an_earlier_run_must_fit() -> None:
    frozen = complete(RunConfig.build(dataset="a", image_size=SIZE))
    going_on = complete(RunConfig.build(dataset="a", image_size=SIZE, mode="finetune", from_run="r"))
    check_earlier(going_on, frozen)
    for change in ({"seed": 2}, {"dataset": "b"}, {"split": {"train": 70, "validation": 20, "test": 10}}):
        with pytest.raises(ConfigError, match=next(iter(change))):
            check_earlier(going_on.replace(**change), frozen)
    with pytest.raises(ConfigError, match="goes on from a frozen run"):
        check_earlier(going_on, complete(frozen.replace(mode="scratch")))
