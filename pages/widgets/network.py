"""What the assembled network is made of, for the drawing on the Model page."""

from __future__ import annotations

from dataclasses import dataclass

from tlcore.backbones.checks import fine_tune_start
from tlcore.backbones.record import Layer, LayerTable
from tlcore.backbones.registry import find_backbone, layer_table
from tlcore.config import Mode, RunConfig
from tlcore.plots.network import Block


@dataclass(frozen=True)
class Network:
    """The assembled network, from the picture to the answer."""

    blocks: tuple[Block, ...]

    @property
    def parameters(self) -> int:
        """All weights."""
        return sum(block.parameters for block in self.blocks)

    @property
    def trainable(self) -> int:
        """Weights that learn in the last phase."""
        return sum(block.trainable for block in self.blocks)


def assembled_network(config: RunConfig, classes: int) -> Network:
    """The parts of the network that a configuration makes.

    Args:
        config: Complete: size, width and the start of fine-tuning are set.
        classes: Number of classes.
    """
    backbone = find_backbone(config.backbone)
    table = layer_table(config.backbone, config.width)
    outputs = 1 if config.head.activation == "sigmoid" else classes
    dense = (table.embedding + 1) * outputs
    return Network(
        (
            Block(
                "Picture", f"{config.image_size} × {config.image_size} pixels, scaled as {backbone.name} wants it", 0, 0
            ),
            *_stages(table, _first_learning(config, table), scratch=config.mode is Mode.SCRATCH),
            Block("Average pooling", f"{table.embedding} features of the whole picture", 0, 0),
            Block("Dropout", f"leaves out {config.head.dropout:.0%} of the features while learning", 0, 0),
            Block("New last layer", f"dense, {config.head.activation}: {classes} classes", dense, dense),
        )
    )


def _first_learning(config: RunConfig, table: LayerTable) -> int:
    """Index of the first layer of the backbone that learns."""
    if config.mode is Mode.SCRATCH:
        return 0
    return fine_tune_start(config) if config.mode is Mode.FINE_TUNE else len(table.layers)


def _stages(table: LayerTable, first: int, *, scratch: bool) -> list[Block]:
    blocks = []
    for stage in table.stages:
        members = [(index, layer) for index, layer in enumerate(table.layers) if layer.stage == stage]
        learning = [layer for index, layer in members if index >= first]
        trainable = sum(_learning_weights(layer) if scratch else layer.trainable for layer in learning)
        parameters = sum(layer.parameters for _, layer in members)
        detail = f"{len(members)} layers, number {members[0][0]} to {members[-1][0]}"
        if learning and len(learning) < len(members):
            detail += f"; from {first} on they learn"
        blocks.append(Block(stage, detail, parameters, trainable))
    return blocks


def _learning_weights(layer: Layer) -> int:
    """Weights that learn from scratch: there BatchNorm learns scale and shift, half of what it holds; the other half
    is running statistics."""
    return layer.parameters // 2 if layer.kind == "BatchNormalization" else layer.parameters
