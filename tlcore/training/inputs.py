"""What the phases of a run learn from, made once and kept: decoded pictures, features, trunk activations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from tlcore.caches import Kind, Recipe, RowCache, Rows, fill, open_cache
from tlcore.config import RunConfig
from tlcore.data.batches import read_batches
from tlcore.data.dataset import PARTS, Dataset, Part
from tlcore.engines.networks import FrozenNetwork
from tlcore.engines.protocol import EMBEDDING, TRUNK, EngineChoice, FeatureEngine
from tlcore.engines.select import known_choice, open_engine
from tlcore.progress import Reporter, Stopped
from tlcore.training.cache_plan import CachePlan, CacheState
from tlcore.training.devices import Device
from tlcore.training.material import Material
from tlcore.training.pictures import BATCH, cached_pictures, hashes_of, make_views
from tlcore.training.recipes import features_recipe, trunk_recipe
from tlcore.training.sources import AugmentedSource, DecodedSource, RowsSource, Source, ViewSource
from tlcore.workspace import Workspace

_KINDS: Final[Mapping[str, Kind]] = {EMBEDDING: "features", TRUNK: "trunk"}


@dataclass(frozen=True)
class _Group:
    """Pictures that are computed in one go: of one dataset, as they are (view 0) or as one changed copy of each."""

    source: Dataset
    parts: tuple[Part, ...]
    indices: NDArray[np.int64]
    view: int = 0


class Inputs:
    """Makes what the cache plan says, finds what is there already, and hands it out by part.

    Close it at the end: caches that are in use are never removed for want of room.
    """

    def __init__(
        self,
        config: RunConfig,
        network: FrozenNetwork,
        material: Material,
        plan: CachePlan,
        workspace: Workspace,
        device: Device,
        build: Callable[[], keras.Model],
        trunk_values: int,
        reporter: Reporter,
    ) -> None:
        """Keeps what is needed; nothing is computed yet.

        Args:
            config: Complete.
            network: The frozen part, cut where fine-tuning begins if the plan keeps a trunk.
            material: The pictures.
            plan: What to keep.
            workspace: Where caches are, and the limits.
            device: What to compute on.
            build: Makes the frozen network in Keras; called only when something has to be computed.
            trunk_values: Activations of a picture that cross the cut; 0 without one.
            reporter: Who is told.
        """
        self.choice: EngineChoice | None = None
        self.use: dict[Kind, CacheState] = {"images": "none", "features": "none", "trunk": "none"}
        self._config = config
        self._network = network
        self._material = material
        self._plan = plan
        self._workspace = workspace
        self._device = device
        self._build = build
        self._trunk_values = trunk_values
        self._reporter = reporter
        self._open = ExitStack()
        self._engine: FeatureEngine | None = None
        self._pictures: dict[Part, Rows] = {}
        self._rows: dict[tuple[str, Part, int], Rows] = {}

    def close(self) -> None:
        """Lets go of the caches."""
        self._open.close()

    def gather(self, outputs: Sequence[str]) -> None:
        """Makes everything that the plan keeps and that is not there.

        Args:
            outputs: What is wanted of the frozen network, "embedding" and "trunk"; both are computed in one pass.

        Raises:
            StudioError: Pictures can't be read, the disk is full.
            Stopped: Somebody asked to stop; whole rows are kept.
        """
        # Kept for all parts, they are learned from; for training alone, copies are made of them, if one is missing.
        if self._plan.image_parts == PARTS:
            for part in PARTS:
                self._cache_pictures(part)
        if not outputs:
            return
        for group in self._groups():
            self._cache_outputs(group, outputs)

    def pictures(self, part: Part) -> Source:
        """Decoded pictures of a part, uint8 (size, size, 3): kept ones, or decoded each time."""
        if part in self._pictures:
            return RowsSource(self._pictures[part])
        material = self._material
        return DecodedSource(material.source(part), material.indices(part), self._network.size, self._workspace.limits)

    def changed_pictures(self) -> Source:
        """The training pictures, changed at random in each pass where that is asked for."""
        config = self._config
        pictures = self.pictures("train")
        if not config.augmentation.active:
            return pictures
        return AugmentedSource(pictures, self._hashes("train"), config.augmentation, config.seed)

    def rows(self, output: str, part: Part) -> Source | None:
        """What the frozen network says of a part's pictures; of one changed copy each where copies were made.

        Returns:
            A source of rows (channels,) for "embedding", (values,) for "trunk"; None where they were not gathered.
        """
        if part == "train" and self._plan.views:
            views = [self._rows.get((output, part, view)) for view in range(1, self._plan.views + 1)]
            found = [view for view in views if view is not None]
            return ViewSource(found, self._config.seed) if found else None
        rows = self.unchanged(output, part)
        return None if rows is None else RowsSource(rows)

    def unchanged(self, output: str, part: Part) -> Rows | None:
        """What the frozen network says of a part's pictures as they are; None where that was not gathered."""
        return self._rows.get((output, part, 0))

    def _groups(self) -> Iterator[_Group]:
        """All pictures that the frozen network has to see, those of one dataset together."""
        material, views = self._material, self._plan.views
        plain = [part for part in PARTS if len(material.indices(part)) and not (views and part == "train")]
        for source in {id(material.source(part)): material.source(part) for part in plain}.values():
            parts = tuple(part for part in plain if material.source(part) is source)
            yield _Group(source, parts, np.concatenate([material.indices(part) for part in parts]))
        for view in range(1, views + 1):
            yield _Group(material.source("train"), ("train",), material.indices("train"), view)

    def _hashes(self, part: Part) -> list[str]:
        return hashes_of(self._material.source(part), self._material.indices(part))

    def _cache_pictures(self, part: Part) -> None:
        source, indices = self._material.source(part), self._material.indices(part)
        if part in self._pictures or not len(indices):
            return
        cache, rows, hit = cached_pictures(self._workspace, source, indices, self._network.size, self._reporter)
        self._open.callback(cache.close)
        self._pictures[part] = rows
        self._note("images", hit)

    def _cache_outputs(self, group: _Group, outputs: Sequence[str]) -> None:
        hashes = hashes_of(group.source, group.indices)
        if self.choice is None:
            compute, on_gpu = self._config.compute, self._device.on_gpu
            self.choice = known_choice(self._workspace.engines, self._network, compute, on_gpu)
        caches = None if self.choice is None else self._open_caches(group, outputs)
        lacks = [True] * len(outputs) if caches is None else [bool(len(cache.missing(hashes))) for cache in caches]
        if any(lacks):
            # What is known may turn out to be damaged and be made anew, and the engine be another one then.
            choice = self._frozen_engine().choice
            if caches is None or self.choice is None or choice.versions != self.choice.versions:
                self.choice = choice
                caches = self._open_caches(group, outputs)
            if group.view and self._plan.images:
                self._cache_pictures("train")
            fill(self._workspace, caches, hashes, lambda places: self._extract(group, places, outputs), self._reporter)
        for output, cache, missed in zip(outputs, caches or (), lacks, strict=True):
            self._note(_KINDS[output], hit=not missed)
            for part in group.parts:
                self._rows[output, part, group.view] = cache.rows(self._hashes(part))

    def _open_caches(self, group: _Group, outputs: Sequence[str]) -> list[RowCache]:
        return [
            self._open.enter_context(open_cache(self._workspace, self._recipe(output, group))) for output in outputs
        ]

    def _note(self, kind: Kind, hit: bool) -> None:
        """A single row that had to be made is a miss."""
        self.use[kind] = "hit" if hit and self.use[kind] != "miss" else "miss"

    def _recipe(self, output: str, group: _Group) -> Recipe:
        assert self.choice is not None  # noqa: S101 - gather() has chosen
        what = (self._network, self.choice, group.source.info.id, self._config)
        if output == TRUNK:
            return trunk_recipe(*what, self._trunk_values, self._plan.trunk_dtype, group.view)
        return features_recipe(*what, group.view)

    def _extract(
        self, group: _Group, places: NDArray[np.int64], outputs: Sequence[str]
    ) -> Iterator[tuple[NDArray[Any], ...]]:
        """The outputs for the pictures at some places of a group, with progress told and stops heeded."""
        task = (
            f"Looking at changed copy {group.view} of {self._plan.views}" if group.view else "Looking at the pictures"
        )
        total = len(group.indices)
        done = total - len(places)  # were there already, or are copies of others
        self._reporter.progress(task, done, total)
        with closing(self._frozen_engine().extract(self._batches(group, places), tuple(outputs))) as found:
            for rows in found:
                if self._reporter.stop_requested():
                    raise Stopped
                yield rows
                done += len(rows[0])
                self._reporter.progress(task, done, total)

    def _batches(self, group: _Group, places: NDArray[np.int64]) -> Iterator[NDArray[np.uint8]]:
        if not group.view:
            size, limits = self._network.size, self._workspace.limits
            return read_batches(group.source, group.indices[places], size, BATCH, limits)
        config = self._config
        pictures = self.pictures("train")
        return make_views(pictures, self._hashes("train"), places, config.augmentation, config.seed, group.view)

    def _frozen_engine(self) -> FeatureEngine:
        if self._engine is None:
            self._engine = open_engine(
                self._workspace.engines,
                self._network,
                self._build,
                self._config.compute,
                self._device.on_gpu,
                self._reporter,
            )
        return self._engine
