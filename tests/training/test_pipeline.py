import hashlib
import time
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from tlcore.config import AUGMENTATION_PRESETS
from tlcore.errors import PictureError
from tlcore.training import pipeline
from tlcore.training.pipeline import Batches, evaluation_batches, own_failures, training_batches
from tlcore.training.sources import AugmentedSource, RowsSource

INPUTS = np.arange(10, dtype=np.float32)[:, None]


def first(batches: Batches, count: int) -> list[np.ndarray]:
    return [inputs for inputs, _ in batches.dataset.take(count).as_numpy_iterator()]


def test_each_pass_has_every_picture_once_in_another_order() -> None:
    batches = training_batches(RowsSource(INPUTS), INPUTS, batch_size=4, seed=1)
    assert batches.steps == 3
    stream = np.concatenate(first(batches, 6))[:, 0]
    assert sorted(stream[:10]) == sorted(stream[10:]) == list(range(10))
    assert list(stream[:10]) != list(stream[10:])


def test_inputs_stay_with_their_targets_and_the_seed_decides_the_order() -> None:
    one = training_batches(RowsSource(INPUTS), INPUTS * 2, batch_size=4, seed=1)
    for inputs, wanted in one.dataset.take(5).as_numpy_iterator():
        assert (inputs * 2 == wanted).all()
    same = training_batches(RowsSource(INPUTS), INPUTS * 2, batch_size=4, seed=1)
    other = training_batches(RowsSource(INPUTS), INPUTS * 2, batch_size=4, seed=2)
    assert (np.concatenate(first(one, 3)) == np.concatenate(first(same, 3))).all()
    assert (np.concatenate(first(one, 3)) != np.concatenate(first(other, 3))).any()


def test_batch_sizes_are_known_across_passes() -> None:
    batches = training_batches(RowsSource(INPUTS), INPUTS, batch_size=4, seed=1, steps=2)
    assert batches.steps == 2
    assert [batches.size_of(step) for step in range(7)] == [len(inputs) for inputs in first(batches, 7)]


@pytest.mark.parametrize("steps", [None, 2, 3, 5])
@pytest.mark.parametrize("done", [1, 4])
def test_a_stream_goes_on_where_an_earlier_one_ended(steps: int | None, done: int) -> None:
    whole = training_batches(RowsSource(INPUTS), INPUTS, batch_size=4, seed=1, steps=steps)
    later = training_batches(RowsSource(INPUTS), INPUTS, batch_size=4, seed=1, steps=steps, epochs_done=done)
    assert later.steps == whole.steps
    taken = done * whole.steps
    expected, got = first(whole, taken + 7)[taken:], first(later, 7)
    assert [batch.tolist() for batch in got] == [batch.tolist() for batch in expected]
    assert [later.size_of(step) for step in range(7)] == [len(batch) for batch in got]


def test_validation_keeps_its_order() -> None:
    batches = evaluation_batches(RowsSource(INPUTS), INPUTS, batch_size=4)
    assert np.concatenate(first(batches, 3))[:, 0].tolist() == list(range(10))


def test_what_changes_in_every_pass_hears_which_pass_it_is() -> None:
    class Turns(RowsSource):
        def batch(self, positions: NDArray[np.int64], turn: int) -> NDArray[np.float32]:
            return super().batch(positions, turn) + 100 * turn

    training = np.concatenate(first(training_batches(Turns(INPUTS), INPUTS, 4, seed=1), 9))[:, 0]
    assert [sorted(training[start : start + 10] % 100) for start in (0, 10, 20)] == [list(range(10))] * 3
    assert (training // 100).tolist() == [0] * 10 + [1] * 10 + [2] * 10
    validation = np.concatenate(first(evaluation_batches(Turns(INPUTS), INPUTS, 4), 6))[:, 0]
    assert validation.tolist() == list(range(10)) * 2


def test_augmented_pictures_are_others_in_each_pass_and_the_same_for_the_seed() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    hashes = [hashlib.sha256(picture.tobytes()).hexdigest() for picture in pictures]

    def stream(seed: int) -> list[np.ndarray]:
        source = AugmentedSource(RowsSource(pictures), hashes, AUGMENTATION_PRESETS["light"], seed)
        return first(training_batches(source, np.eye(12, dtype=np.float32), 12, seed=1), 2)

    one, same, other = stream(1), stream(1), stream(2)
    assert one[0].dtype == np.uint8
    assert all(np.array_equal(batch, again) for batch, again in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])
    orders = [np.random.default_rng((1, turn)).permutation(12) for turn in range(2)]
    by_picture = [batch[np.argsort(order)] for batch, order in zip(one, orders, strict=True)]
    assert (by_picture[0] != by_picture[1]).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("width", [1, 700_000])
