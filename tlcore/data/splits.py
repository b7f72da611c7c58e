"""Dividing a dataset's pictures into training, validation and test: stratified, seeded, without leaks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tlcore.config import SplitConfig
from tlcore.data.dataset import PARTS, Dataset, Part
from tlcore.errors import DatasetError

_UNUSED: Final = -1
_TRAIN, _VALIDATION, _TEST = range(3)
_MORE = "Add pictures of them, or remove these classes from the dataset (Data page, Edit)."


@dataclass(frozen=True)
class Split:
    """Indices of the pictures of each part, int64, ascending. A picture that no part names is not used.

    Attributes:
        train: Pictures to learn from; at least one of every class.
        validation: Pictures to choose by: the best epoch, the best design.
        test: Pictures for the final figure; empty beside an external test set.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def split_dataset(
    dataset: Dataset,
    split: SplitConfig,
    seed: int,
    has_external_test: bool = False,
    leaking: NDArray[np.bool_] | None = None,
) -> Split:
    """Divides the pictures of a dataset.

    - A part that the source made is used as it is; the missing ones are carved out of its training pictures (or out of
      its validation pictures, where it made none for training) in the proportion of the percentages.
    - Percentages are kept within one picture a class, and the rest evens out over the classes.
    - Copies and near-copies (`dataset.groups`) stay on one side. Where the source put them on two sides, the one that
      would leak is left out: test pictures stay, then validation pictures.
    - `split.fraction` thins every class before it is divided. Only the source's own test pictures are never thinned,
      so that figures stay comparable. With one seed a smaller fraction's pictures are among a larger one's.

    Args:
        dataset: What to divide.
        split: Percentages and fraction.
        seed: Of the draw: the same seed gives the same division.
        has_external_test: A separate test set is used; this dataset then gives no test pictures.
        leaking: Which pictures are copies or near-copies of the separate test set's, shape (n,): they are left out,
            with their own near-copies.

    Raises:
        DatasetError: A class has no picture to learn from, or nothing is left for validation or for the test.
    """
    own = _own_parts(dataset)
    weights = _weights(own, split, has_external_test)
    where = _source_places(dataset, own)
    _drop_leaks(dataset, where)
    if leaking is not None:
        where[np.isin(dataset.groups, dataset.groups[leaking])] = _UNUSED
    random = np.random.default_rng(seed)
    _thin(dataset, where, random, split.fraction, keep_test="test" in own)
    _carve(dataset, where, random, weights)
    _fill_empty(dataset, where, weights)
    if has_external_test:
        where[where == _TEST] = _UNUSED
    _check(dataset, where, has_external_test)
    train, validation, test = (np.flatnonzero(where == place).astype(np.int64) for place in range(3))
    return Split(train, validation, test)


def _own_parts(dataset: Dataset) -> set[Part]:
    return {part for part in dataset.parts if part is not None}


def _weights(own: set[Part], split: SplitConfig, has_external_test: bool) -> NDArray[np.float64]:
    """Shares of (train, validation, test) in which the pool is divided; zero for what is not carved out of it."""
    shares = np.array([split.train, split.validation, split.test], dtype=np.float64)
    if "validation" in own and "train" in own:
        shares[_VALIDATION] = 0
    if "test" in own or has_external_test:
        shares[_TEST] = 0
    elif split.test <= 0:
        raise DatasetError(
            "There are no test pictures: the dataset has no test part and the split keeps none back",
            value=f"{split.train:g}, {split.validation:g}, {split.test:g}",
            hint="Give the test a share, such as 80, 10, 10, or choose a separate test folder.",
        )
    return shares


def _source_places(dataset: Dataset, own: set[Part]) -> NDArray[np.int64]:
    """The part of each picture as the source has it; what is still to be divided counts as training."""
    places = {part: place for place, part in enumerate(PARTS)}
    if "train" not in own and None not in dataset.parts:
        places["validation"] = _TRAIN
    return np.array([_TRAIN if part is None else places[part] for part in dataset.parts], dtype=np.int64)


def _drop_leaks(dataset: Dataset, where: NDArray[np.int64]) -> None:
    """Leaves out training and validation pictures that have a copy on a side that counts more."""
    strongest = np.full(int(dataset.groups.max(initial=0)) + 1, _UNUSED, dtype=np.int64)
    np.maximum.at(strongest, dataset.groups, where)
    where[where < strongest[dataset.groups]] = _UNUSED


