from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tlcore.data.alike import LOOK_BYTES, group_numbers
from tlcore.data.dataset import DatasetInfo, Part


@dataclass
class LabelsOnly:
    """A dataset without pictures: what splitting looks at, and nothing else."""

    info: DatasetInfo
    labels: NDArray[np.int32]
    parts: Sequence[Part | None]
    hashes: Sequence[str]

    @property
    def keys(self) -> Sequence[str]:
        return [str(number) for number in range(len(self.labels))]

    @property
    def groups(self) -> NDArray[np.int32]:
        return group_numbers(self.hashes)

    def looks(self) -> NDArray[np.uint8]:
        return np.zeros((len(self.labels), LOOK_BYTES), dtype=np.uint8)

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, index: int) -> bytes:
        raise AssertionError(f"splitting must not read picture {index}")


@pytest.fixture
def labels_only() -> Callable[..., LabelsOnly]:
    """labels_only([0, 0, 1], parts=[...], hashes=[...])"""

    def make(labels: Sequence[int], parts: Sequence[Any] = (), hashes: Sequence[str] = ()) -> LabelsOnly:
        names = tuple(f"class{number}" for number in range(max(labels) + 1))
        own = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(len(labels))]
        return LabelsOnly(
            DatasetInfo(id="my/labels", name="labels", source="own", class_names=names),
            np.array(labels, dtype=np.int32),
            list(parts) or [None] * len(labels),
            list(hashes) or own,
        )

    return make


@dataclass
class Listener:
    """A reporter that keeps what it is told, and asks to stop after so many calls."""

    stop_after: int = 10**9

    def __post_init__(self) -> None:
        self.heard: list[tuple[str, int, int]] = []

    def event(self, kind: str, **values: Any) -> None:
        raise AssertionError(f"nobody expects {kind}: {values}")

    def progress(self, task: str, done: int, total: int) -> None:
        self.heard.append((task, done, total))

    def stop_requested(self) -> bool:
        return len(self.heard) > self.stop_after


@pytest.fixture
def listener() -> type[Listener]:
    return Listener


@pytest.fixture
def leftovers() -> Callable[[Any], list[Path]]:
    """Whatever a failed import left in a workspace: nothing, it is hoped."""

    def find(workspace: Any) -> list[Path]:
        return [*workspace.incoming.iterdir(), *workspace.datasets.glob("my/*")]

    return find
