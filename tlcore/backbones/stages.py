"""Which stage of a network each layer belongs to.

A stage is what a person unfreezes by name: a few neighbouring blocks that the network's paper treats as one. The names
follow the paper or Keras's layer names, so that they can be recognised in both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class StageRule:
    """The layers that make up one stage.

    Attributes:
        stage: Name of the stage.
        pattern: Regular expression that the beginning of a layer's name matches.
    """

    stage: str
    pattern: str


def _numbered(prefix: str, pattern: str, numbers: Sequence[int]) -> tuple[StageRule, ...]:
    """One stage a number: `{n}` in `pattern` stands for it."""
    return tuple(StageRule(f"{prefix}{number}", pattern.replace("{n}", str(number))) for number in numbers)


def _grouped(pattern: str, groups: Sequence[Sequence[int]]) -> tuple[StageRule, ...]:
    """`block1`, `block2` …: a stage for each group of Keras's block numbers, put in place of `{n}` in `pattern`."""
    return tuple(
        StageRule(f"block{index}", pattern.replace("{n}", f"(?:{'|'.join(map(str, group))})"))
        for index, group in enumerate(groups, start=1)
    )


_STEM = StageRule("stem", "stem")
_TOP = StageRule("top", "top")


def _nasnet(cells: int) -> tuple[StageRule, ...]:
    """NASNet-A: three stacks of `cells` normal cells, a reduction cell between them; Keras numbers cells through."""

    def normal(first: int) -> str:
        numbers = "|".join(str(number) for number in range(first, first + cells))
        # Keras's unnamed layers ("add_3", "activation_7") also end in a number, but say nothing about the cell.
        return rf"(?:normal|separable|adjust)_.*(?<!reduce)_(?:{numbers})$"

    return (
        StageRule("stem", r"stem_|.*_stem_[12]$"),
        StageRule("normal1", normal(0)),
        StageRule("reduce1", rf".*_reduce_{cells}$"),
        StageRule("normal2", normal(cells + 1)),
        StageRule("reduce2", rf".*_reduce_{2 * cells}$"),
        StageRule("normal3", normal(2 * cells + 1)),
    )


# By the beginning of the backbone's id; the longest that fits counts. A rule may name only a stage's last layer:
# layers that no rule names belong to the stage of the next layer that one does.
_RULES: dict[str, tuple[StageRule, ...]] = {
    "vgg": _numbered("block", "block{n}_", range(1, 6)),
    "resnet": (StageRule("conv1", "conv1_|pool1_"), *_numbered("conv", "conv{n}_", range(2, 6))),
    "densenet": (
        StageRule("conv1", "conv1_|pool1$"),
        *_numbered("conv", "(?:conv|pool){n}_", range(2, 6)),
    ),
    "inceptionv3": (
        StageRule("stem", r"max_pooling2d(?:_1)?$"),
        *_numbered("mixed", "mixed{n}$", range(11)),
    ),
    "inceptionresnetv2": (
        StageRule("stem", r"max_pooling2d(?:_1)?$"),
        StageRule("mixed_5b", "mixed_5b$"),
        StageRule("block35", "block35_"),
        StageRule("mixed_6a", "mixed_6a$"),
        StageRule("block17", "block17_"),
        StageRule("mixed_7a", "mixed_7a$"),
        StageRule("block8", "block8_|custom_scale_layer_39$"),
        StageRule("conv_7b", "conv_7b"),
    ),
    "xception": (
        StageRule("entry", "block[1-4]_|add(?:_[12])?$"),
        StageRule("middle", r"block(?:[5-9]|1[0-2])_|add_(?:[3-9]|10)$"),
        StageRule("exit", r"block1[34]_|add_11$"),
    ),
    "mobilenet": (
        StageRule("stem", "conv1"),
        *_grouped(r"conv_(?:pad|dw|pw)_{n}(?:_|$)", [[1], [2, 3], [4, 5], range(6, 12), [12, 13]]),
    ),
    "mobilenetv2": (
        StageRule("stem", "Conv1|bn_Conv1"),
        StageRule("block1", "expanded_conv_"),
        *_grouped(r"block_{n}_", [[0], [1, 2], range(3, 6), range(6, 10), range(10, 13), range(13, 16), [16]])[1:],
        StageRule("top", "Conv_1|out_relu"),
    ),
    "mobilenetv3small": (
        StageRule("stem", "conv(?:_bn)?$"),
        StageRule("block1", "expanded_conv_[a-z]"),
        *_grouped(r"expanded_conv_{n}_", [[0], [1, 2], range(3, 6), [6, 7], range(8, 11)])[1:],
        StageRule("top", "conv_1"),
    ),
    "mobilenetv3large": (
        StageRule("stem", "conv(?:_bn)?$"),
        StageRule("block1", "expanded_conv_[a-z]"),
        *_grouped(r"expanded_conv_{n}_", [[0], [1, 2], range(3, 6), range(6, 10), [10, 11], range(12, 15)])[1:],
        StageRule("top", "conv_1"),
    ),
    "nasnetmobile": _nasnet(cells=4),
    "nasnetlarge": _nasnet(cells=6),
    "efficientnet": (_STEM, *_numbered("block", "block{n}[a-z]+_", range(1, 8)), _TOP),
    "convnext": (
        StageRule("stem", r"convnext_[a-z]+_(?:prestem_normalization|stem)$"),
        StageRule("stage0", r"convnext_[a-z]+_stage_0_"),
        *(
            StageRule(f"stage{number}", rf"convnext_[a-z]+_(?:stage_{number}_|downsampling_block_{number - 1}$)")
            for number in (1, 2, 3)
        ),
    ),
}


def stages_of(backbone_id: str, names: Sequence[str]) -> list[str]:
    """The stage of each layer of one of Keras's networks.

    Keras sorts layers by depth, so in networks with long side branches (NASNet) a few layers of a stage come before the
    last ones of the stage below. Those count to the stage below: unfreezing a stage never reaches into a lower one.

    Args:
        backbone_id: The backbone's id, such as `resnet50v2`.
        names: Names of all layers in Keras's order.

    Returns:
        A stage for every name; stages never go back down along the list.

    Raises:
        KeyError: No rules are known for this id.
        ValueError: A stage of the rules has no layer: the rules don't fit the network.
    """
    fitting = [prefix for prefix in _RULES if backbone_id.startswith(prefix)]
    if not fitting:
        raise KeyError(backbone_id)
    rules = _RULES[max(fitting, key=len)]
    stages: list[str] = []
    lowest = len(rules) - 1
    for name in reversed(names):
        rank = next((index for index, rule in enumerate(rules) if re.match(rule.pattern, name)), lowest)
        lowest = min(lowest, rank)
        stages.append(rules[lowest].stage)
    stages.reverse()
    # EfficientNetV2's smaller variants have six blocks where the larger ones have seven.
    missing = {rule.stage for rule in rules} - set(stages) - {"block7"}
    if missing:
        raise ValueError(f"{backbone_id}: no layer belongs to {', '.join(sorted(missing))}")
    return stages
