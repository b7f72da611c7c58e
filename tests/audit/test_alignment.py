from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from tlcore.audit.alignment import Sketch, same_picture, sketch

SIDE = 224


def pixels(picture: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "smaller": lambda photo: photo.resize((photo.width // 3, photo.height // 3)),
    "cropped": lambda photo: photo.crop((40, 30, photo.width - 50, photo.height - 40)),
    "grey": lambda photo: photo.convert("L"),
    "turned": lambda photo: photo.rotate(90, expand=True),
    "pale": lambda photo: ImageEnhance.Contrast(photo).enhance(0.5),
}


@pytest.fixture(scope="module")
def sketches(photos: dict[str, NDArray[np.uint8]]) -> dict[str, Sketch]:
    return {name: sketch(pixels(Image.fromarray(photo))) for name, photo in photos.items()}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_photo_is_the_same_and_another_is_not(
    change: str, photos: dict[str, NDArray[np.uint8]], sketches: dict[str, Sketch]
) -> None:
    changed = sketch(pixels(CHANGES[change](Image.fromarray(photos["cat"]))))
    assert same_picture(sketches["cat"], changed)
    assert not same_picture(sketches["coffee"], changed)
    assert not same_picture(sketches["rocket"], changed)


def test_a_mirrored_photo_needs_a_mirrored_sketch(
    photos: dict[str, NDArray[np.uint8]], sketches: dict[str, Sketch]
) -> None:
    mirrored = pixels(Image.fromarray(photos["coffee"][:, ::-1]))
    assert same_picture(sketches["coffee"], sketch(mirrored[:, ::-1].copy()))
    assert not same_picture(sketches["coffee"], sketch(mirrored))


def test_pictures_of_one_colour_are_not_called_the_same() -> None:
    blank = sketch(np.full((SIDE, SIDE, 3), 200, dtype=np.uint8))
    assert len(blank.points) == 0
    assert not same_picture(blank, blank)
