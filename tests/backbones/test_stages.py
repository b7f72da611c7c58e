from __future__ import annotations

import pytest

from tlcore.backbones.stages import stages_of


def test_layers_without_a_name_of_their_own_belong_to_what_follows() -> None:
    names = ["input_layer", "stem_conv", "block1a_conv", "dropout", "block2a_conv"]
    names += [f"block{number}a_conv" for number in range(3, 8)] + ["top_conv", "activation"]
    stages = stages_of("efficientnetb0", names)
    assert stages[:5] == ["stem", "stem", "block1", "block2", "block2"]
    assert stages[-2:] == ["top", "top"]


def test_a_side_branch_that_comes_early_counts_to_the_stage_below() -> None:
    """Unfreezing block 2 must not reach into block 1, whatever order the layers are in."""
    names = ["block1_conv", "block2_shortcut", "block1_out", "block2_out", "block3_a", "block4_a", "block5_a"]
    assert stages_of("vgg16", names)[:4] == ["block1", "block1", "block1", "block2"]


def test_a_network_without_rules_is_refused() -> None:
    with pytest.raises(KeyError, match="alexnet"):
        stages_of("alexnet", ["conv1"])


def test_rules_that_do_not_fit_the_network_are_told() -> None:
    with pytest.raises(ValueError, match="vgg16: no layer belongs to block5"):
        stages_of("vgg16", [f"block{number}_conv1" for number in range(1, 5)])
