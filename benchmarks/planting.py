"""Planting known faults into a copy of a folder of photos, to see what the check finds of them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

EXACT: Final = 10
NEAR: Final = 10
SWAPPED: Final = 14
TRUNCATED: Final = 5
BLANK: Final = 3

_TEST_SHARE: Final = 0.2
_BLANK_SIZE: Final = (300, 400)
_SENSOR_NOISE: Final = 2.0  # grey levels


@dataclass(frozen=True)
class Pair:
    """A picture and its copy, by their names in the folder."""

    original: str
    copy: str


@dataclass(frozen=True)
class Planted:
    """What was planted, by the names of the files in the folder (`train/cat/12.jpg`).

    Attributes:
        exact: Copies in the same class and part.
        near: Copies made smaller and compressed anew, in the other part.
        swapped: Pictures that lie in another class's folder.
        truncated: Files that end early.
        blank: Pictures of one colour.
    """

    exact: list[Pair] = field(default_factory=list)
    near: list[Pair] = field(default_factory=list)
    swapped: list[str] = field(default_factory=list)
    truncated: list[str] = field(default_factory=list)
    blank: list[str] = field(default_factory=list)


def plant(source: Path, target: Path, seed: int) -> Planted:
    """Copies the class folders of `source` into training and test parts under `target`, with faults.

    Args:
        source: Class folders with JPEG photos; at least two.
        target: A folder that does not exist yet.
        seed: Of every draw: which pictures, which part, how much smaller.
    """
    random = np.random.default_rng(seed)
    placed = _divide(source, target, random)
    classes = sorted({Path(name).parts[1] for name in placed})
    drawn = iter(random.permutation(sorted(placed)).tolist())
    planted = Planted()
    for number in range(EXACT):
        name = next(drawn)
        planted.exact.append(Pair(name, _copy(target, name, f"{_folder(name)}/again-{number}.jpg")))
    for number in range(NEAR):
        name = next(drawn)
        planted.near.append(Pair(name, _smaller(target, name, number, random)))
    for _ in range(SWAPPED):
        planted.swapped.append(_swap(target, next(drawn), classes, random))
    for _ in range(TRUNCATED):
        name = next(drawn)
        data = (target / name).read_bytes()
        (target / name).write_bytes(data[: int(len(data) * random.uniform(0.3, 0.8))])
        planted.truncated.append(name)
    for number in range(BLANK):
        planted.blank.append(_blank(target, classes, number, random))
    return planted


def _divide(source: Path, target: Path, random: np.random.Generator) -> list[str]:
    names = []
    for folder in sorted(path for path in source.iterdir() if path.is_dir()):
        files = sorted(folder.glob("*.jpg"))
        test = set(random.permutation(len(files))[: round(_TEST_SHARE * len(files))].tolist())
        for index, file in enumerate(files):
            name = f"{'test' if index in test else 'train'}/{folder.name}/{file.name}"
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target / name)
            names.append(name)
    return names


def _folder(name: str) -> str:
    return Path(name).parent.as_posix()


def _copy(target: Path, name: str, copy: str) -> str:
    shutil.copyfile(target / name, target / copy)
    return copy


def _smaller(target: Path, name: str, number: int, random: np.random.Generator) -> str:
    part, class_name, _ = Path(name).parts
    copy = f"{'train' if part == 'test' else 'test'}/{class_name}/small-{number}.jpg"
    with Image.open(target / name) as picture:
        share = random.uniform(0.4, 0.8)
        size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
        small = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    small.save(target / copy, "JPEG", quality=int(random.integers(40, 81)))
    return copy


def _swap(target: Path, name: str, classes: list[str], random: np.random.Generator) -> str:
    part, class_name, file = Path(name).parts
    other = str(random.choice([one for one in classes if one != class_name]))
    moved = f"{part}/{other}/moved-{file}"
    (target / name).rename(target / moved)
    return moved


def _blank(target: Path, classes: list[str], number: int, random: np.random.Generator) -> str:
    """White, black, and grey with the noise of a sensor."""
    name = f"train/{random.choice(classes)}/blank-{number}.jpg"
    grey = (255.0, 0.0, 128.0)[number % 3]
    pixels: NDArray[np.float64] = np.full((*_BLANK_SIZE, 3), grey)
    if grey == 128.0:
        pixels += random.normal(scale=_SENSOR_NOISE, size=pixels.shape)
    Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8)).save(target / name, "JPEG", quality=90)
    return name
