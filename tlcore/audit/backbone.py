"""The built-in backbone as the check uses it: through OpenVINO, without TensorFlow once it is converted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tlcore.backbones.registry import find_backbone, layer_table
from tlcore.config import ComputeConfig
from tlcore.engines.networks import FrozenNetwork, network_path
from tlcore.engines.protocol import EMBEDDING, FEATURE_MAP, FeatureEngine
from tlcore.engines.select import open_engine
from tlcore.progress import Reporter
from tlcore.workspace import Workspace

if TYPE_CHECKING:
    import keras

BACKBONE: Final = "efficientnet-lite0"
SIZE: Final = 224
CHANNELS: Final = 1280


def converted_backbone(workspace: Workspace) -> Path:
    """Where the converted backbone is kept; its name changes with the weights and the converter."""
    return network_path(workspace.engines, _network())


def load_backbone(workspace: Workspace, reporter: Reporter) -> FeatureEngine:
    """The backbone, ready to embed pictures; converted first where no run or check in this workspace did it.

    Only the conversion loads Keras and TensorFlow, which would take 500 MB for as long as the process lives. Hence
    OpenVINO also where TensorFlow should win the race.
    """
    return open_engine(
        workspace.engines, _network(), _build, ComputeConfig(engine="openvino"), on_gpu=False, reporter=reporter
    )


def _network() -> FrozenNetwork:
    return FrozenNetwork(find_backbone(BACKBONE), layer_table(BACKBONE), None, SIZE)


def _build() -> keras.Model:
    import keras

    from tlcore.backbones.build import build_backbone, preprocess

    backbone = find_backbone(BACKBONE)
    network = build_backbone(backbone, None, SIZE, pretrained=True)
    pictures = keras.Input((SIZE, SIZE, 3), name="pictures")
    feature_map = network(preprocess(backbone.preprocessing, pictures), training=False)
    embedding = keras.layers.GlobalAveragePooling2D(name="embedding")(feature_map)
    return keras.Model(pictures, {EMBEDDING: embedding, FEATURE_MAP: feature_map}, name="features")
