"""`backbones`."""

from __future__ import annotations

from typing import Any

import click

from tlcore.backbones.record import Backbone
from tlcore.backbones.registry import find_backbone, layer_table, list_backbones, weights_state
from tlcore.cli.output import ListByDefault, answers, table

_COLUMNS = ("id", "family", "parameters", "megabytes", "default_image_size", "imagenet_top1", "weights", "licence")


def describe_backbone(backbone: Backbone, width: float | None = None) -> dict[str, Any]:
    """One backbone at a width as plain data; `megabytes` is the size of its weights in millions of bytes."""
    layers = layer_table(backbone.id, width)
    return {
        "id": backbone.id,
        "name": backbone.name,
        "family": backbone.family,
        "parameters": layers.parameters,
        "megabytes": round(layers.parameters * 4 / 1e6, 1),
        "default_image_size": backbone.default_size,
        "smallest_image_size": backbone.smallest_size,
        "imagenet_top1": backbone.accuracy.top1,
        "imagenet_source": backbone.accuracy.source,
        "megabytes_per_picture": backbone.megabytes_per_picture,
        "licence": backbone.licence,
        "paper": backbone.paper,
        "weights": weights_state(backbone, width),
        "widths": list(backbone.widths),
    }


@click.group(cls=ListByDefault)
def backbones() -> None:
    """List and show pretrained networks."""


@backbones.command("list")
@answers(lambda rows: table(rows, _COLUMNS))
def list_command() -> list[dict[str, Any]]:
    """All pretrained networks."""
    return [describe_backbone(backbone) for backbone in list_backbones()]


def _describe(data: dict[str, Any]) -> str:
    facts = [f"{key}: {value}" for key, value in data.items() if key not in ("layers", "stages")]
    stages = table(data["stages"], ("name", "first_layer", "parameters"))
    return "\n".join(facts) + "\n\nStages that can be unfrozen, from the picture to the answer:\n" + stages


@backbones.command("show")
@click.argument("backbone")
@click.option("--width", type=float, help="Width multiplier.")
@answers(_describe)
def show_command(backbone: str, width: float | None) -> dict[str, Any]:
    """One network with its stages and layers."""
    record = find_backbone(backbone)
    layers = layer_table(record.id, width)
    stages = [
        {
            "name": stage,
            "first_layer": layers.first_layer((stage,)),
            "parameters": sum(layer.parameters for layer in layers.layers if layer.stage == stage),
        }
        for stage in layers.stages
    ]
    rows = [
        {"index": i, "name": x.name, "kind": x.kind, "parameters": x.parameters, "stage": x.stage}
        for i, x in enumerate(layers.layers)
    ]
    return describe_backbone(record, width) | {"stages": stages, "layers": rows}
