"""What every backbone promises: each is built, at its smallest size, and held against its record and its table.

The networks are built with shapes but without values, which takes a second for the largest instead of a minute.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import pytest

from tlcore.backbones import catalogue_keras
from tlcore.backbones.build import build_backbone, leaves, preprocess, unfreeze_from
from tlcore.backbones.make_tables import activation_megabytes, describe_layers, unallocated
from tlcore.backbones.record import Backbone, Layer, LayerTable
from tlcore.backbones.registry import layer_table, list_backbones

# Lowest and highest value that raw black or white may become, by kind of preprocessing. Networks with their own
# preprocessing scale to 0..1, to -1..1 or by ImageNet's statistics.
RANGES = {
    "identity": (-2.12, 2.65),
    "minus1_to_1": (-1.0, 1.0),
    "caffe": (-123.68, 151.07),
    "imagenet_statistics": (-2.12, 2.65),
    "lite": (-1.0, 1.0),
}


@dataclass(frozen=True)
class Built:
    """A backbone with its network, without values."""

    backbone: Backbone
    model: Any
    table: LayerTable


@pytest.fixture(scope="module", params=list_backbones(), ids=lambda backbone: backbone.id)
def built(request: pytest.FixtureRequest) -> Built:
    backbone = request.param
    with unallocated():
        model = build_backbone(backbone, None, backbone.smallest_size, pretrained=False)
    return Built(backbone, model, layer_table(backbone.id))


def count_learning(model: Any) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def test_output_is_a_feature_map_with_the_embedding_as_channels(built: Built) -> None:
    size = built.backbone.smallest_size
    assert built.model.input_shape == (None, size, size, 3)
    batch, rows, columns, channels = built.model.output_shape
    assert batch is None
    assert rows == columns >= 1
    assert channels == built.table.embedding


def without_costs(layers: tuple[Layer, ...]) -> list[Layer]:
    """Costs in the table are those at the default size; see `test_costs`."""
    return [replace(layer, macs=0.0, crossing=0) for layer in layers]


def test_layers_are_those_of_the_table_also_at_the_smallest_size(built: Built) -> None:
    assert without_costs(describe_layers(built.backbone, built.model)) == without_costs(built.table.layers)
    assert built.model.count_params() == built.table.parameters


def test_stages_cover_all_layers_from_bottom_to_top(built: Built) -> None:
    ranks = [built.table.stages.index(layer.stage) for layer in built.table.layers]
    assert ranks == sorted(ranks)
    assert len(built.table.stages) >= 3
    for stage in built.table.stages:
        inside = sum(layer.trainable for layer in built.table.layers if layer.stage == stage)
        assert inside > 0, f"unfreezing {stage} would train nothing"


def test_freezing_leaves_what_the_table_says(built: Built) -> None:
    for stage in built.table.stages:
        index = built.table.first_layer((stage,))
        unfreeze_from(built.model, index)
        assert count_learning(built.model) == built.table.trainable_from(index)
        learning = [
            leaf for layer in built.model.layers for leaf in leaves(layer) if leaf.trainable and leaf.trainable_weights
        ]
        assert not any(isinstance(leaf, keras.layers.BatchNormalization) for leaf in learning)
    unfreeze_from(built.model, len(built.model.layers))
    assert count_learning(built.model) == 0


def test_black_and_white_arrive_in_range(built: Built) -> None:
    """The whole way from raw RGB to the first layer with weights that learn, preprocessing inside the network too."""
    pictures = np.stack([np.zeros((2, 2, 3)), np.full((2, 2, 3), 255.0)]).astype("float32")
    arrived = preprocess(built.backbone.preprocessing, keras.ops.convert_to_tensor(pictures))
    for layer in built.model.layers[1:]:
        if not isinstance(layer, keras.layers.Rescaling | keras.layers.Normalization):
            break
        arrived = type(layer).from_config(layer.get_config())(arrived)
    values = keras.ops.convert_to_numpy(arrived)
    low, high = RANGES[built.backbone.preprocessing]
    assert low - 1e-3 <= values.min() <= 0
    assert 0.99 <= values.max() <= high + 1e-3
    assert values[1].min() - values[0].max() >= 0.99


@pytest.mark.parametrize("backbone", catalogue_keras.BACKBONES, ids=lambda backbone: backbone.id)
def test_preprocessing_is_what_keras_does(backbone: Backbone) -> None:
    module = sys.modules[getattr(keras.applications, str(backbone.keras_name)).__module__]
    pictures = np.random.default_rng(1).uniform(0, 255, (1, 4, 4, 3)).astype("float32")
    # Keras's own function works in place.
    expected = module.preprocess_input(pictures.copy())
    ours = preprocess(backbone.preprocessing, keras.ops.convert_to_tensor(pictures))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(ours), expected, atol=1e-4)


@pytest.mark.parametrize(
    "backbone_id",
    [
        *("vgg16", "resnet50", "resnet50v2", "inceptionv3", "inceptionresnetv2", "xception", "mobilenet"),
        *("mobilenetv2", "mobilenetv3small", "densenet121", "nasnetmobile", "efficientnetb0", "efficientnetv2b0"),
        "convnexttiny",
    ],
)
def test_keras_builds_the_same_network_when_asked_for_its_weights(
    backbone_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of each of Keras's builders: the published file is read by order of layers, so the order must be ours."""
    backbone = next(backbone for backbone in list_backbones() if backbone.id == backbone_id)
    monkeypatch.setattr(sys.modules["keras.src.utils.file_utils"], "get_file", lambda *_, **__: "weights.h5")
    monkeypatch.setattr(keras.Model, "load_weights", lambda *_: None)
    size = backbone.default_size
    constructor = getattr(keras.applications, str(backbone.keras_name))
    with unallocated():
        own = constructor(include_top=False, weights="imagenet", input_shape=(size, size, 3))
    theirs = [(type(layer).__name__, layer.count_params()) for layer in own.layers]
    if backbone.family == "EfficientNet":
        assert theirs.pop(3) == ("Rescaling", 0)  # the second of two, which ours folds into the normalization
    assert theirs == [(layer.kind, layer.parameters) for layer in layer_table(backbone_id).layers]


