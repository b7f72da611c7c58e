"""What is known of a backbone: immutable records, checked when made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Preprocessing = Literal["identity", "minus1_to_1", "caffe", "imagenet_statistics", "lite"]
"""How raw RGB in 0..255 is mapped before the first layer.

- `identity`: not at all, the network carries its own preprocessing layers.
- `minus1_to_1`: x / 127.5 - 1.
- `caffe`: RGB to BGR, then minus the ImageNet mean (103.939, 116.779, 123.68).
- `imagenet_statistics`: x / 255, minus mean (0.485, 0.456, 0.406), over deviation (0.229, 0.224, 0.225).
- `lite`: (x - 127) / 128, as the EfficientNet-Lite authors trained it.
"""


@dataclass(frozen=True)
class Accuracy:
    """A published figure and where it was published.

    Attributes:
        top1: Share of ImageNet validation pictures named right at the first guess, 0..1.
        source: Page or paper with the figure.
    """

    top1: float
    source: str

    def __post_init__(self) -> None:
        if not 0 < self.top1 < 1:
            raise ValueError(f"top1 is a share between 0 and 1, not {self.top1}")


@dataclass(frozen=True)
class PackagedWeights:
    """Weights inside an installed pip package: no download.

    Attributes:
        package: Import name of the package.
        file: Path inside the package.
    """

    package: str
    file: str


@dataclass(frozen=True)
class DownloadedWeights:
    """Weights that Keras publishes, kept in Keras's own cache folder once fetched.

    Attributes:
        url: Address of the HDF5 file without the classifier.
        file: Name in the cache folder.
        checksum: MD5 or SHA-256, as Keras publishes it; "" where it publishes none.
        megabytes: Size of the download, in millions of bytes.
    """

    url: str
    file: str
    checksum: str
    megabytes: float


@dataclass(frozen=True)
class Layer:
    """One layer of a backbone, in Keras's order.

    Attributes:
        name: Keras's name of it.
        kind: Keras's class name.
        parameters: All weights it holds.
        trainable: Weights that learn when it is unfrozen: BatchNorm stays in inference mode and counts 0 here.
        stage: The stage it belongs to.
        macs: Multiply-adds that it takes for one picture at the backbone's default size, in millions.
        crossing: Values of one picture, at the default size, that pass from the layers below into this one and those
            above: what must be kept of a picture to go on from here. Both grow with the square of the picture's side.
    """

    name: str
    kind: str
    parameters: int
    trainable: int
    stage: str
    macs: float
    crossing: int


@dataclass(frozen=True)
class LayerTable:
    """All layers of a backbone at one width.

    Attributes:
        layers: In Keras's order, so that a layer's place is its index for `fine_tune_at`.
        embedding: Channels of the last feature map, which is the length of the embedding.
        weights: Where the weights for this width are.
    """

    layers: tuple[Layer, ...]
    embedding: int
    weights: PackagedWeights | DownloadedWeights

    @property
    def parameters(self) -> int:
        """All weights of the backbone, without a classifier."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, from the picture to the embedding."""
        return tuple(dict.fromkeys(layer.stage for layer in self.layers))

    def first_layer(self, stages: tuple[str, ...]) -> int:
        """Index of the first layer of the lowest of `stages`: everything from there on is unfrozen.

        Raises:
            KeyError: None of the stages exists.
        """
        for index, layer in enumerate(self.layers):
            if layer.stage in stages:
                return index
        raise KeyError(stages)

    def trainable_from(self, index: int) -> int:
        """Weights that learn when the layers from `index` on are unfrozen."""
        return sum(layer.trainable for layer in self.layers[index:])

    def macs_from(self, index: int) -> float:
        """Multiply-adds of the layers from `index` on for one picture at the default size, in millions."""
        return sum(layer.macs for layer in self.layers[index:])


@dataclass(frozen=True)
class Backbone:
    """A pretrained network without its classifier.

    Attributes:
        id: What configurations name it by, such as `efficientnet-lite0`, `resnet50v2`, `mobilenetv2`.
        name: What people call it.
        family: The family it belongs to, for grouping.
        default_size: Side of the pictures it was trained on, in pixels.
        smallest_size: Smallest side that it works on, in pixels.
        preprocessing: What its input needs; put inside the assembled model.
        accuracy: ImageNet accuracy of the published weights.
        megabytes_per_picture: Activation memory of one picture in training at the default size, in millions of bytes.
        licence: Licence of the weights.
        paper: Address of the paper.
        keras_name: Name in `keras.applications`, None for a network built here.
        widths: Width multipliers with published weights; empty where the network has none.
        default_width: The width used when none is asked for; None where `widths` is empty.
    """

    id: str
    name: str
    family: str
    default_size: int
    smallest_size: int
    preprocessing: Preprocessing
    accuracy: Accuracy
    megabytes_per_picture: float
    licence: str
    paper: str
    keras_name: str | None = None
    widths: tuple[float, ...] = ()
    default_width: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.smallest_size <= self.default_size:
            raise ValueError(f"{self.id}: smallest size {self.smallest_size} and default size {self.default_size}")
        if (self.default_width is None) != (not self.widths) or (self.widths and self.default_width not in self.widths):
            raise ValueError(f"{self.id}: default width {self.default_width} is not among {self.widths}")
        if not self.megabytes_per_picture > 0:
            raise ValueError(f"{self.id}: activation memory {self.megabytes_per_picture}")
