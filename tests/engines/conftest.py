"""Two small frozen networks: the built-in backbone at 64 pixels, and one of two layers that builds at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data as photos
from skimage.transform import resize

from tlcore.backbones.registry import find_backbone, layer_table
from tlcore.config import RunConfig
from tlcore.engines.networks import FrozenNetwork
from tlcore.engines.protocol import EMBEDDING, FEATURE_MAP, TRUNK
from tlcore.training.assembly import assemble
from tlcore.training.trunk import frozen_network

SIZE = 64
CUT = 120


@pytest.fixture(scope="session")
def network() -> FrozenNetwork:
    return FrozenNetwork(find_backbone("efficientnet-lite0"), layer_table("efficientnet-lite0"), None, SIZE, CUT)


@pytest.fixture(scope="session")
def frozen(network: FrozenNetwork) -> keras.Model:
    """The built-in backbone with all outputs, the trunk too."""
    assembled = assemble(RunConfig(dataset="x", image_size=SIZE), network.backbone, classes=3)
    return frozen_network(assembled, network.backbone.preprocessing, CUT)


@pytest.fixture(scope="session")
def pictures() -> NDArray[np.uint8]:
    """Nine photos, each another one."""
    chosen = (photos.astronaut(), photos.chelsea(), photos.coffee())
    small = [(resize(photo, (SIZE, SIZE)) * 255).astype(np.uint8) for photo in chosen]
    return np.stack([turned for photo in small for turned in (photo, photo[::-1], photo[:, ::-1])])


@pytest.fixture
def batches(pictures: NDArray[np.uint8]) -> Callable[..., Iterator[NDArray[np.uint8]]]:
    """batches(4, 5): the photos in batches of these sizes."""

    def cut(*sizes: int) -> Iterator[NDArray[np.uint8]]:
        start = 0
        for size in sizes:
            yield pictures[start : start + size]
            start += size

    return cut


@dataclass
class Tiny:
    """Builds a network of two layers, and counts how often.

    Attributes:
        odd: Whether it has a layer that OpenVINO can't convert.
    """

    odd: bool = False
    built: list[keras.Model] = field(default_factory=list)

    def __call__(self) -> keras.Model:
        inputs = keras.Input((SIZE, SIZE, 3), name="pictures")
        feature_map = keras.layers.Conv2D(4, 3, strides=16, name="convolution")(inputs)
        embedding = keras.layers.GlobalAveragePooling2D()(feature_map)
        if self.odd:
            embedding = keras.ops.linalg.qr(embedding[:, None, :])[0][:, 0]
        outputs = {EMBEDDING: embedding, FEATURE_MAP: feature_map, TRUNK: keras.layers.Flatten()(feature_map)}
        self.built.append(keras.Model(inputs, outputs))
        return self.built[-1]


@pytest.fixture
def tiny() -> type[Tiny]:
    return Tiny


@dataclass
class Listener:
    """Keeps the tasks that it was told; stops after so many looks."""

    tasks: list[str] = field(default_factory=list)
    patience: int = 10**6

    def event(self, kind: str, **values: Any) -> None:
        self.tasks.append(values.get("task", kind))

    def progress(self, *_: Any) -> None:
        raise AssertionError("nothing is counted here")

    def stop_requested(self) -> bool:
        self.patience -= 1
        return self.patience < 0


@pytest.fixture
def listener() -> type[Listener]:
    return Listener
