"""Which part of a dataset each of TensorFlow Datasets' splits is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from tlcore.data.dataset import Part

Division = Literal["own", "ours"]
"""Who divides a dataset: its makers, where they did; or this program, whatever they did."""

_NAMES: Final[dict[str, Part]] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
_BEGINNINGS: Final[tuple[tuple[str, Part], ...]] = (("train", "train"), ("val", "validation"), ("test", "test"))


def parts_of(splits: Iterable[str]) -> dict[str, Part | None]:
    """The splits that are taken, each with the part that it is; None where nobody divided the dataset.

    With a split `train`, those of other names than the three usual ones are left out: they are copies, samples or
    pictures without labels. Without one, splits whose names begin alike (`trainA`, `trainB`) are one part together.
    With nothing to learn from, as where there is only `test`, all splits are taken, and the dataset is not divided.
    """
    names = list(splits)
    known: dict[str, Part | None] = {name: _NAMES[name.casefold()] for name in names if name.casefold() in _NAMES}
    if "train" not in known.values():
        known = {
            name: part for name in names for beginning, part in _BEGINNINGS if name.casefold().startswith(beginning)
        }
    return known if "train" in known.values() else dict.fromkeys(names)
