"""Building with weights, and what an assembled model's preprocessing survives."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
import openvino
import pytest
from numpy.typing import NDArray

from tlcore.backbones import build as build_module
from tlcore.backbones.build import IMAGENET_DEVIATION, build_backbone, preprocess
from tlcore.backbones.record import DownloadedWeights, LayerTable, Preprocessing
from tlcore.backbones.registry import find_backbone, layer_table, weights_state
from tlcore.errors import BackboneError, WeightsUnavailable

# Keras's variables don't know NumPy 2's `copy` argument yet, which h5py uses when it saves them.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")

SIZE = 64


@pytest.fixture
def pictures() -> NDArray[np.float32]:
    return np.random.default_rng(7).uniform(0, 255, (2, SIZE, SIZE, 3)).astype("float32")


def randomized(model: Any, seed: int = 3) -> Any:
    """The model with weights that no fresh model has, BatchNorm's statistics too."""
    random = np.random.default_rng(seed)
    model.set_weights([random.uniform(0.01, 0.1, weight.shape) for weight in model.get_weights()])
    return model


@pytest.mark.filterwarnings("ignore:The structure of `inputs`")  # OpenVINO calls the model with a tuple
@pytest.mark.parametrize("kind", get_args(Preprocessing))
def test_preprocessing_survives_saving_and_conversion(
    kind: Preprocessing, pictures: NDArray[np.float32], tmp_path: Path
) -> None:
    inputs = keras.Input((SIZE, SIZE, 3))
    # A layer behind it, as in an assembled model: "identity" alone would be no network at all.
    model = keras.Model(inputs, keras.layers.ReLU(negative_slope=1.0)(preprocess(kind, inputs)))
    expected = model(pictures).numpy()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(again(pictures).numpy(), expected)
    converted = openvino.compile_model(openvino.convert_model(model), "CPU")
    np.testing.assert_allclose(converted(pictures)[0], expected, atol=1e-4)
    assert kind == "identity" or not np.allclose(expected, pictures)


def test_pretrained_weights_come_from_the_network_once(
    server: Any, keras_home: Path, save_as_published: Callable[[Any, Path], bytes], tmp_path: Path
) -> None:
    """The real way from the published address to values in the network; only the server is ours."""
    backbone = find_backbone("mobilenetv2")
    weights = layer_table("mobilenetv2", 0.35).weights
    assert isinstance(weights, DownloadedWeights)
    source = randomized(build_backbone(backbone, 0.35, SIZE, pretrained=False))
    server.files[weights.file] = save_as_published(source, tmp_path / "source.h5")

    assert weights_state(backbone, 0.35) == "download"
    model = build_backbone(backbone, 0.35, 96, pretrained=True)
    build_backbone(backbone, 0.35, SIZE, pretrained=True)

    assert server.asked == [weights.file]
    assert weights_state(backbone, 0.35) == "cached"
    assert weights_state(backbone, 1.0) == "download"
    assert (keras_home / "models" / weights.file).is_file()
    for value, expected in zip(model.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(value, expected)


def test_weights_of_another_width_are_refused_and_the_way_out_is_said(
    server: Any, keras_home: Path, save_as_published: Callable[[Any, Path], bytes], tmp_path: Path
) -> None:
    backbone = find_backbone("mobilenetv2")
    weights = layer_table("mobilenetv2", 0.5).weights
    assert isinstance(weights, DownloadedWeights)
    narrow = build_backbone(backbone, 0.35, SIZE, pretrained=False)
    server.files[weights.file] = save_as_published(narrow, tmp_path / "source.h5")
    with pytest.raises(WeightsUnavailable, match=r"doesn't fit the backbone.*Delete the file"):
        build_backbone(backbone, 0.5, SIZE, pretrained=True)


def test_efficientnet_computes_what_keras_computes_with_imagenet_weights(
    monkeypatch: pytest.MonkeyPatch,
    save_as_published: Callable[[Any, Path], bytes],
    pictures: NDArray[np.float32],
    tmp_path: Path,
) -> None:
    """Keras adds a layer when it loads ImageNet weights; ours folds it, and a saved copy keeps the folded values."""
    backbone = find_backbone("efficientnetb0")
    source = build_backbone(backbone, None, SIZE, pretrained=False)
    normalization = next(layer for layer in source.layers if isinstance(layer, keras.layers.Normalization))
    normalization.adapt_mean.assign([0.485, 0.456, 0.406])
    normalization.adapt_variance.assign(IMAGENET_DEVIATION)
    path = tmp_path / "source.h5"
    save_as_published(source, path)

    file_utils = sys.modules["keras.src.utils.file_utils"]
    monkeypatch.setattr(file_utils, "get_file", lambda *_, **__: str(path))
    keras_own = keras.applications.EfficientNetB0(include_top=False, weights="imagenet", input_shape=(SIZE, SIZE, 3))
    monkeypatch.setattr(build_module, "fetch_weights", lambda _: path)
    ours = build_backbone(backbone, None, SIZE, pretrained=True)
    expected = keras_own(pictures, training=False).numpy()
    assert len(ours.layers) == len(keras_own.layers) - 1
    tolerance = 1e-3 * np.abs(expected).max()
    np.testing.assert_allclose(ours(pictures, training=False).numpy(), expected, rtol=0, atol=tolerance)
    unfolded = source(pictures, training=False).numpy()
    assert np.abs(unfolded - expected).max() > 100 * tolerance

    ours.save(tmp_path / "ours.keras")
    again = keras.models.load_model(tmp_path / "ours.keras", safe_mode=True)
    np.testing.assert_array_equal(again(pictures).numpy(), ours(pictures).numpy())


def test_layer_names_do_not_depend_on_what_was_built_before(tmp_path: Path) -> None:
    backbone = find_backbone("mobilenetv3small")
    keras.layers.ReLU()
    first = build_backbone(backbone, 0.75, 32, pretrained=False)
    second = build_backbone(backbone, 0.75, 32, pretrained=False)
    names = [layer.name for layer in first.layers]
    table: LayerTable = layer_table("mobilenetv3small", 0.75)
    assert names == [layer.name for layer in second.layers] == [layer.name for layer in table.layers]
    assert len(set(names)) == len(names)
    first.save(tmp_path / "renamed.keras")
    again = keras.models.load_model(tmp_path / "renamed.keras", safe_mode=True)
    for value, expected in zip(again.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_array_equal(value, expected)


def test_an_unknown_width_is_refused_before_anything_is_built() -> None:
    with pytest.raises(BackboneError, match=r"0\.3.*0\.35"):
        build_backbone(find_backbone("mobilenetv2"), 0.3, 64, pretrained=False)
