"""Which of a run's pictures still have to be read or looked at. No framework is imported, and no cache is opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tlcore.caches.looking import Shelf
from tlcore.caches.recipe import Recipe
from tlcore.config import RunConfig
from tlcore.data.dataset import PARTS, Part
from tlcore.engines.networks import FrozenNetwork
from tlcore.engines.protocol import EngineChoice
from tlcore.training.cache_plan import CachePlan, Counts
from tlcore.training.material import Material
from tlcore.training.pictures import hashes_of, image_recipe
from tlcore.training.recipes import features_recipe, trunk_recipe
from tlcore.workspace import Workspace


@dataclass(frozen=True)
class Missing:
    """What the caches don't have.

    Attributes:
        images: Pictures to be read into the cache of decoded ones.
        plain: Pictures that the frozen network has not seen as they are.
        copies: Changed copies that it has not seen.
        bytes: Room that all these rows will take.
        leaves: Names of the entries that will be whole after the run.
    """

    images: int
    plain: int
    copies: int
    bytes: int
    leaves: frozenset[str] = frozenset()


def missing_rows(
    workspace: Workspace,
    config: RunConfig,
    material: Material | Counts,
    plan: CachePlan,
    network: FrozenNetwork,
    choice: EngineChoice | None,
    left: frozenset[str] = frozenset(),
) -> Missing:
    """Looks what is there.

    Args:
        workspace: Whose caches.
        config: Complete.
        material: The pictures; or only their number: then all are missing.
        plan: What is kept.
        network: What looks at them.
        choice: What it runs on; None while that is not chosen: then nothing of it is there.
        left: Names of the entries that earlier runs with the same pictures will have made whole.
    """
    if isinstance(material, Counts):
        return _all_missing(material, plan)
    absent = _Absent(workspace, config, material, plan, network, choice, left)
    plain_parts: tuple[Part, ...] = tuple(part for part in PARTS if part != "train" or not plan.views)
    looks = plan.features or plan.trunk
    plain = sum(absent.rows(part, 0) for part in plain_parts) if looks else 0
    copies = sum(absent.rows("train", copy) for copy in range(1, plan.views + 1)) if looks else 0
    # Kept for training alone, pictures are there to make copies of.
    needed = plan.image_parts if copies or plan.image_parts == PARTS else ()
    images = sum(absent.images(part) for part in needed)
    whole = _all_missing(Counts(*(len(material.indices(part)) for part in PARTS)), plan)
    return Missing(images, plain, copies, _bytes(plan, whole, images, plain + copies), frozenset(absent.asked))


def _all_missing(counts: Counts, plan: CachePlan) -> Missing:
    looks = plan.features or plan.trunk
    rest = counts.validation + counts.test
    images = sum(getattr(counts, part) for part in plan.image_parts)
    plain = (rest if plan.views else counts.train + rest) if looks else 0
    return Missing(images, plain, counts.train * plan.views if looks else 0, plan.total_bytes)


def _bytes(plan: CachePlan, whole: Missing, images: int, rows: int) -> int:
    looked = plan.bytes.get("features", 0) + plan.bytes.get("trunk", 0)
    decoded = plan.bytes.get("images", 0) * images // max(whole.images, 1)
    return decoded + looked * rows // max(whole.plain + whole.copies, 1)


_NOT_CHOSEN: Final = EngineChoice("openvino", "float32", "not chosen yet", "")


class _Absent:
    """Counts rows that are not there; a picture without its features or without its trunk has to be looked at."""

    def __init__(
        self,
        workspace: Workspace,
        config: RunConfig,
        material: Material,
        plan: CachePlan,
        network: FrozenNetwork,
        choice: EngineChoice | None,
        left: frozenset[str],
    ) -> None:
        self.asked: set[str] = set()
        self._left = left
        self._shelf = Shelf.look(workspace)
        self._config, self._material, self._plan = config, material, plan
        self._network, self._choice = network, choice

    def images(self, part: Part) -> int:
        """Decoded pictures."""
        return self._missing(image_recipe(self._dataset(part), self._network.size), part, chosen=True)

    def rows(self, part: Part, copy: int) -> int:
        """Of the frozen network's outputs, for one changed copy of each picture or (0) the pictures as they are."""
        recipes = self._recipes(part, copy, self._choice or _NOT_CHOSEN)
        chosen = self._choice is not None
        return max((self._missing(recipe, part, chosen) for recipe in recipes), default=0)

    def _missing(self, recipe: Recipe, part: Part, chosen: bool) -> int:
        name = f"{part} {recipe.key}"
        self.asked.add(name)
        if name in self._left:
            return 0
        hashes = self._hashes(part)
        return self._shelf.missing(recipe, hashes) if chosen else len(set(hashes))

    def _recipes(self, part: Part, copy: int, choice: EngineChoice) -> Sequence[Recipe]:
        dataset, config, plan = self._dataset(part), self._config, self._plan
        # The head of an earlier run is not trained again, so there is no need for features.
        makers: list[Callable[[], Recipe]] = []
        if plan.features and config.from_run is None:
            makers.append(lambda: features_recipe(self._network, choice, dataset, config, copy))
        if plan.trunk:
            makers.append(lambda: trunk_recipe(self._network, choice, dataset, config, 1, plan.trunk_dtype, copy))
        return [make() for make in makers]

    def _dataset(self, part: Part) -> str:
        return self._material.source(part).info.id

    def _hashes(self, part: Part) -> list[str]:
        return hashes_of(self._material.source(part), self._material.indices(part))
