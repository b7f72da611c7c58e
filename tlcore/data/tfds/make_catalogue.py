"""Makes `catalogue.json` from the builders of the installed TensorFlow Datasets.

Run it as `python -m tlcore.data.tfds.make_catalogue` when TensorFlow Datasets has a new version.

Some builders load TensorFlow when they tell their features, so this runs by itself, and never in the app. Builders that
need the network, or files that were fetched by hand, to tell their features are left out and named in the result.
"""

from __future__ import annotations

import logging
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any, Final

from tlcore.data.tfds.catalogue import CATALOGUE
from tlcore.data.tfds.pair import labelled_pair
from tlcore.files import write_json

_LONGEST_DESCRIPTION: Final = 1_500

_log = logging.getLogger(__name__)


def make_catalogue(path: Path) -> dict[str, Any]:
    """Writes the catalogue to `path` and returns it."""
    # Loaded here: this module is imported by tests, the package takes a second and more.
    import tensorflow_datasets as tfds

    class_lists: dict[tuple[str, ...], int] = {}
    datasets: list[dict[str, Any]] = []
    unreadable: list[str] = []
    names = tfds.list_builders(with_community_datasets=False)
    with tempfile.TemporaryDirectory() as empty:  # what lies in the real folder must not decide
        for name in names:
            builder_class = tfds.builder_cls(name)
            try:
                variants = list(_variants(builder_class, empty, class_lists))
            except Exception as error:  # noqa: BLE001 - each builder is somebody else's code, and may raise anything
                _log.warning("%s is left out: %s", name, " ".join(str(error).split())[:200])
                unreadable.append(name)
                continue
            if variants:
                datasets.append(_dataset(builder_class, variants))
    document = {
        "tfds_version": tfds.__version__,
        "builders": len(names),
        "unreadable": unreadable,
        "class_lists": [list(names) for names in class_lists],
        "datasets": datasets,
    }
    write_json(path, document)
    return document


def _variants(builder_class: Any, data_dir: str, class_lists: dict[tuple[str, ...], int]) -> Iterator[dict[str, Any]]:
    """The variants of a builder that are pictures with one class each; the default one first."""
    configs = [config.name for config in builder_class.BUILDER_CONFIGS] or [None]
    default = builder_class.default_builder_config
    first = default.name if default else None
    for config in sorted(configs, key=lambda name: name != first):
        builder = builder_class(config=config, data_dir=data_dir)
        info = builder.info
        if not hasattr(info.features, "items"):
            continue
        pair = labelled_pair(info.features.to_json(), info.supervised_keys)
        if pair is None:
            continue
        names = tuple(info.features[pair.label].names)
        yield {
            "config": config or "",
            "default": config == first,
            "description": _prose(getattr(builder.builder_config, "description", "") or "") if config else "",
            "class_list": class_lists.setdefault(names, len(class_lists)),
            "_info": info,
        }


def _dataset(builder_class: Any, variants: list[dict[str, Any]]) -> dict[str, Any]:
    info = variants[0]["_info"]
    return {
        "name": builder_class.name,
        "description": _prose(info.description or ""),
        "citation": dedent(info.citation or "").strip(),
        "homepage": _homepage(info.homepage or ""),
        "licence": (info.redistribution_info.license or "").strip() if info.redistribution_info else "",
        "manual": dedent(builder_class.MANUAL_DOWNLOAD_INSTRUCTIONS or "").strip(),
        "variants": [{key: value for key, value in variant.items() if key != "_info"} for variant in variants],
    }


def _homepage(address: str) -> str:
    return address if address.startswith(("http://", "https://")) else ""


def _prose(text: str) -> str:
    """Paragraphs without the line breaks inside them, cut at the end of a sentence where they are long."""
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", dedent(text).strip())]
    whole = "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
    if len(whole) <= _LONGEST_DESCRIPTION:
        return whole
    cut = whole[:_LONGEST_DESCRIPTION]
    return cut[: cut.rfind(". ") + 1] or cut


def main() -> int:
    """Writes the catalogue beside this module and tells on standard error what is in it."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    document = make_catalogue(Path(__file__).with_name(CATALOGUE))
    _log.info(
        "TensorFlow Datasets %s: %d of %d builders, %d variants; %d builders can't tell their features",
        document["tfds_version"],
        len(document["datasets"]),
        document["builders"],
        sum(len(dataset["variants"]) for dataset in document["datasets"]),
        len(document["unreadable"]),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