@pytest.mark.parametrize(
    ("backbone", "width"),
    [(backbone, width) for backbone in list_backbones() for width in backbone.widths if width != 1.0],
    ids=lambda value: getattr(value, "id", value),
)
def test_every_width_has_its_table(backbone: Backbone, width: float) -> None:
    with unallocated():
        model = build_backbone(backbone, width, backbone.smallest_size, pretrained=False)
    table = layer_table(backbone.id, width)
    assert without_costs(describe_layers(backbone, model)) == without_costs(table.layers)
    assert table.parameters != layer_table(backbone.id).parameters
    assert model.output_shape[-1] == table.embedding


@pytest.mark.parametrize("backbone_id", ["efficientnet-lite0", "mobilenetv2", "resnet50", "nasnetmobile"])
def test_memory_of_a_picture_is_the_sum_of_what_layers_put_out(backbone_id: str) -> None:
    backbone = next(backbone for backbone in list_backbones() if backbone.id == backbone_id)
    with unallocated():
        model = build_backbone(backbone, None, backbone.default_size, pretrained=False)
    assert backbone.megabytes_per_picture == pytest.approx(activation_megabytes(model), rel=0.05)


@pytest.mark.parametrize("backbone_id", ["convnexttiny", "inceptionresnetv2", "mobilenetv3small", "efficientnetb0"])
def test_network_opens_from_its_saved_form_without_custom_objects(backbone_id: str) -> None:
    """Those whose layers are not public Keras ones, or carry constants: a downloaded model must open anywhere."""
    backbone = next(backbone for backbone in list_backbones() if backbone.id == backbone_id)
    with unallocated():
        model = build_backbone(backbone, None, backbone.smallest_size, pretrained=False)
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model), safe_mode=True)
    assert describe_layers(backbone, again) == describe_layers(backbone, model)
