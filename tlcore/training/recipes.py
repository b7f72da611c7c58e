"""What decides the rows that a run keeps of its pictures. No framework is imported: forecasts ask here too."""

from __future__ import annotations

from dataclasses import replace

from tlcore.caches.recipe import Recipe
from tlcore.config import RunConfig
from tlcore.engines.networks import FrozenNetwork
from tlcore.engines.protocol import EngineChoice
from tlcore.images.augment import AUGMENTING
from tlcore.images.decode import DECODING
from tlcore.training.cache_plan import TrunkType


def features_recipe(
    network: FrozenNetwork, choice: EngineChoice, dataset: str, config: RunConfig, copy: int = 0
) -> Recipe:
    """Embeddings of the whole backbone; the same with and without a cut in it.

    Args:
        network: What computes them.
        choice: What it runs on.
        dataset: Id of the pictures' dataset.
        config: Says how the copies are changed, and their seed. How many there are decides nothing about any of them.
        copy: Number of the changed copy of each picture, from 1; 0 is the picture as it is.
    """
    parts = (*replace(network, cut=None).identity, *_rest(choice, config, copy))
    return Recipe("features", dataset, parts, (network.table.embedding,), "float32", _title(network, copy))


def trunk_recipe(
    network: FrozenNetwork,
    choice: EngineChoice,
    dataset: str,
    config: RunConfig,
    values: int,
    dtype: TrunkType,
    copy: int = 0,
) -> Recipe:
    """Activations where the frozen part ends.

    Args:
        network: What computes them; it has a cut.
        values: Activations of one picture.
        dtype: How exactly they are kept.
        choice, dataset, config, copy: As for features.
    """
    parts = (*network.identity, *_rest(choice, config, copy))
    return Recipe("trunk", dataset, parts, (values,), dtype, f"{_title(network, copy)}, up to layer {network.cut}")


def _rest(choice: EngineChoice, config: RunConfig, copy: int) -> tuple[tuple[str, str], ...]:
    """What happens to a picture before the network sees it, and what the network runs on."""
    parts = (("engine", choice.versions), ("decoding", DECODING))
    if not copy:
        return parts
    changes = config.augmentation.model_dump_json(exclude={"views"})
    changed = (("augmenting", AUGMENTING), ("changes", changes), ("seed", str(config.seed)), ("copy", str(copy)))
    return (*parts, *changed)


def _title(network: FrozenNetwork, copy: int) -> str:
    return f"{network.backbone.name}, {network.size} px" + (f", changed copy {copy}" if copy else "")
