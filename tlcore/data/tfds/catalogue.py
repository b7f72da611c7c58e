"""The catalogue of TensorFlow Datasets: every dataset of pictures with one class each, as data.

`make_catalogue` found them among TensorFlow Datasets' own builders. Nothing of TensorFlow Datasets is loaded here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Final

from tlcore.data.tfds.short_list import KNOWN

CATALOGUE: Final = "catalogue.json"

SHORT_LIST: Final[tuple[str, ...]] = tuple(known.id for known in KNOWN)
"""Ids of the datasets that beginners do well with."""


@dataclass(frozen=True)
class CatalogueEntry:
    """One dataset of the catalogue, in one of its variants.

    Attributes:
        id: As TensorFlow Datasets calls it: `beans`, `emnist/letters`.
        name: What people call it; the same for all variants.
        config: The variant, "" where there is only one.
        description: What its makers say, in paragraphs.
        classes: Number of classes.
        class_names: In the order of the labels.
        citation: How its makers want to be cited.
        homepage: Where they tell more.
        licence: As far as TensorFlow Datasets tells it.
        splits: Pictures of each split, where that is known before the download.
        pictures: Of all splits; None while unknown.
        download_bytes: Size of the download; None while unknown.
        manual: What has to be fetched by hand, and how it is called; "" where the program can fetch it.
        beginner: Whether it is on the short list.
        default: Whether it is the variant that its bare name means.
        tfds_version: Version of TensorFlow Datasets that this was read from.
    """

    id: str
    name: str
    config: str
    description: str
    classes: int
    class_names: tuple[str, ...]
    citation: str
    homepage: str
    licence: str
    splits: dict[str, int]
    pictures: int | None
    download_bytes: int | None
    manual: str
    beginner: bool
    default: bool
    tfds_version: str


@lru_cache(maxsize=1)
def _entries() -> dict[str, CatalogueEntry]:
    """All entries by id: those of one dataset follow each other, the default variant first."""
    document = json.loads(resources.files(__package__).joinpath(CATALOGUE).read_text(encoding="utf-8"))
    class_lists = [tuple(names) for names in document["class_lists"]]
    return {
        entry.id: entry
        for dataset in document["datasets"]
        for entry in (
            _entry(dataset, variant, class_lists[variant["class_list"]], document["tfds_version"])
            for variant in dataset["variants"]
        )
    }


def _entry(
    dataset: dict[str, Any], variant: dict[str, Any], class_names: tuple[str, ...], tfds_version: str
) -> CatalogueEntry:
    config = variant["config"]
    entry_id = f"{dataset['name']}/{config}" if config else dataset["name"]
    known = next((known for known in KNOWN if known.id == entry_id), None)
    title = next((known.name for known in KNOWN if known.id.partition("/")[0] == dataset["name"]), "")
    splits = known.splits if known else {}
    return CatalogueEntry(
        id=entry_id,
        name=title or dataset["name"].replace("_", " ").capitalize(),
        config=config,
        description="\n\n".join(filter(None, (dataset["description"], variant["description"]))),
        classes=len(class_names),
        class_names=class_names,
        citation=dataset["citation"],
        homepage=dataset["homepage"],
        licence=dataset["licence"],
        splits=splits,
        pictures=sum(splits.values()) if splits else None,
        download_bytes=known.download_bytes if known else None,
        manual=dataset["manual"],
        beginner=known is not None,
        default=variant["default"],
        tfds_version=tfds_version,
    )


def search_catalogue(text: str) -> tuple[CatalogueEntry, ...]:
    """The entries that have every word of `text` in their id, name or description; the short list comes first.

    Args:
        text: What somebody typed; "" finds all.
    """
    words = _plain(text).split()
    found = [entry for searched, entry in _searched() if all(word in searched for word in words)]
    places = {entry_id: place for place, entry_id in enumerate(SHORT_LIST)}
    return tuple(sorted(found, key=lambda entry: places.get(entry.id, len(places))))


@lru_cache(maxsize=1)
def _searched() -> tuple[tuple[str, CatalogueEntry], ...]:
    """Every entry, with the text that a search looks through."""
    return tuple((_plain(f"{entry.id} {entry.name} {entry.description}"), entry) for entry in _entries().values())


def _plain(text: str) -> str:
    return text.casefold().replace("_", " ")


def find_entry(dataset_id: str) -> CatalogueEntry | None:
    """The entry of this id, or the default variant of the dataset of this name; None where there is neither."""
    exact = _entries().get(dataset_id)
    if exact is not None or "/" in dataset_id:
        return exact
    variants = (entry for entry in _entries().values() if entry.id.partition("/")[0] == dataset_id)
    return next((entry for entry in variants if entry.default), None)
