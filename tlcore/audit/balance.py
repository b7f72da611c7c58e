"""What can be seen of a dataset without looking at a picture: sizes of classes, files that were refused."""

from __future__ import annotations

from typing import Final

import numpy as np

from tlcore.audit.record import Finding, FindingKind, Item
from tlcore.audit.words import make_finding, number
from tlcore.data.dataset import Dataset

LEAST_IN_CLASS: Final = 5
"""Different pictures (copies count once) that a class needs to be divided in a way that means something."""

IMBALANCED: Final = 3.0
"""Largest class over smallest, from which on it is told. Below, plain training hardly suffers."""


def find_in_counts(dataset: Dataset) -> list[Finding]:
    """Unreadable files, classes that are too small, and imbalance. Takes milliseconds."""
    names = dataset.info.class_names
    pictures = len(dataset)
    found = []
    if dataset.info.rejected:
        refused = [Item(keys=(one.file,), note=one.reason) for one in dataset.info.rejected]
        found.append(make_finding(FindingKind.UNREADABLE, refused, pictures))
    counts = np.bincount(dataset.labels, minlength=len(names))
    different = [len(set(dataset.groups[dataset.labels == label].tolist())) for label in range(len(names))]
    small = [
        Item(keys=(), note=f"{name}: {_different(int(counts[label]), different[label])}", suggestion=name)
        for label, name in enumerate(names)
        if different[label] < LEAST_IN_CLASS
    ]
    if small:
        found.append(make_finding(FindingKind.SMALL_CLASS, small, pictures))
    filled = np.flatnonzero(counts)
    if len(filled) >= 2:
        least, most = filled[counts[filled].argmin()], filled[counts[filled].argmax()]
        if counts[most] >= IMBALANCED * counts[least]:
            extremes = [
                Item(keys=(), note=f"{names[one]} has {number(int(counts[one]), 'picture')}", suggestion=names[one])
                for one in (most, least)
            ]
            found.append(make_finding(FindingKind.IMBALANCE, extremes, pictures))
    return found


def _different(count: int, different: int) -> str:
    if different == count:
        return number(count, "picture")
    return f"{number(count, 'picture')}, {different:,} of them different"
