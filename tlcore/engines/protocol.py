"""What every feature-extraction engine offers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class FeatureEngine(Protocol):
    """Runs pictures through a frozen backbone.

    Attributes:
        name: "openvino" or "tensorflow", shown in the report.
        note: Why this engine and not the other, in plain words; "" when there is nothing to say.
    """

    name: str
    note: str

    def extract(self, batches: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.float32]]:
        """Embeddings, a batch at a time, in order.

        Args:
            batches: Raw RGB pictures, 0..255, shape (n, size, size, 3); n may differ from batch to batch.

        Yields:
            The globally averaged last feature map, shape (n, channels).
        """
        ...