def test_small_batches_are_made_many_at_a_time_and_large_ones_one_by_one(width: int) -> None:
    asked: list[int] = []

    class Noting(RowsSource):
        def batch(self, positions: NDArray[np.int64], turn: int) -> NDArray[np.uint8]:
            asked.append(len(positions))
            return super().batch(positions, turn)

    rows = np.zeros((70, width), dtype=np.uint8)
    rows[:, 0] = range(70)
    batches = training_batches(Noting(rows), np.zeros((70, 2), np.float32), 8, seed=1)
    got = first(batches, 9)
    assert sorted(np.concatenate(got)[:, 0]) == list(range(70))
    assert [len(batch) for batch in got] == [8] * 8 + [6]
    assert asked[0] == (70 if width == 1 else 8)
    assert sum(asked) <= 70 * (3 if width == 1 else 2)  # read ahead, but only a little


def test_a_batch_of_features_costs_next_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python is called for a whole pass, and for its smaller last batch; TensorFlow takes the pass apart.

    Measured: 0.1 to 0.3 ms of processor time a batch. On a busy machine it may be ten times as much.
    """
    made: list[int] = []
    blocks_of = pipeline._blocks_of

    def noting(*arguments: Any) -> Iterator[Any]:
        for block in blocks_of(*arguments):
            made.append(len(block[0]))
            yield block

    monkeypatch.setattr(pipeline, "_blocks_of", noting)
    features = np.random.default_rng(0).random((1000, 1280), dtype=np.float32)
    stream = iter(training_batches(RowsSource(features), np.zeros((1000, 2), np.float32), 32, seed=1).dataset)
    for _ in range(40):
        next(stream)
    start = time.process_time()
    for _ in range(400):
        next(stream)
    seconds = time.process_time() - start
    assert made[:4] == [31, 1] * 2
    assert len(made) <= 2 * (440 // 32 + 2)
    assert seconds / 400 < 0.005


def test_what_a_source_has_to_tell_is_not_hidden_in_a_report_of_tensorflow() -> None:
    class Broken(RowsSource):
        def batch(self, positions: NDArray[np.int64], turn: int) -> NDArray[np.float32]:
            if turn == 1:
                raise PictureError("The picture is damaged", value="cat/001.jpg")
            return super().batch(positions, turn)

    training = training_batches(Broken(INPUTS), INPUTS, 4, seed=1)
    healthy = evaluation_batches(RowsSource(INPUTS), INPUTS, 4)
    with pytest.raises(PictureError, match=r"damaged.*cat/001\.jpg"), own_failures(healthy, training):
        first(training, 6)
    with pytest.raises(tf.errors.InvalidArgumentError), own_failures(healthy):
        tf.reshape(tf.zeros(3), (2, 2))


def test_keras_learns_from_half_precision_rows() -> None:
    rows = np.random.default_rng(0).random((40, 6)).astype(np.float16)
    wanted = (rows[:, :1] > 0.5).astype(np.float32)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", loss="binary_crossentropy")
    batches = training_batches(RowsSource(rows), wanted, 16, seed=1)
    history = model.fit(batches.dataset, steps_per_epoch=batches.steps, epochs=2, shuffle=False, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@pytest.mark.parametrize("replicas", [2, 3])
def test_replicas_get_equal_shares_in_training_and_no_picture_is_lost_in_validation(replicas: int) -> None:
    inputs = np.arange(11, dtype=np.float32)[:, None]
    training = training_batches(RowsSource(inputs), inputs, batch_size=32, seed=1, replicas=replicas)
    sizes = [len(batch) for batch in first(training, 2 * training.steps)]
    assert all(size % replicas == 0 and size > 0 for size in sizes)
    assert sizes == [training.size_of(step) for step in range(len(sizes))]
    validation = evaluation_batches(RowsSource(inputs), inputs, batch_size=32, replicas=replicas)
    batches = first(validation, validation.steps)
    assert len(batches[0]) % replicas == 0
    assert np.concatenate(batches)[:, 0].tolist() == list(range(11))


def test_more_steps_than_batches_go_round() -> None:
    batches = training_batches(RowsSource(INPUTS), INPUTS, batch_size=4, seed=1, steps=7)
    assert batches.steps == 7
    stream = np.concatenate(first(batches, 7))[:, 0]
    assert [batches.size_of(step) for step in range(7)] == [4, 4, 2, 4, 4, 2, 4]
    assert set(stream) == set(range(10))
