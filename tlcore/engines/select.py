"""Which engine extracts features, and where its converted network is kept."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from tlcore.backbones.record import Backbone, DownloadedWeights, LayerTable
from tlcore.engines.openvino import CannotConvert, OpenVinoEngine, convert
from tlcore.engines.protocol import FeatureEngine

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)

_CONVERTING_PACKAGES = ("openvino", "keras", "tensorflow")


def converted_path(folder: Path, backbone: Backbone, width: float | None, size: int, table: LayerTable) -> Path:
    """Where the converted pretrained backbone lies: a new place for other weights, another size or another converter.

    Args:
        folder: The workspace's folder of converted networks.
        backbone: The network.
        width: Its width multiplier, where it has one.
        size: Side of the pictures, in pixels.
        table: Its layer table, which knows the weights.
    """
    weights = table.weights
    content = weights.checksum if isinstance(weights, DownloadedWeights) else f"{weights.package} {weights.file}"
    versions = [f"{package} {version(package)}" for package in _CONVERTING_PACKAGES]
    key = "\n".join([backbone.id, str(width), str(size), backbone.preprocessing, content, *versions])
    return folder / f"{backbone.id}-{size}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.xml"


def choose_engine(path: Path, build: Callable[[], keras.Model], on_gpu: bool) -> FeatureEngine:
    """The engine for a pretrained backbone: TensorFlow on a GPU, else OpenVINO, else TensorFlow with the reason.

    Args:
        path: Where the converted network is, or will be kept.
        build: Makes the Keras model, raw pictures in, embedding out; called only when it is needed.
        on_gpu: Whether TensorFlow computes on a GPU.
    """
    from tlcore.engines.tensorflow import TensorFlowEngine

    if on_gpu:
        return TensorFlowEngine(build(), "TensorFlow, because there is a GPU")
    if path.exists():
        try:
            return OpenVinoEngine(path)
        except RuntimeError as error:
            log.warning("The kept network %s can't be read and is converted anew: %s", path.name, error)
    model = build()
    try:
        convert(model, path)
    except CannotConvert as error:
        log.warning("OpenVINO can't convert the backbone: %s", error)
        return TensorFlowEngine(
            model, f"TensorFlow, because OpenVINO could not convert the backbone ({_first_line(error)})"
        )
    return OpenVinoEngine(path)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
