"""A backbone cut in two computes what it computes whole, wherever the cut goes through."""

import keras
import numpy as np
import pytest

from tlcore.backbones.build import unfreeze_from
from tlcore.backbones.registry import find_backbone, layer_table
from tlcore.config import RunConfig
from tlcore.engines.protocol import EMBEDDING, TRUNK
from tlcore.training.assembly import Assembled, assemble
from tlcore.training.trunk import crossing, frozen_network, upper_part

SIZE = 64


def assembled(backbone: str) -> Assembled:
    keras.utils.set_random_seed(1)
    config = RunConfig.build(dataset="x", backbone=backbone, image_size=SIZE, mode="finetune", head={"dropout": 0.0})
    return assemble(config, find_backbone(backbone), 3, pretrained=False)


def cuts_of(backbone: str) -> list[int]:
    """The start of the top stage, and a layer in the middle of a block below it."""
    table = layer_table(backbone)
    top = table.first_layer(table.stages[-2:])
    return [top, top - 5]


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 255, (3, SIZE, SIZE, 3)).astype(np.float32)


@pytest.mark.parametrize("backbone", ["efficientnet-lite0", "mobilenetv2", "resnet50v2", "mobilenetv3small"])
def test_both_halves_together_are_the_whole(backbone: str, pictures: np.ndarray) -> None:
    whole = assembled(backbone)
    expected = whole.model(pictures, training=False).numpy()
    for cut in cuts_of(backbone):
        upper = upper_part(whole, cut)
        outputs = frozen_network(whole, find_backbone(backbone).preprocessing, cut)(pictures, training=False)
        assert outputs[TRUNK].shape == (len(pictures), upper.values)
        assert np.abs(upper.model(outputs[TRUNK], training=False).numpy() - expected).max() < 1e-5
        assert np.abs(whole.head(outputs[EMBEDDING], training=False).numpy() - expected).max() < 1e-5


def test_a_cut_through_a_block_takes_the_shortcut_along() -> None:
    backbone = assembled("resnet50v2").backbone
    names = [layer.name for layer in backbone.layers]
    inside = names.index("conv5_block2_2_conv")
    between = names.index("conv5_block2_preact_bn")
    assert len(crossing(backbone, inside)) == 2
    assert len(crossing(backbone, between)) == 1


def test_what_the_upper_part_learns_is_in_the_whole_model(pictures: np.ndarray) -> None:
    whole = assembled("efficientnet-lite0")
    cut = cuts_of("efficientnet-lite0")[0]
    frozen = frozen_network(whole, find_backbone("efficientnet-lite0").preprocessing, cut)
    upper = upper_part(whole, cut)
    unfreeze_from(whole.backbone, cut)
    table = layer_table("efficientnet-lite0")
    learning = sum(int(keras.ops.size(weight)) for weight in upper.model.trainable_weights)
    assert learning == table.trainable_from(cut) + 1280 * 3 + 3
    trunk = frozen(pictures, training=False)[TRUNK].numpy()
    before = whole.model(pictures, training=False).numpy()
    upper.model.compile(optimizer=keras.optimizers.SGD(0.1), loss="categorical_crossentropy")
    upper.model.fit(trunk, np.eye(3, dtype=np.float32), epochs=2, verbose=0)
    after = whole.model(pictures, training=False).numpy()
    assert np.abs(after - before).max() > 1e-3
    assert np.abs(upper.model(trunk, training=False).numpy() - after).max() < 1e-5
    assert (frozen(pictures, training=False)[TRUNK].numpy() == trunk).all()
