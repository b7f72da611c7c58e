"""The built-in backbone as the check uses it: through OpenVINO, without TensorFlow once it is converted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tlcore.backbones.registry import find_backbone, layer_table
from tlcore.engines.openvino import OpenVinoEngine
from tlcore.engines.protocol import FeatureEngine
from tlcore.engines.select import choose_engine, converted_path
from tlcore.progress import Reporter
from tlcore.workspace import Workspace

if TYPE_CHECKING:
    import keras

BACKBONE: Final = "efficientnet-lite0"
SIZE: Final = 224
CHANNELS: Final = 1280


def network_path(workspace: Workspace) -> Path:
    """Where the converted backbone is kept; its name changes with the weights and the converter."""
    return converted_path(workspace.engines, find_backbone(BACKBONE), None, SIZE, layer_table(BACKBONE))


def load_backbone(workspace: Workspace, reporter: Reporter) -> FeatureEngine:
    """The backbone, ready to embed pictures; converted first where no run or check in this workspace did it.

    Only the conversion loads Keras and TensorFlow, which would take 500 MB for as long as the process lives.
    """
    path = network_path(workspace)
    if path.exists():
        try:
            return OpenVinoEngine(path)
        except RuntimeError:
            path.unlink(missing_ok=True)  # damaged; it is made again
    reporter.event("task", task="Converting the backbone (once in a workspace)")
    return choose_engine(path, _build, on_gpu=False)


def _build() -> keras.Model:
    import keras

    from tlcore.backbones.build import build_backbone, preprocess

    backbone = find_backbone(BACKBONE)
    network = build_backbone(backbone, None, SIZE, pretrained=True)
    pictures = keras.Input((SIZE, SIZE, 3), name="pictures")
    feature_map = network(preprocess(backbone.preprocessing, pictures), training=False)
    return keras.Model(pictures, keras.layers.GlobalAveragePooling2D(name="embedding")(feature_map), name="features")
