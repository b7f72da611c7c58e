import numpy as np
import pytest

from tlcore.config import AUGMENTATION_PRESETS, AugmentationConfig
from tlcore.training.pipeline import Batches, evaluation_batches, training_batches

INPUTS = np.arange(10, dtype=np.float32)[:, None]


def first(batches: Batches, count: int) -> list[np.ndarray]:
    return [inputs for inputs, _ in batches.dataset.take(count).as_numpy_iterator()]


def test_each_pass_has_every_picture_once_in_another_order() -> None:
    batches = training_batches(INPUTS, INPUTS, batch_size=4, seed=1)
    assert batches.steps == 3
    stream = np.concatenate(first(batches, 6))[:, 0]
    assert sorted(stream[:10]) == sorted(stream[10:]) == list(range(10))
    assert list(stream[:10]) != list(stream[10:])


def test_inputs_stay_with_their_targets_and_the_seed_decides_the_order() -> None:
    one = training_batches(INPUTS, INPUTS * 2, batch_size=4, seed=1)
    for inputs, wanted in one.dataset.take(5).as_numpy_iterator():
        assert (inputs * 2 == wanted).all()
    same = training_batches(INPUTS, INPUTS * 2, batch_size=4, seed=1)
    other = training_batches(INPUTS, INPUTS * 2, batch_size=4, seed=2)
    assert (np.concatenate(first(one, 3)) == np.concatenate(first(same, 3))).all()
    assert (np.concatenate(first(one, 3)) != np.concatenate(first(other, 3))).any()


def test_batch_sizes_are_known_across_passes() -> None:
    batches = training_batches(INPUTS, INPUTS, batch_size=4, seed=1, steps=2)
    assert batches.steps == 2
    assert [batches.size_of(step) for step in range(7)] == [len(inputs) for inputs in first(batches, 7)]


def test_validation_keeps_its_order() -> None:
    batches = evaluation_batches(INPUTS, INPUTS, batch_size=4)
    assert np.concatenate(first(batches, 3))[:, 0].tolist() == list(range(10))


def test_augmentation_changes_pictures_each_time_and_only_when_it_is_on() -> None:
    pictures = np.zeros((4, 32, 32, 3), dtype=np.uint8)
    pictures[:, 8:12, 4:8] = 255
    plain = first(training_batches(pictures, INPUTS[:4], 4, 1, augmentation=AugmentationConfig()), 1)[0]
    assert (plain == pictures).all()
    for preset in ("light", "strong"):
        batches = training_batches(pictures, INPUTS[:4], 4, 1, augmentation=AUGMENTATION_PRESETS[preset])
        one, two = first(batches, 2)
        assert one.shape == pictures.shape
        assert (one != pictures).any()
        assert (one != two).any()
        assert one.min() >= 0
        assert one.max() <= 255


def test_flip_by_hand_only_flips() -> None:
    pictures = np.zeros((64, 8, 8, 3), dtype=np.uint8)
    pictures[:, 1, 2] = 200
    vertical = AugmentationConfig(flip="vertical")
    flipped = first(training_batches(pictures, np.zeros((64, 1), np.float32), 64, 1, augmentation=vertical), 1)[0]
    places = {tuple(place) for place in np.argwhere(flipped[..., 0])[:, 1:]}
    assert places == {(1, 2), (6, 2)}


def test_the_seed_decides_the_augmentation_too() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (64, 48, 48, 3), dtype=np.uint8)
    wanted = np.zeros((64, 1), np.float32)

    def stream(seed: int) -> np.ndarray:
        strong = AUGMENTATION_PRESETS["strong"]
        return np.concatenate(first(training_batches(pictures, wanted, 4, seed, augmentation=strong), 16))

    assert (stream(1) == stream(1)).all()
    assert (stream(1) != stream(2)).any()


@pytest.mark.parametrize("replicas", [2, 3])
def test_replicas_get_equal_shares_in_training_and_no_picture_is_lost_in_validation(replicas: int) -> None:
    inputs = np.arange(11, dtype=np.float32)[:, None]
    training = training_batches(inputs, inputs, batch_size=32, seed=1, replicas=replicas)
    sizes = [len(batch) for batch in first(training, 2 * training.steps)]
    assert all(size % replicas == 0 and size > 0 for size in sizes)
    assert sizes == [training.size_of(step) for step in range(len(sizes))]
    validation = evaluation_batches(inputs, inputs, batch_size=32, replicas=replicas)
    batches = first(validation, validation.steps)
    assert len(batches[0]) % replicas == 0
    assert np.concatenate(batches)[:, 0].tolist() == list(range(11))


def test_more_steps_than_batches_go_round() -> None:
    batches = training_batches(INPUTS, INPUTS, batch_size=4, seed=1, steps=7)
    assert batches.steps == 7
    stream = np.concatenate(first(batches, 7))[:, 0]
    assert [batches.size_of(step) for step in range(7)] == [4, 4, 2, 4, 4, 2, 4]
    assert set(stream) == set(range(10))
