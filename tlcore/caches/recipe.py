"""What decides the rows of one cache: everything but the picture's bytes."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np

Kind = Literal["images", "features", "trunk"]
"""Decoded pictures, embeddings of the whole frozen backbone, or activations where its frozen part ends."""

_FORMAT: Final = 1
"""Counts up when the files of an entry change their meaning: older entries are then never found, and go in time."""


@dataclass(frozen=True)
class Recipe:
    """How rows are made. Equal recipes share an entry; whatever changes a row's values must be in here.

    Attributes:
        kind: What a row is.
        dataset: Id of the dataset whose pictures they are: for forgetting them with it, and for showing.
        parts: Name and value of everything else that decides a row: size, versions, weights, view … in any order.
        row: Shape of one row.
        dtype: Of its values.
        title: What it is, in words, for people. Entries whose recipes differ only in this are the same.
    """

    kind: Kind
    dataset: str
    parts: tuple[tuple[str, str], ...]
    row: tuple[int, ...]
    dtype: Literal["uint8", "float16", "float32"]
    title: str

    @cached_property
    def key(self) -> str:
        """32 hexadecimal digits that name the entry."""
        facts = [_FORMAT, self.kind, self.dataset, sorted(self.parts), self.row, self.dtype]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]

    @property
    def row_bytes(self) -> int:
        """Size of one row, in bytes."""
        return math.prod(self.row) * np.dtype(self.dtype).itemsize
