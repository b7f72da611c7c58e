"""The pictures of a run, divided. No framework is loaded here, so that bad input is refused before one is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlcore.data.dataset import PARTS, Dataset, Part
from tlcore.data.splits import Split


@dataclass(frozen=True)
class Material:
    """The pictures of a run: which dataset, how divided, and where the test pictures are.

    Attributes:
        dataset: Training and validation pictures, and the test pictures unless `test_dataset` has them.
        split: Indices of each part; those of the test part count in `test_dataset` where there is one.
        test_dataset: A separate test set with the same class names, or None.
    """

    dataset: Dataset
    split: Split
    test_dataset: Dataset | None = None

    def source(self, part: Part) -> Dataset:
        """The dataset that holds a part."""
        return self.test_dataset if part == "test" and self.test_dataset is not None else self.dataset

    def indices(self, part: Part) -> NDArray[np.int64]:
        """Which pictures of `source(part)` are in a part."""
        indices: NDArray[np.int64] = getattr(self.split, part)
        return indices

    def labels(self, part: Part) -> NDArray[np.int32]:
        """True classes of a part's pictures, shape (n,)."""
        return self.source(part).labels[self.indices(part)]

    @property
    def fingerprint(self) -> str:
        """Of the pictures of all parts, labels, and how they are divided."""
        infos = [self.dataset.info, *([] if self.test_dataset is None else [self.test_dataset.info])]
        digest = hashlib.sha256("\n".join(info.fingerprint for info in infos).encode())
        for part in PARTS:
            digest.update(self.indices(part).tobytes())
            digest.update(b"|")
        return digest.hexdigest()

    @property
    def total(self) -> int:
        """Number of pictures in all parts."""
        return sum(len(self.indices(part)) for part in PARTS)
