"""Building backbones in Keras, without their classifier. Only worker processes import Keras, hence inside functions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tlcore.backbones.record import Backbone, DownloadedWeights, Preprocessing
from tlcore.backbones.registry import layer_table, resolve_width
from tlcore.backbones.weights import fetch_weights, unusable

if TYPE_CHECKING:
    import keras

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Mean of ImageNet's training pictures by channel, RGB in 0..1."""

IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
"""Standard deviation of ImageNet's training pictures by channel, RGB in 0..1."""

CAFFE_MEAN = (103.939, 116.779, 123.68)
"""Mean of ImageNet's training pictures by channel, BGR in 0..255, as the Caffe networks were trained with."""


def build_backbone(backbone: Backbone, width: float | None, size: int, pretrained: bool) -> keras.Model:
    """A backbone whose `.layers` are those of its layer table, by order and by name.

    Both trained and untrained networks are built in the same way, without weights, and the weights are then loaded from
    the checked file: `keras.applications` builds some networks differently when it is asked for ImageNet weights, and
    would go to the network by itself.

    Args:
        backbone: What to build.
        width: Width multiplier; None is the backbone's default.
        size: Side of the pictures in pixels, at least the backbone's smallest size.
        pretrained: Whether to load the ImageNet weights; they are downloaded where they aren't built in or cached.

    Returns:
        A functional model from (n, size, size, 3), preprocessed as `preprocess` does, to a feature map
        (n, rows, columns, channels).

    Raises:
        BackboneError: The width is unknown.
        WeightsUnavailable: The weights can't be fetched, or don't fit.
    """
    import keras

    width = resolve_width(backbone, width)
    if backbone.keras_name is None:
        from tlcore.backbones.efficientnet_lite import build_lite

        return build_lite(backbone.id, size, pretrained)
    # Fetched before the network is built: without a network the answer comes at once.
    weights = layer_table(backbone.id, width).weights if pretrained else None
    path = fetch_weights(weights) if isinstance(weights, DownloadedWeights) else None
    options: dict[str, Any] = {"include_top": False, "weights": None, "input_shape": (size, size, 3)}
    if width is not None:
        options["alpha"] = width
    model = getattr(keras.applications, backbone.keras_name)(**options)
    _number_from_zero(model)
    if path is not None and isinstance(weights, DownloadedWeights):
        try:
            model.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            raise unusable(weights, path) from error
        if backbone.family == "EfficientNet":
            _fold_second_normalization(model)
    return model


def preprocess(kind: Preprocessing, pictures: keras.KerasTensor) -> keras.KerasTensor:
    """Raw RGB in 0..255 mapped to what the first layer of a backbone expects.

    Only layers and operations of Keras itself are used, so that a saved model opens without any code of this project,
    and only such that OpenVINO converts exactly.

    Args:
        kind: As the backbone's record says.
        pictures: Shape (n, size, size, 3), RGB, 0..255, a floating-point type.

    Returns:
        A tensor of the same shape.
    """
    import keras

    if kind == "identity":
        return pictures
    if kind == "minus1_to_1":
        layer = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="preprocessing")
    elif kind == "lite":
        layer = keras.layers.Rescaling(1 / 128, offset=-127 / 128, name="preprocessing")
    elif kind == "imagenet_statistics":
        layer = keras.layers.Rescaling(
            [1 / (255 * deviation) for deviation in IMAGENET_DEVIATION],
            offset=[-mean / deviation for mean, deviation in zip(IMAGENET_MEAN, IMAGENET_DEVIATION, strict=True)],
            name="preprocessing",
        )
    else:
        pictures = keras.ops.flip(pictures, axis=-1)
        layer = keras.layers.Rescaling(1.0, offset=[-mean for mean in CAFFE_MEAN], name="preprocessing")
    return layer(pictures)


def unfreeze_from(model: keras.Model, index: int) -> None:
    """Makes the layers of a backbone from `index` on trainable, and all below it frozen.

    BatchNorm stays frozen everywhere: its statistics belong to ImageNet, and a few small batches would ruin them.
    Compile again afterwards.

    Args:
        model: As `build_backbone` returns it.
        index: Index of the first layer to train; the number of layers freezes everything.
    """
    import keras

    model.trainable = True
    for position, layer in enumerate(model.layers):
        for leaf in leaves(layer):
            leaf.trainable = position >= index and not isinstance(leaf, keras.layers.BatchNormalization)


def leaves(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    """A layer, or the layers inside it where it is a model itself, as ConvNeXt's stem is."""
    inner = getattr(layer, "layers", None)
    if inner is None:
        yield layer
        return
    for part in inner:
        yield from leaves(part)


def _number_from_zero(model: keras.Model) -> None:
    """Renames what Keras numbered (`conv2d_94`) as in a fresh process (`conv2d`, `conv2d_1` …).

    Keras counts through all models of a process, so the names would otherwise depend on what was built before. Clearing
    Keras's session would do it too, but for every model of the process.
    """
    numbers: dict[str, list[tuple[int, Any]]] = {}
    for operation in model.operations:
        base, number = re.fullmatch(r"(.+?)(?:_(\d+))?", operation.name).groups()  # type: ignore[union-attr]
        if base.replace("_", "") == type(operation).__name__.lower():
            numbers.setdefault(base, []).append((int(number or 0), operation))
    for base, operations in numbers.items():
        for index, (_, operation) in enumerate(sorted(operations, key=lambda entry: entry[0])):
            operation.name = f"{base}_{index}" if index else base


def _fold_second_normalization(model: keras.Model) -> None:
    """Divides by the square root of the deviation once more, inside the normalization layer.

    EfficientNet's authors divided by the variance where they meant the deviation. `keras.applications` makes up for it
    with a layer of its own when it loads ImageNet weights, and only then (tensorflow issue 49930), so that a trained
    network would have a layer more than its untrained twin. (x - m) / sqrt(v) / sqrt(d) = (x - m) / sqrt(v d).
    """
    import keras

    normalization = next(layer for layer in model.layers if isinstance(layer, keras.layers.Normalization))
    variance = keras.ops.convert_to_numpy(normalization.adapt_variance)
    normalization.adapt_variance.assign(variance * IMAGENET_DEVIATION)
    normalization.finalize_state()
