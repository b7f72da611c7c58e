"""Shows on labelled photos that the built-in backbones are the published networks.

    python -m tlcore.backbones.published_check --cats FOLDER --dogs FOLDER

Each network gets its own 1000-way classifier and names every photo; ImageNet has 118 breeds of dogs and 13 classes of
cats. A mistake in padding, preprocessing, axes or strides costs far more than the margin. The result goes to stdout as
JSON; the exit status is 1 if a network falls short.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click
import keras
import numpy as np
from numpy.typing import NDArray

from tlcore.backbones.build import preprocess
from tlcore.backbones.catalogue_lite import BACKBONES
from tlcore.backbones.efficientnet_lite import build_lite
from tlcore.backbones.record import Backbone
from tlcore.errors import PictureError
from tlcore.images.decode import load_picture
from tlcore.workspace import Limits

_BATCH = 32
_SUFFIXES = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True)
class Animal:
    """A kind of animal in ImageNet.

    Attributes:
        name: Its plural.
        first: Index of its first class.
        last: Index of its last class, which counts too.
        needed: Least share of its photos that the published networks put into its classes.
    """

    name: str
    first: int
    last: int
    needed: float


DOGS = Animal("dogs", first=151, last=268, needed=0.94)
CATS = Animal("cats", first=281, last=293, needed=0.76)


@dataclass(frozen=True)
class Score:
    """How many photos of an animal a network put into that animal's classes."""

    right: int
    count: int

    @property
    def share(self) -> float:
        """`right` over `count`, 0..1."""
        return self.right / self.count


def build_classifier(backbone: Backbone) -> keras.Model:
    """The published network whole: raw RGB (n, size, size, 3) in 0..255 to logits (n, 1000)."""
    size = backbone.default_size
    pictures = keras.Input((size, size, 3), name="pictures")
    network = build_lite(backbone.id, size, pretrained=True, classifier=True)
    return keras.Model(pictures, network(preprocess(backbone.preprocessing, pictures)))


def score(model: keras.Model, photos: list[Path], animal: Animal) -> Score:
    """Names every photo and counts those put into the animal's classes.

    Args:
        model: What `build_classifier` made.
        photos: Picture files, at least one.
        animal: What all of them show.

    Raises:
        click.ClickException: A file is no picture.
    """
    size = model.input_shape[1]
    right = 0
    for start in range(0, len(photos), _BATCH):
        pictures = [_load(path, size) for path in photos[start : start + _BATCH]]
        guesses = np.argmax(model.predict_on_batch(np.stack(pictures).astype(np.float32)), axis=-1)
        right += int(np.count_nonzero((guesses >= animal.first) & (guesses <= animal.last)))
    return Score(right, len(photos))


def _load(path: Path, size: int) -> NDArray[np.uint8]:
    try:
        return load_picture(path.read_bytes(), size, Limits())
    except PictureError as error:
        raise click.ClickException(f"{path.name}: {error}") from error


def _photos(folder: Path) -> list[Path]:
    photos = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not photos:
        raise click.UsageError(f"{folder} holds no pictures ending in {', '.join(sorted(_SUFFIXES))}.")
    return photos


_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--cats", type=_FOLDER, required=True, help="Folder with photos of cats.")
@click.option("--dogs", type=_FOLDER, required=True, help="Folder with photos of dogs.")
def main(cats: Path, dogs: Path) -> None:
    """Measures which share of photos of cats and dogs the built-in networks recognise."""
    photos = {DOGS: _photos(dogs), CATS: _photos(cats)}
    report = {}
    passed = True
    for backbone in BACKBONES:
        model = build_classifier(backbone)
        scores = {animal: score(model, paths, animal) for animal, paths in photos.items()}
        passed = passed and all(result.share >= animal.needed for animal, result in scores.items())
        report[backbone.id] = {
            animal.name: {
                "right": result.right,
                "count": result.count,
                "share": round(result.share, 4),
                "needed": animal.needed,
            }
            for animal, result in scores.items()
        }
    click.echo(json.dumps(report, indent=2))
    click.get_current_context().exit(0 if passed else 1)


if __name__ == "__main__":
    main()