def _groups(dataset: Dataset, indices: Iterable[int]) -> list[list[int]]:
    """Indices, those of copies and near-copies together."""
    groups: dict[int, list[int]] = {}
    for index in indices:
        groups.setdefault(int(dataset.groups[index]), []).append(index)
    return list(groups.values())


def _class_groups(dataset: Dataset, where: NDArray[np.int64], place: int) -> list[list[list[int]]]:
    """For each class the groups of alike pictures of one part; a group with several labels counts for its first."""
    classes: list[list[list[int]]] = [[] for _ in dataset.info.class_names]
    for group in _groups(dataset, np.flatnonzero(where == place).tolist()):
        classes[int(dataset.labels[group[0]])].append(group)
    return classes


def _thin(
    dataset: Dataset, where: NDArray[np.int64], random: np.random.Generator, fraction: float, keep_test: bool
) -> None:
    """Leaves out all but a fraction of each class in each part."""
    if fraction >= 1:
        return
    for place in (_TRAIN, _VALIDATION, _TEST):
        if place == _TEST and keep_test:
            continue
        for groups in _class_groups(dataset, where, place):
            wanted = max(1, round(fraction * sum(len(group) for group in groups)))
            kept = 0
            for position in random.permutation(len(groups)).tolist():
                if kept >= wanted:
                    where[groups[position]] = _UNUSED
                kept += len(groups[position])


def _carve(
    dataset: Dataset, where: NDArray[np.int64], random: np.random.Generator, weights: NDArray[np.float64]
) -> None:
    """Divides the training pictures of every class by the weights."""
    owed = np.zeros(3)  # what rounding took from each part in earlier classes
    for groups in _class_groups(dataset, where, _TRAIN):
        count = sum(len(group) for group in groups)
        quota = count * weights / weights.sum()
        target = _rounded(quota, owed)
        owed += quota - target
        shuffled = [groups[position] for position in random.permutation(len(groups)).tolist()]
        # Large groups first, so that single pictures fill what they leave open.
        for group in sorted(shuffled, key=len, reverse=True):
            place = int(np.argmax(target))
            where[group] = place
            target[place] -= len(group)


def _rounded(quota: NDArray[np.float64], owed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whole numbers with the same sum, each within one of its quota; training gets at least one picture."""
    target = np.floor(quota + 1e-9)
    if quota.sum() >= 1:
        target[_TRAIN] = max(1.0, target[_TRAIN])
    wanting = np.where(quota > 0, quota - target + owed, -np.inf)
    for place in np.argsort(-wanting, kind="stable")[: round(quota.sum() - target.sum())]:
        target[place] += 1
    return target


def _fill_empty(dataset: Dataset, where: NDArray[np.int64], weights: NDArray[np.float64]) -> None:
    """Moves one group of the class with most training pictures into a part that rounding left empty."""
    for place in (_VALIDATION, _TEST):
        if weights[place] <= 0 or (where == place).any():
            continue
        classes = _class_groups(dataset, where, _TRAIN)
        fullest = max(classes, key=len, default=[])
        if len(fullest) >= 2:
            where[min(fullest, key=len)] = place


def _check(dataset: Dataset, where: NDArray[np.int64], has_external_test: bool) -> None:
    names = dataset.info.class_names
    learnt = np.bincount(dataset.labels[where == _TRAIN], minlength=len(names))
    missing = [name for name, count in zip(names, learnt.tolist(), strict=True) if count == 0]
    if missing:
        raise DatasetError(
            "These classes have no picture to learn from (copies of test and validation pictures don't count)",
            value=", ".join(missing[:10]),
            hint=_MORE,
        )
    for place, part in ((_VALIDATION, "validation"), (_TEST, "the test")):
        if (where == place).any() or (place == _TEST and has_external_test):
            continue
        raise DatasetError(
            f"There are too few pictures: none is left for {part}",
            value=f"{int((where != _UNUSED).sum())} pictures of {len(names)} classes",
            hint="Add pictures (ten a class is a fair start), or use a larger fraction of them.",
        )
