"""What layers cost: held against counts that others published, and against the networks themselves."""

from __future__ import annotations

import keras
import pytest

from tlcore.backbones.build import build_backbone
from tlcore.backbones.costs import crossings, multiply_adds
from tlcore.backbones.make_tables import describe_layers, unallocated
from tlcore.backbones.record import Backbone
from tlcore.backbones.registry import find_backbone, layer_table, list_backbones
from tlcore.training.trunk import crossing


@pytest.mark.parametrize(
    "backbone_id",
    [
        *("efficientnet-lite0", "efficientnet-lite2", "resnet50", "resnet50v2", "mobilenetv2", "mobilenetv3small"),
        *("densenet121", "xception", "inceptionv3", "nasnetmobile", "efficientnetb0", "convnexttiny", "vgg16"),
    ],
)
def test_tables_hold_the_costs_at_the_default_size(backbone_id: str) -> None:
    backbone = find_backbone(backbone_id)
    with unallocated():
        model = build_backbone(backbone, None, backbone.default_size, pretrained=False)
    assert describe_layers(backbone, model) == layer_table(backbone_id).layers


@pytest.mark.parametrize(
    ("backbone_id", "published"),
    # Millions of multiply-adds in the papers, less the classifier, which is not part of a backbone.
    [("efficientnet-lite0", 407 - 1.3), ("resnet50", 3858), ("mobilenetv2", 300 - 1.3), ("vgg16", 15_350)],
)
def test_multiply_adds_are_about_those_that_were_published(backbone_id: str, published: float) -> None:
    assert layer_table(backbone_id).macs_from(0) == pytest.approx(published, rel=0.06)


@pytest.mark.parametrize("backbone", list_backbones(), ids=lambda backbone: backbone.id)
def test_every_layer_but_the_first_takes_something_from_below(backbone: Backbone) -> None:
    layers = layer_table(backbone.id).layers
    assert layers[0].crossing == 0
    assert layers[1].crossing == backbone.default_size**2 * 3
    assert all(layer.crossing > 0 for layer in layers[1:])
    assert layer_table(backbone.id).macs_from(0) > 10


@pytest.mark.parametrize("backbone_id", ["efficientnet-lite0", "mobilenetv3small", "convnexttiny", "nasnetmobile"])
def test_what_crosses_is_what_the_trunk_hands_over(backbone_id: str) -> None:
    """At cuts through blocks too, where the shortcut around the block crosses as well."""
    backbone = find_backbone(backbone_id)
    with unallocated():
        model = build_backbone(backbone, None, backbone.default_size, pretrained=False)
    layers = layer_table(backbone_id).layers
    several = 0
    for cut in range(1, len(layers), 7):
        tensors = crossing(model, cut)
        assert sum(int(keras.ops.prod(tensor.shape[1:])) for tensor in tensors) == layers[cut].crossing, layers[cut]
        several += len(tensors) > 1
    assert several  # else no cut went through a block


def test_a_small_network_counted_by_hand() -> None:
    pictures = keras.Input((8, 8, 3))
    first = keras.layers.Conv2D(4, 3, padding="same")(pictures)
    second = keras.layers.DepthwiseConv2D(3, strides=2, padding="same")(first)
    both = keras.layers.Concatenate()([keras.layers.MaxPooling2D()(first), second])
    model = keras.Model(pictures, both)
    macs = {type(layer).__name__: multiply_adds(layer) for layer in model.layers}
    assert macs == {
        "InputLayer": 0,
        "Conv2D": 64 * 9 * 3 * 4,
        "DepthwiseConv2D": 16 * 9 * 4,
        "MaxPooling2D": 0,
        "Concatenate": 0,
    }
    by_kind = dict(zip((type(layer).__name__ for layer in model.layers), crossings(model), strict=True))
    assert by_kind["Conv2D"] == 8 * 8 * 3
    assert by_kind["Concatenate"] == 2 * 16 * 4
