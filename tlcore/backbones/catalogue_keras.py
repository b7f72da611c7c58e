"""The image models of `keras.applications`, as records. No framework is imported here.

Accuracies are those of the table on Keras's own pages, measured with the very weights that are downloaded. MobileNetV3
is not in that table; its figures are the ones its authors publish for the same checkpoints. For a backbone with width
multipliers the figure is that of the default width.

Licences are those under which the authors released the weights that Keras converted; see
docs/decisions/2026-11-21-keras-backbones.md for where each was read.

Weights by size: MobileNet and MobileNetV2 were published once for each of several picture sizes, and
`keras.applications` picks the file by the size asked for. Here the 224-pixel file is always used, as Keras itself does
for every size without a file of its own: convolutions don't depend on the size, one file serves every run, and the
accuracy shown is the one of the weights that are loaded.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tlcore.backbones.record import Accuracy, Backbone, Preprocessing

KERAS_TABLE = "https://keras.io/api/applications/"
MOBILENET_TABLE = "https://github.com/tensorflow/models/tree/master/research/slim/nets/mobilenet"

_ARXIV = "https://arxiv.org/abs/"


@dataclass(frozen=True)
class _Variant:
    """What differs within a family.

    Attributes:
        keras_name: Name in `keras.applications`; in lower case it is the backbone's id.
        top1: ImageNet accuracy in percent, as the source prints it.
        megabytes: Activation memory of one picture at the default size; `make_tables` prints it.
        size: Default size in pixels.
        widths: Width multipliers with published weights.
    """

    keras_name: str
    top1: float
    megabytes: float
    size: int = 224
    widths: tuple[float, ...] = ()


@dataclass(frozen=True)
class _Family:
    """What the variants of a family share.

    Attributes:
        smallest_size: Smallest side that Keras accepts, in pixels.
        source: Where the accuracies come from.
    """

    name: str
    preprocessing: Preprocessing
    licence: str
    paper: str
    variants: tuple[_Variant, ...]
    smallest_size: int = 32
    source: str = field(default=KERAS_TABLE)

    def records(self) -> tuple[Backbone, ...]:
        return tuple(
            Backbone(
                id=variant.keras_name.lower(),
                name=variant.keras_name,
                family=self.name,
                default_size=variant.size,
                smallest_size=self.smallest_size,
                preprocessing=self.preprocessing,
                accuracy=Accuracy(round(variant.top1 / 100, 4), self.source),
                megabytes_per_picture=variant.megabytes,
                licence=self.licence,
                paper=_ARXIV + self.paper,
                keras_name=variant.keras_name,
                widths=variant.widths,
                default_width=1.0 if variant.widths else None,
            )
            for variant in self.variants
        )


_FAMILIES = (
    _Family(
        "VGG",
        "caffe",
        "CC BY 4.0",
        "1409.1556",
        (_Variant("VGG16", 71.3, 61), _Variant("VGG19", 71.3, 66)),
    ),
    _Family(
        "ResNet",
        "caffe",
        "MIT",
        "1512.03385",
        (
            _Variant("ResNet50", 74.9, 148),
            _Variant("ResNet101", 76.4, 224),
            _Variant("ResNet152", 76.6, 316),
        ),
    ),
    _Family(
        "ResNetV2",
        "minus1_to_1",
        "BSD-3-Clause",
        "1603.05027",
        (
            _Variant("ResNet50V2", 76.0, 126),
            _Variant("ResNet101V2", 77.2, 205),
            _Variant("ResNet152V2", 78.0, 303),
        ),
    ),
    _Family(
        "Inception",
        "minus1_to_1",
        "Apache-2.0",
        "1512.00567",
        (_Variant("InceptionV3", 77.9, 130, 299),),
        smallest_size=75,
    ),
    _Family(
        "InceptionResNet",
        "minus1_to_1",
        "Apache-2.0",
        "1602.07261",
        (_Variant("InceptionResNetV2", 80.3, 325, 299),),
        smallest_size=75,
    ),
    _Family(
        "Xception",
        "minus1_to_1",
        "MIT",
        "1610.02357",
        (_Variant("Xception", 79.0, 252, 299),),
        smallest_size=71,
    ),
    _Family(
        "MobileNet",
        "minus1_to_1",
        "Apache-2.0",
        "1704.04861",
        (_Variant("MobileNet", 70.4, 67, widths=(0.25, 0.5, 0.75, 1.0)),),
    ),
    _Family(
        "MobileNetV2",
        "minus1_to_1",
        "Apache-2.0",
        "1801.04381",
        (_Variant("MobileNetV2", 71.3, 87, widths=(0.35, 0.5, 0.75, 1.0, 1.3, 1.4)),),
    ),
    _Family(
        "MobileNetV3",
        "identity",
        "Apache-2.0",
        "1905.02244",
        (
            _Variant("MobileNetV3Small", 68.1, 21, widths=(0.75, 1.0)),
            _Variant("MobileNetV3Large", 75.6, 62, widths=(0.75, 1.0)),
        ),
        source=MOBILENET_TABLE,
    ),
    _Family(
        "DenseNet",
        "imagenet_statistics",
        "BSD-3-Clause",
        "1608.06993",
        (
            _Variant("DenseNet121", 75.0, 200),
            _Variant("DenseNet169", 76.2, 240),
            _Variant("DenseNet201", 77.3, 309),
        ),
    ),
    _Family(
        "NASNet",
        "minus1_to_1",
        "Apache-2.0",
        "1707.07012",
        (_Variant("NASNetMobile", 74.4, 111), _Variant("NASNetLarge", 82.5, 1162, 331)),
    ),
    _Family(
        "EfficientNet",
        "identity",
        "Apache-2.0",
        "1905.11946",
        (
            _Variant("EfficientNetB0", 77.1, 100),
            _Variant("EfficientNetB1", 79.1, 161, 240),
            _Variant("EfficientNetB2", 80.1, 204, 260),
            _Variant("EfficientNetB3", 81.6, 350, 300),
            _Variant("EfficientNetB4", 82.9, 720, 380),
            _Variant("EfficientNetB5", 83.6, 1433, 456),
            _Variant("EfficientNetB6", 84.0, 2423, 528),
            _Variant("EfficientNetB7", 84.3, 4184, 600),
        ),
    ),
    _Family(
        "EfficientNetV2",
        "identity",
        "Apache-2.0",
        "2104.00298",
        (
            _Variant("EfficientNetV2B0", 78.7, 65),
            _Variant("EfficientNetV2B1", 79.8, 101, 240),
            _Variant("EfficientNetV2B2", 80.5, 135, 260),
            _Variant("EfficientNetV2B3", 82.0, 216, 300),
            _Variant("EfficientNetV2S", 83.9, 493, 384),
            _Variant("EfficientNetV2M", 85.3, 1249, 480),
            _Variant("EfficientNetV2L", 85.7, 2200, 480),
        ),
    ),
    _Family(
        "ConvNeXt",
        "identity",
        "MIT",
        "2201.03545",
        (
            _Variant("ConvNeXtTiny", 81.3, 115),
            _Variant("ConvNeXtSmall", 82.3, 186),
            _Variant("ConvNeXtBase", 85.3, 247),
            _Variant("ConvNeXtLarge", 86.3, 370),
            _Variant("ConvNeXtXLarge", 86.7, 493),
        ),
    ),
)

BACKBONES: tuple[Backbone, ...] = tuple(record for family in _FAMILIES for record in family.records())
"""Every image model of `keras.applications`."""
