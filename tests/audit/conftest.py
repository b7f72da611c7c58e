from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tlcore.data.alike import group_numbers
from tlcore.data.dataset import DatasetInfo, Part, RejectedFile

SIZE = (160, 120)


def paint(kind: str, seed: int) -> Image.Image:
    """A made-up photo: a soft background of its own, with discs or bars of its own on it."""
    random = np.random.default_rng([seed, *kind.encode()])
    soft = Image.fromarray(random.integers(0, 256, (5, 6, 3), dtype=np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    drawing = ImageDraw.Draw(soft)
    for _ in range(9):
        colour = tuple(random.integers(0, 256, 3).tolist())
        x, y = random.integers(0, SIZE[0]), random.integers(0, SIZE[1])
        if kind == "disc":
            radius = random.integers(6, 22)
            drawing.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        else:
            drawing.line((x, -5, x + random.integers(-30, 30), SIZE[1] + 5), fill=colour, width=random.integers(3, 9))
    return soft


def encoded(picture: Image.Image, quality: int = 92) -> bytes:
    file = BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return file.getvalue()


@pytest.fixture(scope="session")
def painted() -> Callable[..., Path]:
    """painted(folder, disc=30, bar=30): class folders of made-up photos."""

    def make(folder: Path, **counts: int) -> Path:
        for kind, count in counts.items():
            (folder / kind).mkdir(parents=True)
            for number in range(count):
                (folder / kind / f"{number:03}.jpg").write_bytes(encoded(paint(kind, number)))
        return folder

    return make


@dataclass
class Listed:
    """A dataset without pictures."""

    info: DatasetInfo
    labels: NDArray[np.int32]
    parts: Sequence[Part | None]
    hashes: Sequence[str]
    groups: NDArray[np.int32]
    keys: Sequence[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.labels)

    def looks(self) -> NDArray[np.uint8]:
        return np.zeros((len(self), 264), dtype=np.uint8)

    def read(self, index: int) -> bytes:
        raise AssertionError(f"nobody should read picture {index}")


@pytest.fixture(scope="session")
def listed() -> Callable[..., Listed]:
    """listed([0, 0, 1], contents="aab", parts=[...], alike=[(0, 2)]): keys are k0, k1 …"""

    def make(
        labels: Sequence[int],
        contents: Sequence[str] = (),
        parts: Sequence[Any] = (),
        alike: Sequence[tuple[int, int]] = (),
        rejected: Sequence[str] = (),
        classes: int = 0,
    ) -> Listed:
        count = max(max(labels) + 1, classes)
        own = contents or [str(number) for number in range(len(labels))]
        hashes = [hashlib.sha256(content.encode()).hexdigest() for content in own]
        info = DatasetInfo(
            id="my/listed",
            name="listed",
            source="own",
            class_names=tuple(f"class{label}" for label in range(count)),
            rejected=tuple(RejectedFile(file=name, reason="The picture is cut off") for name in rejected),
        )
        return Listed(
            info,
            np.array(labels, dtype=np.int32),
            list(parts) or [None] * len(labels),
            hashes,
            group_numbers(hashes, alike),
            [f"k{number}" for number in range(len(labels))],
        )

    return make
