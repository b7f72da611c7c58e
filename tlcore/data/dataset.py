"""The interface that every source of pictures ends in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")


class RejectedFile(BaseModel):
    """A file that was left out of a dataset, and why, in plain words."""

    model_config = ConfigDict(frozen=True)

    file: str
    reason: str


class DatasetInfo(BaseModel):
    """What is known of a dataset without reading a picture.

    Attributes:
        id: `sample/digits`, `my/leaves`.
        name: What people call it.
        source: Where it comes from: bundled with the program, the person's own pictures, or TensorFlow Datasets.
        class_names: In the order of the labels.
        counts: Pictures by class, None while unknown (not yet prepared).
        parts: Pictures by part that the source itself made (train, validation, test); empty when it made none.
        fingerprint: Hash of every picture's content, label and part, in order, and of which are kept together as
            near-copies; "" while unknown.
        origin: The file or folder it was imported from, or the package it comes with.
        citation: How its makers want to be cited.
        duplicates: Pictures whose bytes are equal to an earlier one's.
        version: Counts up with every change.
        excluded: Pictures that somebody left out; they can be put back, and no other figure here counts them.
        made_by: The job that brought the pictures in, or "".
    """

    model_config = ConfigDict(frozen=True)

    schema_version: Literal[1] = 1
    id: str
    name: str
    source: Literal["sample", "own", "tfds"]
    description: str = ""
    class_names: tuple[str, ...]
    counts: dict[str, int] | None = None
    parts: dict[Part, int] = {}
    fingerprint: str = ""
    origin: str = ""
    licence: str = ""
    homepage: str = ""
    citation: str = ""
    created: datetime | None = None
    rejected: tuple[RejectedFile, ...] = ()
    duplicates: int = 0
    version: int = 1
    excluded: int = 0
    made_by: str = ""

    @property
    def pictures(self) -> int | None:
        """Number of pictures, or None while unknown."""
        if self.counts is not None:
            return sum(self.counts.values())
        return sum(self.parts.values()) if self.parts else None


class Dataset(Protocol):
    """A prepared dataset: labels and encoded pictures, with random access.

    Attributes:
        info: What is known of it.
        keys: A unique name for each picture, stable between openings (for own pictures: the path inside the import).
        labels: int32, shape (n,): indices into `info.class_names`.
        parts: For each picture the part that its source put it in, or None.
        hashes: For each picture the SHA-256 of its bytes, hexadecimal.
        groups: int32, shape (n,): copies and near-copies of one picture have the same number, and stay on one side of
            a split.
    """

    info: DatasetInfo
    keys: Sequence[str]
    labels: NDArray[np.int32]
    parts: Sequence[Part | None]
    hashes: Sequence[str]
    groups: NDArray[np.int32]

    def __len__(self) -> int: ...

    def looks(self) -> NDArray[np.uint8]:
        """How each picture looks from afar, uint8, shape (n, 264); zeros where that is not known."""
        ...

    def read(self, index: int) -> bytes:
        """The encoded picture (JPEG, PNG …) at `index`.

        Raises:
            PictureError: The stored file is gone or can't be read.
        """
        ...
