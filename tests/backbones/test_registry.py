from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tlcore.backbones.record import Backbone, DownloadedWeights, PackagedWeights
from tlcore.backbones.registry import TABLES, find_backbone, layer_table, list_backbones, table_path, weights_state
from tlcore.errors import BackboneError


def test_every_image_model_of_keras_is_there_under_its_lower_case_name() -> None:
    ids = [backbone.id for backbone in list_backbones()]
    assert len(set(ids)) == len(ids)
    assert ids[:3] == ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"]
    script = (
        "import keras, types; print(*[n for n, v in vars(keras.applications).items() "
        "if isinstance(v, types.FunctionType)])"
    )
    names = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert len(names) > 30
    assert {name.lower() for name in names} == set(ids[3:])


def test_tables_are_there_for_all_and_for_nothing_else() -> None:
    expected = {table_path(backbone, width) for backbone in list_backbones() for width in backbone.widths or (None,)}
    assert set(TABLES.iterdir()) == expected
    assert sum(path.stat().st_size for path in expected) < 3_000_000


@pytest.mark.parametrize("backbone", list_backbones(), ids=lambda backbone: backbone.id)
def test_weights_are_told_for_every_width(backbone: Backbone) -> None:
    for width in backbone.widths or (None,):
        weights = layer_table(backbone.id, width).weights
        if backbone.keras_name is None:
            assert isinstance(weights, PackagedWeights)
            continue
        assert isinstance(weights, DownloadedWeights)
        assert weights.url.startswith("https://")
        assert weights.file.endswith(("no_top.h5", "notop.h5", "no_top_v2.h5"))
        # Keras publishes no checksum for the two oldest MobileNets.
        assert len(weights.checksum) in ({0} if backbone.id in {"mobilenet", "mobilenetv2"} else {32, 64})
        assert weights.megabytes == pytest.approx(layer_table(backbone.id, width).parameters * 4e-6, abs=0.1)


def test_mobilenets_take_the_224_pixel_file_of_their_width() -> None:
    weights = layer_table("mobilenet", 0.25).weights
    assert isinstance(weights, DownloadedWeights)
    assert weights.file == "mobilenet_2_5_224_tf_no_top.h5"
    assert layer_table("mobilenet") == layer_table("mobilenet", 1.0)


def test_known_facts_of_known_networks() -> None:
    vgg = layer_table("vgg16")
    assert (vgg.parameters, vgg.embedding) == (14_714_688, 512)
    assert vgg.layers[vgg.first_layer(("block5",))].name == "block5_conv1"
    assert layer_table("resnet50").parameters == 23_587_712
    assert layer_table("mobilenetv2").parameters == 2_257_984
    # BatchNorm of MobileNetV2 holds 34,112 trainable weights by itself, which don't count.
    assert layer_table("mobilenetv2").trainable_from(0) == 2_257_984 - 2 * 34_112


def test_state_of_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert weights_state(find_backbone("efficientnet-lite0")) == "built in"
    assert weights_state(find_backbone("vgg16")) == "download"


def test_an_unknown_id_lists_the_nearest_first() -> None:
    with pytest.raises(BackboneError, match=r"Received: resnet51\. Valid: resnet50"):
        find_backbone("resnet51")


@pytest.mark.parametrize(("backbone_id", "width"), [("mobilenetv2", 0.25), ("vgg16", 0.5)])
def test_an_unknown_width_is_refused(backbone_id: str, width: float) -> None:
    with pytest.raises(BackboneError, match=str(width)):
        layer_table(backbone_id, width)


def test_pages_can_ask_everything_without_keras() -> None:
    script = """
import sys
from tlcore.backbones import checks, registry
from tlcore.config import RunConfig
for backbone in registry.list_backbones():
    registry.layer_table(backbone.id)
    registry.weights_state(backbone)
checks.complete(RunConfig.build(dataset="my/x"))
print(*[name for name in ("keras", "tensorflow", "torch", "openvino") if name in sys.modules], sep=",")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
