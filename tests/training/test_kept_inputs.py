"""What a training keeps and finds again: features, trunk, changed copies; and when memory is short."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.sessions import SIZE, Listener, make
from tlcore.backbones.registry import layer_table
from tlcore.data.catalog import ensure_dataset
from tlcore.data.dataset import Dataset
from tlcore.errors import CacheFull
from tlcore.evaluation.metrics import score
from tlcore.progress import Silence, Stopped
from tlcore.training.callbacks import Recorder
from tlcore.training.inputs import Inputs
from tlcore.workspace import Workspace


def test_a_second_run_finds_the_features_whatever_its_head(place: Workspace, textures: Dataset) -> None:
    first = make(place, textures, Listener(), epochs=1)
    first.prepare()
    assert first.inputs.use == {"images": "none", "features": "miss", "trunk": "none"}
    listener = Listener()
    second = make(
        place, textures, listener, epochs=1, learning_rate=0.1, seed=5, head={"activation": "softmax", "dropout": 0.5}
    )
    second.prepare()
    assert second.inputs.use["features"] == "hit"
    assert not listener.of("progress")
    other = make(place, textures, Listener(), epochs=1, image_size=SIZE + 32)
    other.prepare()
    assert other.inputs.use["features"] == "miss"


def test_fine_tuning_learns_from_the_kept_trunk_and_the_saved_model_answers_the_same(
    place: Workspace, textures: Dataset
) -> None:
    session = make(
        place,
        textures,
        Listener(),
        mode="finetune",
        fine_tune_at=layer_table("efficientnet-lite0").first_layer(("top",)),
        epochs=2,
        fine_tune_epochs=2,
        learning_rate=0.01,
        fine_tune_learning_rate=1e-3,
    )
    session.prepare()
    assert session.plan.trunk
    assert session.inputs.use["trunk"] == "miss"
    before = session.judge.whole_answers("test")
    session.train()
    assert session.on_trunk
    after = session.judge.whole_answers("test")
    assert np.abs(after - before).max() > 1e-3
    assert np.abs(session.answers("test") - after).max() < 1e-3


def test_fine_tuning_without_room_for_the_trunk_says_so_and_learns_the_same(
    place: Workspace, textures: Dataset, tmp_path: Path
) -> None:
    options = {
        "mode": "finetune",
        "epochs": 2,
        "fine_tune_epochs": 1,
        "learning_rate": 0.01,
        "fine_tune_learning_rate": 1e-3,
    }
    options |= {"head": {"dropout": 0.0}, "early_stopping": {"restore_best": False}}
    kept = make(place, textures, Listener(), **options)
    kept.prepare()
    kept.train()
    small = Workspace.open(tmp_path)
    small = replace(small, limits=replace(small.limits, cache_bytes=1_200_000))
    plain = make(small, ensure_dataset(small, "sample/textures", Silence()), Listener(), **options)
    assert not plain.plan.trunk
    assert plain.plan.features
    assert "whole network" in " ".join(plain.plan.notes)
    plain.prepare()
    plain.train()
    assert not plain.on_trunk
    assert plain.trainable == kept.trainable
    assert np.abs(plain.answers("test") - kept.answers("test")).max() < 0.02


def test_kept_copies_are_changed_and_every_pass_draws_among_them(place: Workspace, textures: Dataset) -> None:
    augmentation = {"flip": "both", "rotation": 30, "views": 2}
    listener = Listener()
    session = make(place, textures, listener, epochs=2, learning_rate=0.01, augmentation=augmentation)
    session.prepare()
    assert session.inputs.use["images"] != "none"
    assert session.inputs.use["features"] == "miss"
    source = session.inputs.rows("embedding", "train")
    assert source is not None
    places = np.arange(len(source))
    turns = [source.batch(places, turn) for turn in range(8)]
    looks = {tuple(batch[0]) for batch in turns}
    assert len(looks) == 2  # the first picture has two views
    assert not (turns[0] == turns[1]).all()
    session.train()
    again = make(place, textures, Listener(), epochs=1, augmentation=augmentation)
    again.prepare()
    # No copy is missing, so nothing has to be read to make one.
    assert again.inputs.use == {"images": "none", "features": "hit", "trunk": "none"}
    other_seed = make(place, textures, Listener(), epochs=1, augmentation=augmentation, seed=2)
    other_seed.prepare()
    assert other_seed.inputs.use["features"] == "miss"


def test_without_any_room_pictures_are_read_in_every_round(place: Workspace, textures: Dataset, tmp_path: Path) -> None:
    small = Workspace.open(tmp_path)
    small = replace(small, limits=replace(small.limits, cache_bytes=0))
    session = make(
        small,
        ensure_dataset(small, "sample/textures", Silence()),
        Listener(),
        mode="scratch",
        backbone="mobilenet",
        width=0.25,
        epochs=1,
        steps_per_epoch=2,
    )
    assert session.plan.notes
    session.prepare()
    session.train()
    assert len(session.rows) == 1
    assert session.inputs.use == {"images": "none", "features": "none", "trunk": "none"}


def test_a_phase_that_memory_ran_out_on_is_repeated_once_in_smaller_batches(
    place: Workspace, textures: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener()
    session = make(place, textures, listener, epochs=3, learning_rate=0.01)
    session.prepare()
    begin, end = Recorder.on_epoch_begin, Recorder.on_epoch_end
    seen: list[np.ndarray] = []

    def short_of_memory(recorder: Recorder, epoch: int, logs: Any = None) -> None:
        begin(recorder, epoch, logs)
        if epoch == 0:
            seen.append(recorder.model.get_weights()[0])
        if epoch == 2 and len(seen) == 2:
            # The second epoch made it worse, so the weights of the first one are the best.
            recorder.model.set_weights([weights + 9 for weights in recorder.model.get_weights()])
            raise MemoryError

    def keep(recorder: Recorder, epoch: int, logs: Any = None) -> None:
        end(recorder, epoch, (logs or {}) | ({"val_loss": 9.0} if epoch == 1 and len(seen) == 2 else {}))
        if epoch == 0 and len(seen) == 1:
            seen.append(recorder.model.get_weights()[0])

    monkeypatch.setattr(Recorder, "on_epoch_begin", short_of_memory)
    monkeypatch.setattr(Recorder, "on_epoch_end", keep)
    session.train()
    assert [(event["phase"], event["batch_size"]) for event in listener.of("retry")] == [("frozen", 16)]
    phases = listener.of("phase")
    assert phases[1]["batches"] > phases[0]["batches"]
    assert len(session.rows) == 3
    assert session.batch_size == 16
    before, after_first, at_the_second_start = seen
    assert (before != after_first).any()
    assert (at_the_second_start < 9).all()


def test_fine_tuning_that_memory_ran_out_on_and_that_is_stopped_leaves_the_head_that_was_trained(
    place: Workspace, textures: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener()
    options = {"mode": "finetune", "epochs": 4, "learning_rate": 0.01, "fine_tune_learning_rate": 1.0}
    session = make(place, textures, listener, **options)
    session.prepare()
    tell = Recorder.on_train_batch_end

    def short_of_memory(recorder: Recorder, batch: int, logs: Any = None) -> None:
        tell(recorder, batch, logs)
        if listener.of("phase")[-1]["phase"] == "fine_tune" and batch == 1:
            raise Stopped if listener.of("retry") else MemoryError

    monkeypatch.setattr(Recorder, "on_train_batch_end", short_of_memory)
    session.train()
    assert session.stopped
    best = min(row.val_loss for row in session.rows)
    kept = score(session.answers("validation"), session.material.labels("validation"))
    assert kept.loss == pytest.approx(best, rel=0.01, abs=1e-4)


def test_memory_that_runs_out_twice_ends_the_training(
    place: Workspace, textures: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = make(place, textures, Listener(), epochs=3)
    session.prepare()

    def short_of_memory(*_arguments: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(Recorder, "on_epoch_begin", short_of_memory)
    with pytest.raises(MemoryError):
        session.train()


def test_a_run_that_finds_less_room_than_was_planned_goes_on_without(
    place: Workspace, textures: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    gather = Inputs.gather
    asked: list[tuple[str, ...]] = []

    def full_at_first(inputs: Inputs, outputs: Sequence[str]) -> None:
        asked.append(tuple(outputs))
        if len(asked) == 1:
            raise CacheFull("open entries left no room")
        gather(inputs, outputs)

    monkeypatch.setattr(Inputs, "gather", full_at_first)
    session = make(place, textures, Listener(), epochs=1, steps_per_epoch=2)
    session.prepare()
    session.train()
    assert asked == [("embedding",), ()]
    assert session.plan.notes
    assert session.inputs.use == {"images": "none", "features": "none", "trunk": "none"}
    assert len(session.rows) == 1
