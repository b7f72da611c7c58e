"""What every feature-extraction engine offers, and what is told of the choice between them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

EngineName = Literal["openvino", "tensorflow"]
Precision = Literal["float32", "bfloat16", "mixed_float16"]

EMBEDDING: Final = "embedding"
"""Name of the output (n, channels): the globally averaged last feature map."""

FEATURE_MAP: Final = "feature_map"
"""Name of the output (n, rows, columns, channels): the last feature map."""

TRUNK: Final = "trunk"
"""Name of the output (n, values): the activations that cross into the first layer that learns, each flattened."""


@dataclass(frozen=True)
class EngineChoice:
    """Which engine runs a network on this machine, and why.

    Attributes:
        name: The engine.
        precision: What it computes in; "mixed_float16" on GPUs with tensor cores.
        versions: Engine, precision and the versions of the packages that decide the numbers. Part of the key of
            whatever keeps the features.
        note: Why this engine and not the other, in plain words.
        speeds: Pictures a second of each engine in the race at conversion; None where there was no race.
        parity: Largest difference between the two engines' embeddings in the race, relative to the largest value of
            the embeddings; None where there was no race.
    """

    name: EngineName
    precision: Precision
    versions: str
    note: str
    speeds: Mapping[str, float] | None = None
    parity: float | None = None


class FeatureEngine(Protocol):
    """Runs pictures through a frozen network.

    Attributes:
        name: "openvino" or "tensorflow", shown in the report.
        note: Why this engine and not the other, in plain words.
        choice: All that is known of the choice.
    """

    name: EngineName
    note: str
    choice: EngineChoice

    def extract(
        self, batches: Iterable[NDArray[np.uint8]], outputs: tuple[str, ...] = (EMBEDDING,)
    ) -> Generator[tuple[NDArray[np.float32], ...]]:
        """The outputs of the network for all pictures, in order.

        A thread of its own takes the batches, a few ahead of what is computed, so that reading them and computing
        overlap; what they raise is raised here. Close the iterator, or take all of it.

        Args:
            batches: Raw RGB pictures, 0..255, shape (n, size, size, 3); n may differ from batch to batch.
            outputs: Names of the outputs that are wanted; all are computed in one pass.

        Yields:
            For each batch the outputs in the order of `outputs`, the first axis of each being the pictures.
        """
        ...
