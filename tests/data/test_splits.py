from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tlcore.config import SplitConfig
from tlcore.data.splits import Split, split_dataset
from tlcore.errors import DatasetError

Make = Callable[..., Any]


def sizes(split: Split) -> tuple[int, int, int]:
    return len(split.train), len(split.validation), len(split.test)


def by_class(dataset: Any, indices: np.ndarray) -> list[int]:
    return np.bincount(dataset.labels[indices], minlength=len(dataset.info.class_names)).tolist()


def test_every_class_is_divided_by_the_percentages(labels_only: Make) -> None:
    counts = [178, 182, 177, 33, 10]
    dataset = labels_only([label for label, count in enumerate(counts) for _ in range(count)])
    split = split_dataset(dataset, SplitConfig(), seed=1)
    for indices, share in ((split.train, 0.8), (split.validation, 0.1), (split.test, 0.1)):
        for count, got in zip(counts, by_class(dataset, indices), strict=True):
            assert abs(got - share * count) <= 1
        assert abs(len(indices) - share * sum(counts)) <= 1.5
    everything = np.concatenate([split.train, split.validation, split.test])
    assert sorted(everything.tolist()) == list(range(sum(counts)))


def test_the_seed_decides_and_nothing_else(labels_only: Make) -> None:
    dataset = labels_only([0, 1] * 50)
    first, again, other = (split_dataset(dataset, SplitConfig(), seed) for seed in (7, 7, 8))
    assert np.array_equal(first.test, again.test)
    assert not np.array_equal(first.test, other.test)


def test_copies_stay_on_one_side(labels_only: Make) -> None:
    hashes = [f"picture {number // 3}" for number in range(120)]
    dataset = labels_only([0] * 60 + [1] * 60, hashes=hashes)
    split = split_dataset(dataset, SplitConfig(train=60, validation=20, test=20), seed=3)
    sides = [{hashes[index] for index in part} for part in (split.train, split.validation, split.test)]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]
    assert sum(sizes(split)) == 120


def test_the_sources_parts_are_kept_and_leaking_copies_left_out(labels_only: Make) -> None:
    labels = [0, 1] * 30
    parts = ["train"] * 40 + ["validation"] * 10 + ["test"] * 10
    hashes = [str(number) for number in range(60)]
    hashes[0] = hashes[50]  # a training picture that is also a test picture
    hashes[1] = hashes[41]  # one that is also a validation picture
    hashes[42] = hashes[52]  # a validation picture that is also a test picture
    split = split_dataset(labels_only(labels, parts, hashes), SplitConfig(), seed=1)
    assert split.train.tolist() == list(range(2, 40))
    assert split.validation.tolist() == [40, 41, *range(43, 50)]
    assert split.test.tolist() == list(range(50, 60))


def test_missing_parts_are_carved_out_of_training(labels_only: Make) -> None:
    labels = [0, 1] * 100
    with_test = labels_only(labels, ["train"] * 160 + ["test"] * 40)
    assert sizes(split_dataset(with_test, SplitConfig(train=85, validation=15, test=0), 1)) == (136, 24, 40)
    # 10 of the 90 percent that are not test
    assert sizes(split_dataset(with_test, SplitConfig(), 1)) == (142, 18, 40)
    with_validation = labels_only(labels, ["train"] * 180 + ["validation"] * 20)
    split = split_dataset(with_validation, SplitConfig(), 1)
    assert sizes(split) == (160, 20, 20)
    assert split.validation.tolist() == list(range(180, 200))
    no_train = labels_only(labels, ["validation"] * 150 + ["test"] * 50)
    assert sizes(split_dataset(no_train, SplitConfig(train=80, validation=20, test=0), 1)) == (120, 30, 50)


def test_an_external_test_set_replaces_the_test_part(labels_only: Make) -> None:
    plain = labels_only([0, 1] * 50)
    assert sizes(split_dataset(plain, SplitConfig(train=85, validation=15, test=0), 1, has_external_test=True)) == (
        85,
        15,
        0,
    )
    own = labels_only([0, 1] * 50, ["train"] * 80 + ["test"] * 20)
    split = split_dataset(own, SplitConfig(), 1, has_external_test=True)
    assert sum(sizes(split)) == 80
    assert not len(split.test)


def test_a_fraction_thins_every_class_but_not_the_sources_test_part(labels_only: Make) -> None:
    labels = [0] * 200 + [1] * 100
    dataset = labels_only(labels)
    split = split_dataset(dataset, SplitConfig(fraction=0.2), 1)
    assert sum(sizes(split)) == 60
    assert [
        sum(part)
        for part in zip(*(by_class(dataset, p) for p in (split.train, split.validation, split.test)), strict=True)
    ] == [40, 20]
    with_test = labels_only([0, 1] * 100, ["train"] * 100 + ["validation"] * 50 + ["test"] * 50)
    assert sizes(split_dataset(with_test, SplitConfig(fraction=0.2), 1)) == (20, 10, 50)


def test_a_smaller_fraction_is_part_of_a_larger_one(labels_only: Make) -> None:
    dataset = labels_only([0, 1] * 200)
    small, large = (split_dataset(dataset, SplitConfig(fraction=share), 5) for share in (0.1, 0.5))

    def used(split: Split) -> set[int]:
        return set(np.concatenate([split.train, split.validation, split.test]).tolist())

    assert used(small) < used(large)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_few_pictures_still_fill_every_part(labels_only: Make, count: int) -> None:
    dataset = labels_only([0] * count + [1] * count)
    split = split_dataset(dataset, SplitConfig(), 1)
    assert min(sizes(split)) >= 1
    assert min(by_class(dataset, split.train)) >= 1


def test_one_picture_a_class_goes_to_training_in_a_large_dataset(labels_only: Make) -> None:
    dataset = labels_only([0] * 100 + list(range(1, 20)))
    assert min(by_class(dataset, split_dataset(dataset, SplitConfig(), 1).train)) >= 1


def test_too_few_pictures_are_told_with_the_way_out(labels_only: Make) -> None:
    with pytest.raises(DatasetError, match=r"none is left for validation.*2 pictures.*Add pictures"):
        split_dataset(labels_only([0, 1]), SplitConfig(), 1)
    with pytest.raises(DatasetError, match="none is left for the test"):
        split_dataset(labels_only([0, 0, 1]), SplitConfig(), 1)
    with pytest.raises(DatasetError, match=r"no picture to learn from.*class1"):
        split_dataset(labels_only([0] * 20 + [1] * 5, ["train"] * 20 + ["test"] * 5), SplitConfig(), 1)
    with pytest.raises(DatasetError, match=r"no test pictures.*separate test folder"):
        split_dataset(labels_only([0, 1] * 20), SplitConfig(train=85, validation=15, test=0), 1)


def test_copies_of_test_pictures_alone_are_nothing_to_learn_from(labels_only: Make) -> None:
    dataset = labels_only([0, 0, 0, 1, 1], ["train", "train", "train", "train", "test"], ["a", "b", "c", "d", "d"])
    with pytest.raises(DatasetError, match=r"copies of test.*class1"):
        split_dataset(dataset, SplitConfig(), 1)


def test_near_copies_of_what_leaks_leak_too(labels_only: Make) -> None:
    dataset = labels_only([0, 1] * 20, hashes=["same", "x", "same", *(str(number) for number in range(37))])
    leaking = np.zeros(40, dtype=np.bool_)
    leaking[0] = True
    split = split_dataset(dataset, SplitConfig(), 1, has_external_test=True, leaking=leaking)
    used = {*split.train.tolist(), *split.validation.tolist()}
    assert not used & {0, 2}
    assert len(used) == 38
