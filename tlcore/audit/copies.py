"""Copies and near-copies told by what they spoil: the test, the labels, or only the counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from tlcore.audit.record import FindingKind, Item
from tlcore.data.dataset import Dataset, Part

_WORTH: Final[dict[Part | None, int]] = {"test": 0, "validation": 1, "train": 2, None: 2}
"""Which of the copies is kept: the one in the test, so that figures stay comparable."""

_CERTAIN: Final = 0.8
"""How sure the other pictures have to be of one class for its copy to be kept and the contradicting ones left out."""


def find_copies(dataset: Dataset, confidence: Sequence[float | None]) -> dict[FindingKind, list[Item]]:
    """Cases of copies by kind. Each group of alike pictures is told once, as the worst that is true of it.

    Args:
        dataset: With its groups of copies and near-copies.
        confidence: For each picture how sure the other pictures make one of its class, 0..1; None where unknown.
    """
    found: dict[FindingKind, list[Item]] = {}
    for members in _groups(dataset):
        if len(set(dataset.labels[members].tolist())) > 1:
            found.setdefault(FindingKind.TWO_CLASSES, []).append(_contradiction(dataset, members, confidence))
            continue
        if len({dataset.parts[index] for index in members}) > 1:
            found.setdefault(FindingKind.LEAK, []).append(_leak(dataset, members))
            continue
        by_content: dict[str, list[int]] = {}
        for index in members:
            by_content.setdefault(dataset.hashes[index], []).append(index)
        for same in by_content.values():
            if len(same) > 1:
                note = f"{len(same)} files with the same content"
                found.setdefault(FindingKind.EXACT_COPIES, []).append(_item(dataset, same, note, same[1:]))
        if len(by_content) > 1:
            different = [same[0] for same in by_content.values()]
            note = f"{len(different)} pictures that show the same"
            found.setdefault(FindingKind.NEAR_COPIES, []).append(_item(dataset, different, note, different[1:]))
    return found


def _groups(dataset: Dataset) -> list[list[int]]:
    """Pictures that belong together, those worth keeping first: by part, then as they came."""
    order = np.argsort(dataset.groups, kind="stable")
    starts = np.flatnonzero(np.diff(dataset.groups[order])) + 1
    groups = [group.tolist() for group in np.split(order, starts) if len(group) > 1]
    return [sorted(group, key=lambda index: (_WORTH[dataset.parts[index]], index)) for group in groups]


def _contradiction(dataset: Dataset, members: list[int], confidence: Sequence[float | None]) -> Item:
    names = dataset.info.class_names
    sure = [confidence[index] or 0.0 for index in members]
    best = int(np.argmax(sure))
    right = int(dataset.labels[members[best]]) if sure[best] >= _CERTAIN else None
    affected = [index for index in members if int(dataset.labels[index]) != right]
    classes = " and ".join(dict.fromkeys(names[dataset.labels[index]] for index in members))
    same = "Copies" if len({dataset.hashes[index] for index in members}) == 1 else "Near-copies"
    note = f"{same} in {classes}"
    if right is not None:
        note += f"; it looks like {names[right]}"
    return _item(dataset, members, note, affected, names[right] if right is not None else "")


def _leak(dataset: Dataset, members: list[int]) -> Item:
    kept = dataset.parts[members[0]]
    others = [index for index in members if dataset.parts[index] != kept]
    parts = " and ".join(dict.fromkeys(dataset.parts[index] or "no part" for index in members))
    same = "Copies" if len({dataset.hashes[index] for index in members}) == 1 else "Near-copies"
    return _item(dataset, members, f"{same} in {parts}", others)


def _item(dataset: Dataset, members: list[int], note: str, affected: list[int], suggestion: str = "") -> Item:
    return Item(
        keys=tuple(dataset.keys[index] for index in members),
        note=note,
        suggestion=suggestion,
        affected=tuple(dataset.keys[index] for index in affected),
        classes=tuple(dataset.info.class_names[dataset.labels[index]] for index in members),
    )
