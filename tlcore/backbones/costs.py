"""What the layers of a Keras network cost for one picture, read off its shapes. No value is computed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tlcore.backbones.build import leaves

if TYPE_CHECKING:
    import keras


def multiply_adds(layer: keras.layers.Layer) -> int:
    """Multiply-adds of a layer for one picture: those of convolutions and dense layers, beside which others are little.

    Args:
        layer: A layer of a functional model with known shapes, or a model inside one.
    """
    return sum(_of_leaf(leaf) for leaf in leaves(layer))


def _of_leaf(layer: keras.layers.Layer) -> int:
    """A kernel's weight is used once for each place of the output; a separable convolution has two kernels."""
    import keras

    layers = keras.layers
    if not isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D | layers.SeparableConv2D | layers.Dense):
        return 0
    places: int = math.prod(layer.output.shape[1:-1])
    # Biases are one-dimensional and only added.
    kernels: int = sum(math.prod(weight.shape) for weight in layer.weights if len(weight.shape) > 1)
    return places * kernels


def crossings(model: keras.Model) -> tuple[int, ...]:
    """For each layer, how many values of one picture pass from the layers below it into it and those above.

    Additions and multiplications that are no layers of their own (ConvNeXt, MobileNetV3) are counted to the layer
    before, so that what they make passes, and not what they are made of.

    Args:
        model: A functional model with known shapes.
    """
    places = _places(model)
    last_use: dict[int, int] = {}
    made: dict[int, tuple[int, int]] = {}
    for operation in model.operations:
        place = places[id(operation)]
        for tensor in _inputs(operation):
            last_use[id(tensor)] = max(last_use.get(id(tensor), -1), place)
        for tensor in _outputs(operation):
            made[id(tensor)] = (place, math.prod(tensor.shape[1:]))
    totals = [0] * len(model.layers)
    for tensor_id, (place, values) in made.items():
        for index in range(place + 1, last_use.get(tensor_id, -1) + 1):
            totals[index] += values
    return tuple(totals)


def _places(model: keras.Model) -> dict[int, int]:
    """The index of each operation's layer; of one that is no layer, that of the highest layer it takes from."""
    places = {id(layer): index for index, layer in enumerate(model.layers)}
    makers: dict[int, int] = {}
    for operation in model.operations:  # sorted so that makers come before users
        if id(operation) not in places:
            places[id(operation)] = max(makers[id(tensor)] for tensor in _inputs(operation))
        for tensor in _outputs(operation):
            makers[id(tensor)] = places[id(operation)]
    return places


def _inputs(operation: Any) -> list[Any]:
    import keras

    inner = isinstance(operation, keras.layers.InputLayer)
    return [] if inner else keras.tree.flatten(operation.input)


def _outputs(operation: Any) -> list[Any]:
    import keras

    outputs: list[Any] = keras.tree.flatten(operation.output)
    return outputs
