"""What a run's settings must satisfy because of the backbone, one named function a rule. No framework is imported."""

from __future__ import annotations

from collections.abc import Callable

from tlcore.backbones.record import Backbone, LayerTable
from tlcore.backbones.registry import find_backbone, layer_table, resolve_width
from tlcore.config import Mode, RunConfig
from tlcore.errors import ConfigError

DEFAULT_STAGES = 2
"""How many of the top stages fine-tuning trains when nothing is said."""


def complete(config: RunConfig) -> RunConfig:
    """The configuration with everything filled in that depends on the backbone, checked against it.

    Fills `image_size` and `width` with the backbone's defaults and, for fine-tuning told neither stages nor a layer,
    `unfreeze` with the top two stages.

    Raises:
        BackboneError: The backbone or the width is unknown.
        ConfigError: The settings don't fit the backbone.
    """
    backbone = find_backbone(config.backbone)
    width = resolve_width(backbone, config.width)
    table = layer_table(backbone.id, width)
    unfreeze = config.unfreeze
    if config.mode is Mode.FINE_TUNE and not unfreeze and config.fine_tune_at is None:
        unfreeze = table.stages[-DEFAULT_STAGES:]
    completed = config.replace(
        image_size=config.image_size or backbone.default_size, width=width, unfreeze=list(unfreeze)
    )
    for check in CHECKS:
        check(completed, backbone, table)
    return completed


def fine_tune_start(config: RunConfig) -> int:
    """Index of the first backbone layer that fine-tuning trains; `config` as `complete` returns it."""
    if config.fine_tune_at is not None:
        return config.fine_tune_at
    return layer_table(config.backbone, config.width).first_layer(config.unfreeze)


def check_image_size(config: RunConfig, backbone: Backbone, _table: LayerTable) -> None:
    """Smaller pictures shrink to nothing before the last layer."""
    if config.image_size is not None and config.image_size < backbone.smallest_size:
        raise ConfigError(
            f"The pictures are too small for {backbone.name}",
            value=f"{config.image_size} pixels",
            hint=f"Choose an image size of {backbone.smallest_size} or more; {backbone.default_size} is the one it was "
            "trained with.",
        )


def check_stages_exist(config: RunConfig, backbone: Backbone, table: LayerTable) -> None:
    """A misspelt stage must not be left frozen in silence."""
    for stage in config.unfreeze:
        if stage not in table.stages:
            raise ConfigError(f"{backbone.name} has no such stage", value=stage, options=table.stages)


def check_layer_exists(config: RunConfig, backbone: Backbone, table: LayerTable) -> None:
    """The layer index counts from 0."""
    last = len(table.layers) - 1
    if config.fine_tune_at is not None and config.fine_tune_at > last:
        raise ConfigError(
            f"{backbone.name} has no such layer",
            value=config.fine_tune_at,
            hint=f"Its layers are numbered from 0 to {last}; the smaller the number, the more is trained.",
        )


def check_something_learns(config: RunConfig, backbone: Backbone, table: LayerTable) -> None:
    """Above a high cut there may be only activations and BatchNorm, which stays as it is."""
    if config.mode is not Mode.FINE_TUNE or table.trainable_from(fine_tune_start(config)) > 0:
        return
    highest = max(index for index in range(len(table.layers)) if table.trainable_from(index) > 0)
    raise ConfigError(
        f"Fine-tuning {backbone.name} would train nothing: above this point it has no weights that learn",
        value=f"layer {config.fine_tune_at}" if config.fine_tune_at is not None else ", ".join(config.unfreeze),
        hint=f"Start at layer {highest} or lower, or unfreeze the stages {' and '.join(table.stages[-2:])}.",
    )


CHECKS: tuple[Callable[[RunConfig, Backbone, LayerTable], None], ...] = (
    check_image_size,
    check_stages_exist,
    check_layer_exists,
    check_something_learns,
)
