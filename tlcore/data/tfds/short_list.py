"""Datasets that beginners do well with, and what is known of them before they are downloaded.

Pictures of each split are those of TensorFlow Datasets' catalogue pages (`docs/catalog/<name>.md` of its repository);
sizes are the sums of the files in its own lists of checksums, version 4.9.10.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Known:
    """What is known of a dataset of the short list.

    Attributes:
        id: As in the catalogue.
        name: What people call it.
        splits: Pictures of each of its splits.
        download_bytes: Size of all files that are downloaded.
    """

    id: str
    name: str
    splits: dict[str, int]
    download_bytes: int


KNOWN: Final[tuple[Known, ...]] = (
    Known("cats_vs_dogs", "Cats vs dogs", {"train": 23_262}, 824_887_076),
    Known("tf_flowers", "Flowers, five kinds", {"train": 3_670}, 228_813_984),
    Known("beans", "Bean leaf diseases", {"train": 1_034, "validation": 133, "test": 128}, 180_024_906),
    Known("rock_paper_scissors", "Rock, paper, scissors", {"train": 2_520, "test": 372}, 230_198_979),
    Known("horses_or_humans", "Horses or humans", {"train": 1_027, "test": 256}, 161_055_054),
    Known(
        "oxford_flowers102",
        "Oxford flowers, 102 kinds",
        {"train": 1_020, "validation": 1_020, "test": 6_149},
        344_878_000,
    ),
    Known("oxford_iiit_pet", "Oxford pets, 37 breeds", {"train": 3_680, "test": 3_669}, 811_092_049),
    Known("cifar10", "CIFAR-10, small photos", {"train": 50_000, "test": 10_000}, 170_052_171),
    Known("eurosat/rgb", "EuroSAT, land from above", {"train": 27_000}, 94_280_567),
    Known("malaria", "Malaria blood cells", {"train": 27_558}, 353_452_851),
    Known("fashion_mnist", "Fashion-MNIST, clothes", {"train": 60_000, "test": 10_000}, 30_878_645),
)
