"""The backbones there are, and what is known of each layer. No framework is imported."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from tlcore.backbones import catalogue_keras, catalogue_lite
from tlcore.backbones.record import Backbone, DownloadedWeights, Layer, LayerTable, PackagedWeights
from tlcore.backbones.weights import cached_path
from tlcore.errors import BackboneError
from tlcore.files import read_json

TABLES = Path(__file__).parent / "tables"

WeightsState = Literal["built in", "cached", "download"]

_ALL: tuple[Backbone, ...] = (*catalogue_lite.BACKBONES, *catalogue_keras.BACKBONES)


def list_backbones() -> tuple[Backbone, ...]:
    """All backbones: those with built-in weights first, then family by family."""
    return _ALL


def find_backbone(backbone_id: str) -> Backbone:
    """The backbone with this id.

    Raises:
        BackboneError: There is none; the message lists the ids, those that resemble `backbone_id` first.
    """
    for backbone in _ALL:
        if backbone.id == backbone_id:
            return backbone
    raise BackboneError(
        "There is no such backbone",
        value=backbone_id,
        options=[backbone.id for backbone in _ALL],
        hint="'python -m tlcore backbones' lists all of them.",
    )


def resolve_width(backbone: Backbone, width: float | None) -> float | None:
    """The width multiplier to use: the one asked for, else the backbone's default, else none.

    Raises:
        BackboneError: The backbone has no width multiplier, or no weights were published for this one.
    """
    if width is None:
        return backbone.default_width
    if not backbone.widths:
        raise BackboneError(
            f"{backbone.name} has no width multiplier", value=width, hint="Leave the width out, or choose a MobileNet."
        )
    if width not in backbone.widths:
        raise BackboneError(
            f"{backbone.name} has no published weights for this width", value=width, options=backbone.widths
        )
    return width


def table_path(backbone: Backbone, width: float | None) -> Path:
    """Where the layer table of a backbone is kept; `width` as `resolve_width` gives it."""
    return TABLES / (f"{backbone.id}.json" if width is None else f"{backbone.id}@{width}.json")


def layer_table(backbone_id: str, width: float | None = None) -> LayerTable:
    """All layers of a backbone with stages and parameter counts, and where its weights are.

    Args:
        backbone_id: The backbone's id.
        width: Width multiplier; None is the backbone's default.

    Raises:
        BackboneError: The id or the width is unknown.
    """
    backbone = find_backbone(backbone_id)
    return _read_table(table_path(backbone, resolve_width(backbone, width)))


def weights_state(backbone: Backbone, width: float | None = None) -> WeightsState:
    """Where the weights are now: in an installed package, in Keras's cache folder, or still to be downloaded.

    Cheap: a cached file is checked only when it is used.
    """
    weights = layer_table(backbone.id, width).weights
    if isinstance(weights, PackagedWeights):
        return "built in"
    return "cached" if cached_path(weights).is_file() else "download"


@lru_cache(maxsize=128)
def _read_table(path: Path) -> LayerTable:
    document: dict[str, Any] = read_json(path)
    stages: list[str] = document["stages"]
    layers = tuple(
        Layer(name, kind, parameters, trainable, stages[stage], macs, crossing)
        for name, kind, parameters, trainable, stage, macs, crossing in document["layers"]
    )
    source = document["weights"]
    weights = PackagedWeights(**source) if "package" in source else DownloadedWeights(**source)
    return LayerTable(layers, document["embedding"], weights)
