"""What a run keeps of its pictures, decided before anything is read. No framework is imported.

A picture that is needed once is never kept; what is needed in every epoch is kept at the highest place of the network
that does not learn, where it is cheapest to go on from: features for the head, the trunk's activations for fine-tuning,
decoded pictures where the whole network works in every epoch anyway.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple

from tlcore.backbones.checks import fine_tune_start
from tlcore.backbones.record import Backbone, LayerTable
from tlcore.config import Mode, RunConfig
from tlcore.data.dataset import PARTS, Part

Kind = Literal["images", "features", "trunk"]
CacheState = Literal["hit", "miss", "none"]
"""Whether a run found all rows of a kind, had to make some, or kept none of that kind."""

TrunkType = Literal["float16", "float32"]

TYPE_BYTES: Final[dict[TrunkType, int]] = {"float16": 2, "float32": 4}

_EXACT_BYTES: Final = 1_000_000_000
"""Activations are kept in full precision while they take no more than this, and in half of it above. The room of the
moment does not decide: the same design must find its rows again."""


class Counts(NamedTuple):
    """Pictures of a run's three parts."""

    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class CachePlan:
    """What is kept between the picture and the learning.

    Attributes:
        image_parts: Parts whose decoded pictures are kept: training where only copies are made of them, else all.
        features: The backbone's embeddings: the head learns from them.
        trunk: The activations where the frozen part ends: fine-tuning learns from them.
        trunk_dtype: How exactly those are kept.
        views: Changed copies of each training picture that are kept; 0 where pictures are kept as they are.
        bytes: Room that each kind takes when all rows are there; only kinds that are kept.
        notes: What is not kept, what that costs and what would help, in plain words; for people.
    """

    image_parts: tuple[Part, ...] = ()
    features: bool = False
    trunk: bool = False
    trunk_dtype: TrunkType = "float32"
    views: int = 0
    bytes: dict[Kind, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def images(self) -> bool:
        """Whether decoded pictures are kept at all."""
        return bool(self.image_parts)

    @property
    def total_bytes(self) -> int:
        """Room for everything that is kept."""
        return sum(self.bytes.values())


def plan_caches(
    config: RunConfig, counts: tuple[int, int, int], table: LayerTable, backbone: Backbone, room_bytes: int
) -> CachePlan:
    """The best plan whose rows fit into the room.

    Args:
        config: As `tlcore.backbones.checks.complete` returns it.
        counts: Pictures of training, validation and test.
        table: The backbone's layers at the configuration's width.
        backbone: Its record.
        room_bytes: What caches may take, as `tlcore.caches.budget.room` tells it.
    """
    sizes = _Sizes(config, Counts(*counts), table, backbone)
    if learns_from_whole_network(config):
        return _plan_pictures(sizes, room_bytes)
    if config.mode is Mode.FINE_TUNE:
        return _plan_fine_tuning(config, sizes, room_bytes)
    return _plan_frozen(sizes, room_bytes)


def learns_from_whole_network(config: RunConfig) -> bool:
    """Whether every picture must go through all layers in every epoch: nothing is frozen, or each is changed anew."""
    return config.mode is Mode.SCRATCH or (config.augmentation.active and not config.augmentation.views)


def trunk_values(config: RunConfig, table: LayerTable, backbone: Backbone) -> int:
    """Activations of one picture where fine-tuning begins; exact at the backbone's own size, else within rounding."""
    size = config.image_size or backbone.default_size
    crossing = table.layers[fine_tune_start(config)].crossing
    return max(1, round(crossing * (size / backbone.default_size) ** 2))


class _Sizes:
    """Bytes of each kind for one configuration."""

    def __init__(self, config: RunConfig, counts: Counts, table: LayerTable, backbone: Backbone) -> None:
        size = config.image_size or backbone.default_size
        self.views = config.augmentation.views if config.augmentation.active else 0
        self.rows = counts.train * max(self.views, 1) + counts.validation + counts.test
        self.picture = size * size * 3
        self.pictures = self.picture * sum(counts)
        self.training_pictures = self.picture * counts.train
        self.features = self.rows * table.embedding * 4
        values = trunk_values(config, table, backbone) if config.mode is Mode.FINE_TUNE else 0
        self.trunk: dict[TrunkType, int] = {name: self.rows * values * TYPE_BYTES[name] for name in TYPE_BYTES}


def _plan_pictures(sizes: _Sizes, room: int) -> CachePlan:
    """From scratch, or changed anew in every epoch: decoded pictures are all that can be kept."""
    if sizes.pictures <= room:
        return CachePlan(image_parts=PARTS, bytes={"images": sizes.pictures})
    return CachePlan(notes=(_not_kept("The decoded pictures", sizes.pictures, room) + _READ_AGAIN,))


def _plan_frozen(sizes: _Sizes, room: int) -> CachePlan:
    if sizes.features > room:
        return CachePlan(views=sizes.views, notes=(_not_kept("The features", sizes.features, room) + _ALL_EACH_TIME,))
    kept: dict[Kind, int] = {"features": sizes.features}
    return _with_copied_pictures(CachePlan(features=True, views=sizes.views, bytes=kept), sizes, room)


def _plan_fine_tuning(config: RunConfig, sizes: _Sizes, room: int) -> CachePlan:
    kept: dict[Kind, int]
    exact = sizes.trunk["float32"] <= _EXACT_BYTES
    dtype: TrunkType = "float32" if exact else "float16"
    if sizes.trunk[dtype] + sizes.features <= room:
        kept = {"features": sizes.features, "trunk": sizes.trunk[dtype]}
        plan = CachePlan(features=True, trunk=True, trunk_dtype=dtype, views=sizes.views, bytes=kept)
        return _with_copied_pictures(plan, sizes, room)
    both = sizes.trunk[dtype] + sizes.features
    notes = [_not_kept("What the locked part makes of the pictures", both, room) + _ALL_FINE_TUNING]
    # The head that an earlier run trained is not trained again, so nothing would learn from features.
    features = config.from_run is None and sizes.features <= room
    kept = {"features": sizes.features} if features else {}
    images = sizes.pictures + sum(kept.values()) <= room
    if images:
        kept["images"] = sizes.pictures
    else:
        notes.append(_not_kept("The decoded pictures", sizes.pictures, room - sum(kept.values())) + _READ_AGAIN)
    return CachePlan(
        image_parts=PARTS if images else (), features=features, views=sizes.views, bytes=kept, notes=tuple(notes)
    )


def _with_copied_pictures(plan: CachePlan, sizes: _Sizes, room: int) -> CachePlan:
    """The plan and, where changed copies are made, the decoded training pictures that they are made from."""
    if not sizes.views:
        return plan
    if plan.total_bytes + sizes.training_pictures > room:
        note = (
            _not_kept("The decoded pictures", sizes.training_pictures, room - plan.total_bytes)
            + f"Each training picture is read {sizes.views} times instead of once. {_MORE_ROOM}"
        )
        return replace(plan, notes=(*plan.notes, note))
    return replace(plan, image_parts=("train",), bytes=plan.bytes | {"images": sizes.training_pictures})


_MORE_ROOM = "More room for caches (TLCORE_CACHE_GB), a smaller image size or fewer pictures would help."
_READ_AGAIN = f"Every picture is read from its file in every round. {_MORE_ROOM}"
_ALL_EACH_TIME = f"Every picture goes through the whole network in every round. {_MORE_ROOM}"
_ALL_FINE_TUNING = (
    "Fine-tuning sends every picture through the whole network in every round. "
    "More room for caches (TLCORE_CACHE_GB), a smaller image size, fewer kept copies or fine-tuning fewer stages "
    "would help."
)


def _not_kept(what: str, needed: int, room: int) -> str:
    return f"{what} would take {in_words(needed)}, and there is room for {in_words(room)}: they are not kept. "


def in_words(size: float) -> str:
    """A number of bytes as people say it: "340 MB", "2.1 GB"."""
    if size < 0.9995e9:
        return f"{max(0, size) / 1e6:.0f} MB"
    return f"{size / 1e9:.1f} GB"
