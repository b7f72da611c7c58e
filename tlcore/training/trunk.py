"""Cutting a backbone in two: the frozen trunk, whose work is done once, and the upper part, which learns.

Both halves share their layers with the assembled model: what the upper part learns is in the whole model at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import keras

from tlcore.backbones.build import preprocess
from tlcore.backbones.record import Preprocessing
from tlcore.engines.protocol import EMBEDDING, FEATURE_MAP, TRUNK
from tlcore.training.assembly import Assembled


def frozen_network(assembled: Assembled, preprocessing: Preprocessing, cut: int | None = None) -> keras.Model:
    """What runs once for each picture: raw pictures in; embedding, last feature map and, with a cut, the trunk out.

    Args:
        assembled: The whole model; its backbone is called in inference mode.
        preprocessing: As the backbone's record says.
        cut: Index of the first backbone layer that learns.

    Returns:
        A model with the outputs `embedding` (n, channels), `feature_map` (n, rows, columns, channels) and, with a cut,
        `trunk` (n, values): all activations that cross the cut, flattened, one after another.
    """
    backbone = assembled.backbone
    pictures = keras.Input(assembled.model.input.shape[1:], name="pictures")
    prepared = preprocess(preprocessing, pictures)
    if cut is None:
        outputs = {FEATURE_MAP: backbone(prepared, training=False)}
    else:
        both = keras.Model(backbone.input, [*crossing(backbone, cut), backbone.output])
        *crossed, feature_map = both(prepared, training=False)
        flat = [keras.layers.Flatten()(tensor) for tensor in crossed]
        joined = keras.layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
        outputs = {FEATURE_MAP: feature_map, TRUNK: joined}
    outputs[EMBEDDING] = keras.layers.GlobalAveragePooling2D(name=EMBEDDING)(outputs[FEATURE_MAP])
    return keras.Model(pictures, outputs, name="frozen")


@dataclass(frozen=True)
class Upper:
    """What learns in fine-tuning.

    Attributes:
        model: From the crossing activations of a picture, (n, values), to the head's output.
        values: Number of crossing activations of a picture.
    """

    model: keras.Model
    values: int


def upper_part(assembled: Assembled, cut: int) -> Upper:
    """The layers from `cut` on with the head, sharing their weights with the assembled model.

    Args:
        assembled: The whole model.
        cut: Index of the first backbone layer that learns.
    """
    tensors = crossing(assembled.backbone, cut)
    shapes = [tuple(int(side) for side in tensor.shape[1:]) for tensor in tensors]
    values = sum(prod(shape) for shape in shapes)
    flat = keras.Input((values,), name="trunk_input")
    parts, start = [], 0
    for shape in shapes:
        part = flat[:, start : start + prod(shape)] if len(shapes) > 1 else flat
        parts.append(keras.layers.Reshape(shape)(part))
        start += prod(shape)
    rest = keras.Model(tensors, assembled.backbone.output, name="rest")
    feature_map = rest(parts if len(parts) > 1 else parts[0], training=False)
    embedding = keras.layers.GlobalAveragePooling2D()(feature_map)
    return Upper(keras.Model(flat, assembled.head(embedding), name="upper"), values)


def crossing(backbone: keras.Model, cut: int) -> list[keras.KerasTensor]:
    """The activations that layers from `cut` on take from those below, each once, in the order they are taken.

    Several cross where a cut goes through a block: the block's own path and the shortcut around it. Keras sorts layers
    by depth, so no layer takes anything from one that comes later.

    Args:
        backbone: As `build_backbone` returns it.
        cut: Index of a layer.
    """
    upper = {id(layer) for layer in backbone.layers[cut:]}
    found: dict[int, keras.KerasTensor] = {}
    by_depth = backbone._nodes_by_depth  # noqa: SLF001 - Keras names no public way to a model's graph
    for depth in sorted(by_depth, reverse=True):
        for node in by_depth[depth]:
            taken = node.input_tensors
            # Operations that are no layers have no index: they belong to the upper part if anything they take does.
            if any(id(tensor._keras_history.operation) in upper for tensor in taken):  # noqa: SLF001
                upper.add(id(node.operation))
            if id(node.operation) in upper:
                below = (t for t in taken if id(t._keras_history.operation) not in upper)  # noqa: SLF001
                found.update((id(tensor), tensor) for tensor in below if id(tensor) not in found)
    return list(found.values())
