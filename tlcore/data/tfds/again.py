"""Reading a dataset in again without losing what people did to it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tlcore.data.dataset import DatasetInfo, Part
from tlcore.data.index import Row
from tlcore.data.places import Place
from tlcore.data.tfds.stamp import Stamp

_BETWEEN: Final = "\0"


@dataclass(frozen=True)
class Fresh:
    """A picture as the files have it now."""

    label: int
    part: Part | None
    sha256: str
    place: Place


def digest_of(folder: Path, class_names: Iterable[str], fresh: Mapping[str, Fresh]) -> str:
    """Digest of all pictures, their classes and places in the folder: the same after the folder was moved."""
    digest = hashlib.sha256(_BETWEEN.join(class_names).encode())
    for key, picture in fresh.items():
        place = picture.place
        file = Path(place.file).relative_to(folder).as_posix()
        words = (key, picture.label, picture.sha256, file, place.record, place.offset, place.length)
        digest.update(("\n" + _BETWEEN.join(map(str, words))).encode())
    return digest.hexdigest()


def taken_over(
    last: Stamp | None, contents: str, info: DatasetInfo, rows: list[Row], fresh: Mapping[str, Fresh]
) -> list[Row]:
    """The rows that stay when a dataset is read in again.

    Where the files have the same in them, all rows stay, whatever people made of them. Otherwise the pictures that
    somebody left out stay left out, as far as they are still the same pictures.

    Args:
        last: What was read in before.
        contents: Digest of what was read in now.
        info: Of the dataset so far.
        rows: So far.
        fresh: By key, what the files have now.
    """
    if last is not None and last.contents == contents and last.read == info.created:
        return [replace(row, part=fresh[row.key].part, place=fresh[row.key].place) for row in rows]
    return [
        replace(row, label=found.label, part=found.part, place=found.place)
        for row in rows
        if row.excluded is not None and (found := fresh.get(row.key)) is not None and found.sha256 == row.sha256
    ]
