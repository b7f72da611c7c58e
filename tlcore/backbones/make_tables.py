"""Writes the layer tables: `python -m tlcore.backbones.make_tables`. To be run again after an update of Keras.

Every backbone is built without weights, at its default size and at each width, and its layers, stages and parameter
counts are written to `tables/`, with what each layer costs (see `tlcore.backbones.costs`). Addresses, file names and
checksums of weights are not typed by hand: each network is also asked for its ImageNet weights, and what it then asks
Keras's downloader for is recorded. The size of a download is taken as four bytes a parameter, which the published HDF5
files exceed by a few percent at most.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tlcore.backbones import catalogue_lite
from tlcore.backbones.build import build_backbone, leaves
from tlcore.backbones.costs import crossings, multiply_adds
from tlcore.backbones.record import Backbone, DownloadedWeights, Layer, PackagedWeights
from tlcore.backbones.registry import TABLES, list_backbones, table_path
from tlcore.backbones.stages import stages_of
from tlcore.files import write_text

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)


class _Recorded(Exception):
    """Ends a network's construction once it has said which file it wants."""

    def __init__(self, file: str, url: str, checksum: str) -> None:
        self.file = file
        self.url = url
        self.checksum = checksum
        super().__init__(file)


@contextmanager
def unallocated() -> Iterator[None]:
    """Networks built inside have shapes, but no values: the largest takes a second and no memory."""
    import keras

    with keras.StatelessScope(initialize_variables=False):
        yield


def describe_layers(backbone: Backbone, model: keras.Model) -> tuple[Layer, ...]:
    """The rows of a backbone's layer table, read off the network itself; what layers cost is for the size it has."""
    import keras

    names = [layer.name for layer in model.layers]
    if backbone.keras_name is None:
        stages = [catalogue_lite.stage_of(name) for name in names]
    else:
        stages = stages_of(backbone.id, names)
    rows = []
    for layer, stage, crossing in zip(model.layers, stages, crossings(model), strict=True):
        learning = sum(
            math.prod(weight.shape)
            for leaf in leaves(layer)
            if not isinstance(leaf, keras.layers.BatchNormalization)
            for weight in leaf.trainable_weights
        )
        macs = _rounded(multiply_adds(layer) / 1e6)
        rows.append(Layer(layer.name, type(layer).__name__, layer.count_params(), learning, stage, macs, crossing))
    return tuple(rows)


def _rounded(millions: float) -> float:
    """Four digits are more than a forecast needs, and keep the tables small."""
    return float(f"{millions:.4g}")


def activation_megabytes(model: keras.Model) -> float:
    """What training one picture keeps of every layer's output, at four bytes a value, in millions of bytes.

    An estimate: the framework drops some of them and needs working memory for others.
    """
    values: int = sum(math.prod(layer.output.shape[1:]) for layer in model.layers)
    return values * 4 / 1e6


def published_weights(backbone: Backbone, width: float | None, parameters: int) -> DownloadedWeights:
    """The file that `keras.applications` would download for this backbone."""
    import keras
    from keras.src.utils import file_utils

    def record(fname: str, origin: str, *, file_hash: str | None = None, **_: Any) -> None:
        raise _Recorded(fname, origin, file_hash or "")

    constructor = getattr(keras.applications, str(backbone.keras_name))
    size = backbone.default_size
    options: dict[str, Any] = {} if width is None else {"alpha": width}
    downloader = file_utils.get_file
    file_utils.get_file = record
    try:
        with unallocated():
            constructor(include_top=False, weights="imagenet", input_shape=(size, size, 3), **options)
    except _Recorded as asked:
        return DownloadedWeights(asked.url, asked.file, asked.checksum, round(parameters * 4 / 1e6, 1))
    finally:
        file_utils.get_file = downloader
    raise RuntimeError(f"{backbone.id} asked for no weights file")


def write_table(backbone: Backbone, width: float | None) -> None:
    """Writes one backbone's table, a line a layer so that differences can be read."""
    with unallocated():
        model = build_backbone(backbone, width, backbone.default_size, pretrained=False)
    layers = describe_layers(backbone, model)
    weights: PackagedWeights | DownloadedWeights
    if backbone.keras_name is None:
        weights = catalogue_lite.PACKAGED[backbone.id]
    else:
        weights = published_weights(backbone, width, sum(layer.parameters for layer in layers))
    stages = list(dict.fromkeys(layer.stage for layer in layers))
    head = {"embedding": model.output_shape[-1], "weights": asdict(weights), "stages": stages}
    rows = [
        json.dumps(
            [
                *(row.name, row.kind, row.parameters, row.trainable, stages.index(row.stage)),
                *(int(row.macs) if row.macs.is_integer() else row.macs, row.crossing),
            ],
            separators=(",", ":"),
        )
        for row in layers
    ]
    fields = ",\n".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in head.items())
    write_text(table_path(backbone, width), f'{{{fields},\n"layers":[\n' + ",\n".join(rows) + "\n]}\n")
    log.info("%s %s: %d layers, %.0f MB a picture", backbone.id, width or "", len(layers), activation_megabytes(model))


def main() -> None:
    """Writes all tables."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    TABLES.mkdir(exist_ok=True)
    for backbone in list_backbones():
        for width in backbone.widths or (None,):
            write_table(backbone, width)


if __name__ == "__main__":
    main()
