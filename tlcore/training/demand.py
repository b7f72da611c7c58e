"""What memory and disk a training needs, and what to change where there is too little. No framework is imported."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tlcore.backbones.checks import fine_tune_start
from tlcore.backbones.record import Backbone, LayerTable
from tlcore.config import Mode, RunConfig
from tlcore.errors import ConfigError
from tlcore.training.cache_plan import CachePlan, in_words
from tlcore.training.calibration import what_learns
from tlcore.workspace import Workspace

# Bytes: a worker that has loaded its frameworks, trained and opened the bundle, without what is added below. Measured
# as the most anonymous memory of real workers (`MemoryWatch`, sampled every 0.2 s; 2 cores, Linux): EfficientNet-Lite0,
# 1 and 2 from 160 to 288 pixels on the textures sample and 1,400 photos, and MobileNetV2 from scratch at 96. Frameworks
# and head came to 325-340 MB; what OpenVINO keeps after looking at all pictures, to what all layers put out for 1.8-2.3
# of them; converting is over, and given back, before the most is needed. Where Keras computes the whole network in each
# epoch, it held on to 120-150 MB more, and from scratch to 280 MB at most. With the figures here the sum is 10-20 %
# above what most of those workers took, and 8 % at least; up to 50 % where features are found ready or pictures are
# large.
_WORKER: Final = 370e6
_KEPT_BY_ENGINE: Final = 2.5
_CONVERTING: Final = 20e6
_WHOLE_NETWORK: Final = 200e6
_FROM_SCRATCH: Final = 140e6

# What Keras holds at once of a picture that it only looks at, as a share of what all layers put out.
_LOOKING_SHARE: Final = 0.11
_LOOKED_AT: Final = 32
_COMPARED_AT_ONCE: Final = 8
_WEIGHT_BYTES: Final = 4
_COPIES_OF_WEIGHTS: Final = 3
_LEARNING_COPIES: Final = 3
_TABLE_BYTES: Final = 256e6
_SPARE_DISK: Final = 200e6


@dataclass(frozen=True)
class Problem:
    """Why a training may not work.

    Attributes:
        text: What is too little, with both figures.
        change: What to change.
    """

    text: str
    change: str


def needed_memory(
    config: RunConfig, table: LayerTable, backbone: Backbone, plan: CachePlan, converts: bool = False
) -> int:
    """Most memory that the worker uses, in bytes. Mapped files don't count: the system drops them when it has to.

    Args:
        config: Complete.
        table: The backbone's layers.
        backbone: Its record.
        plan: What is kept of the pictures.
        converts: Whether the backbone has to be converted first.
    """
    size = config.image_size or backbone.default_size
    picture = backbone.megabytes_per_picture * 1e6 * (size / backbone.default_size) ** 2
    # A head that learns from features needs the whole network for nothing but a last comparison.
    only_compares = config.mode is Mode.FROZEN and set(what_learns(config, plan).values()) == {"head"}
    looking = (_COMPARED_AT_ONCE if only_compares else _LOOKED_AT) * picture * _LOOKING_SHARE
    learning = config.batch_size * picture * _learning_share(config, table, plan)
    worker = _WORKER + (_WHOLE_NETWORK if "whole" in what_learns(config, plan).values() else 0.0)
    worker += _FROM_SCRATCH if config.mode is Mode.SCRATCH else 0.0
    weights = table.parameters * _WEIGHT_BYTES * _COPIES_OF_WEIGHTS
    moments = _trainable(config, table) * _WEIGHT_BYTES * _LEARNING_COPIES
    engine = (_CONVERTING if converts else 0.0) + (_KEPT_BY_ENGINE * picture if plan.features or plan.trunk else 0.0)
    return round(worker + weights + moments + table_bytes(plan) + engine + max(looking, learning))


def table_bytes(plan: CachePlan) -> int:
    """Memory for rows that are kept: small tables are read as a whole."""
    return round(sum(min(plan.bytes.get(kind, 0), _TABLE_BYTES) for kind in ("features", "trunk")))


def _trainable(config: RunConfig, table: LayerTable) -> int:
    """Weights of the backbone that learn."""
    if config.mode is Mode.SCRATCH:
        return table.trainable_from(0)
    return table.trainable_from(fine_tune_start(config)) if config.mode is Mode.FINE_TUNE else 0


def _learning_share(config: RunConfig, table: LayerTable, plan: CachePlan) -> float:
    """Activations that a training step keeps, as a share of what all layers put out.

    What crosses into a layer stands for what it puts out: the table does not know the latter. Layers below those that
    learn keep nothing.
    """
    learns = what_learns(config, plan).values()
    if set(learns) == {"head"}:
        return 0.0
    if config.mode is Mode.SCRATCH:
        return 1.0
    if config.mode is not Mode.FINE_TUNE:
        return _LOOKING_SHARE
    crossing = [layer.crossing for layer in table.layers]
    share = sum(crossing[fine_tune_start(config) :]) / max(sum(crossing), 1)
    return share if "whole" not in learns else share + _LOOKING_SHARE


def model_bytes(config: RunConfig, table: LayerTable) -> int:
    """Disk that the saved model with its optimizer and the bundle take."""
    optimizer = {"adam": 2, "rmsprop": 1, "sgd": 1}[config.optimizer.name]
    return table.parameters * _WEIGHT_BYTES * 2 + _trainable(config, table) * _WEIGHT_BYTES * optimizer


def free_disk(workspace: Workspace) -> int:
    """Bytes that are free where the workspace lies."""
    return shutil.disk_usage(workspace.root).free


def find_problems(
    config: RunConfig, memory_of: Callable[[RunConfig], int], memory_free: int, disk_bytes: int, disk_free: int
) -> tuple[Problem, ...]:
    """What is too little, with a way out that would work.

    Args:
        config: Complete.
        memory_of: Tells what a configuration would need.
        memory_free: Bytes that could be used without swapping.
        disk_bytes: What the run will add to the disk.
        disk_free: Bytes that are free there.
    """
    problems = []
    needed = memory_of(config)
    if needed > memory_free:
        problems.append(
            Problem(
                f"This training needs about {in_words(needed)} of memory, and {in_words(memory_free)} are free.",
                _less_memory(config, memory_of, memory_free),
            )
        )
    if disk_bytes + _SPARE_DISK > disk_free:
        problems.append(
            Problem(
                f"This training adds about {in_words(disk_bytes)} to the disk, and {in_words(disk_free)} are free.",
                "Clear the caches on the System page, delete runs or datasets that are not needed, or choose a smaller "
                "backbone.",
            )
        )
    return tuple(problems)


def _less_memory(config: RunConfig, memory_of: Callable[[RunConfig], int], memory_free: int) -> str:
    """The largest smaller batch that fits; else a smaller size or network."""
    batch = config.batch_size // 2
    while batch >= 1:
        try:
            smaller = config.replace(batch_size=batch)
        except ConfigError:
            break
        if memory_of(smaller) <= memory_free:
            return f"Choose a batch size of {batch} (Advanced), or close other programs."
        batch //= 2
    return "Close other programs, choose smaller pictures (Advanced), or a smaller backbone."
