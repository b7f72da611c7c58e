import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tlcore.config import AUGMENTATION_PRESETS, AugmentationConfig
from tlcore.images.augment import augment, view_rng

SHA = hashlib.sha256(b"a picture").hexdigest()
WILD = AugmentationConfig(flip="both", rotation=180, zoom=0.9, contrast=0.9)


class Loaded:
    """A generator that draws what the test says: flips, turn, zoom, contrast, each 0..1."""

    def __init__(
        self, across: float = 0.9, down: float = 0.9, turn: float = 0.5, zoom: float = 0.5, contrast: float = 0.5
    ):
        self.numbers = np.array([across, down, turn, zoom, contrast])

    def random(self, count: int) -> NDArray[np.float64]:
        assert count == len(self.numbers)
        return self.numbers


def changed(picture: NDArray[np.uint8], augmentation: AugmentationConfig, **numbers: float) -> NDArray[np.uint8]:
    return augment(picture, augmentation, Loaded(**numbers))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def cat(photos: dict[str, NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.array(Image.fromarray(photos["cat"]).resize((96, 96)))


@pytest.mark.parametrize("augmentation", [*AUGMENTATION_PRESETS.values(), WILD], ids=[*AUGMENTATION_PRESETS, "wild"])
def test_seed_view_and_picture_decide_every_pixel(cat: NDArray[np.uint8], augmentation: AugmentationConfig) -> None:
    before = cat.copy()
    one = augment(cat, augmentation, view_rng(1, 2, SHA))
    assert one.shape == cat.shape
    assert one.dtype == np.uint8
    assert np.array_equal(one, augment(cat, augmentation, view_rng(1, 2, SHA)))
    assert np.array_equal(cat, before)
    assert not np.shares_memory(one, cat)
    other = hashlib.sha256(b"another picture").hexdigest()
    dice = (view_rng(2, 2, SHA), view_rng(1, 3, SHA), view_rng(1, 2, other))
    same = [np.array_equal(one, augment(cat, augmentation, rng)) for rng in dice]
    assert same == [not augmentation.active] * 3


def test_another_process_makes_the_same_view(cat: NDArray[np.uint8]) -> None:
    code = (
        "import sys, hashlib, numpy as np\nfrom tlcore.config import AUGMENTATION_PRESETS\n"
        "from tlcore.images.augment import augment, view_rng\n"
        "picture = np.frombuffer(sys.stdin.buffer.read(), dtype=np.uint8).reshape(96, 96, 3)\n"
        f"made = augment(picture, AUGMENTATION_PRESETS['strong'], view_rng(7, 3, {SHA!r}))\n"
        "print(hashlib.sha256(made.tobytes()).hexdigest(), 'tensorflow' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "5"}
    ran = subprocess.run([sys.executable, "-c", code], input=cat.tobytes(), capture_output=True, env=environment)
    own = augment(cat, AUGMENTATION_PRESETS["strong"], view_rng(7, 3, SHA))
    assert ran.stdout.decode().split() == [hashlib.sha256(own.tobytes()).hexdigest(), "False"], ran.stderr


@pytest.mark.parametrize(
    ("flip", "expected"),
    [("horizontal", {(1, 2), (1, 5)}), ("vertical", {(1, 2), (6, 2)}), ("both", {(1, 2), (1, 5), (6, 2), (6, 5)})],
)
def test_a_flip_only_flips_and_half_of_the_time(flip: str, expected: set[tuple[int, int]]) -> None:
    picture = np.zeros((8, 8, 3), dtype=np.uint8)
    picture[1, 2] = 200
    config = AugmentationConfig(flip=flip)  # type: ignore[arg-type]
    places = []
    for view in range(200):
        made = augment(picture, config, view_rng(1, view, SHA))
        assert made.max() == 200
        ((row, column),) = np.argwhere(made[..., 0]).tolist()
        places.append((row, column))
    assert set(places) == expected
    share = 1 / len(expected)
    assert all(abs(places.count(place) / 200 - share) < 0.15 for place in expected)


def test_a_quarter_turn_either_way_moves_every_pixel_to_its_place(cat: NDArray[np.uint8]) -> None:
    quarter = AugmentationConfig(rotation=90)
    ways = [changed(cat, quarter, turn=turn).astype(int) for turn in (0.0, 1.0)]
    off = [[np.abs(way - np.rot90(cat, turns)).max() for way in ways] for turns in (-1, 1)]
    assert max(off[0][0], off[1][1]) <= 1  # Pillow cuts off what is behind the point
    assert min(off[0][1], off[1][0]) > 50


def test_zoom_shows_less_or_more_and_mirrors_what_is_missing(cat: NDArray[np.uint8]) -> None:
    nearer = changed(cat, AugmentationConfig(zoom=0.5), zoom=0.0)
    middle = np.array(Image.fromarray(cat[24:72, 24:72]).resize((96, 96), Image.Resampling.BILINEAR))
    assert np.abs(nearer[4:-4, 4:-4].astype(int) - middle[4:-4, 4:-4]).mean() < 1
    ramp = np.repeat(np.arange(96, dtype=np.uint8)[None, :, None], 96, axis=0).repeat(3, axis=2)
    farther = changed(ramp, AugmentationConfig(zoom=0.5), zoom=1.0)[48, :, 0].astype(float)
    # One and a half pictures: the columns -24 … 120 of the ramp, mirrored outside 0 … 96.
    columns = -24 + 1.5 * (np.arange(96) + 0.5)
    mirrored = np.abs(columns)
    mirrored = np.where(mirrored > 96, 192 - mirrored, mirrored) - 0.5
    assert np.abs(farther - mirrored).max() <= 1


def test_no_corner_is_left_empty() -> None:
    white = np.full((32, 32, 3), 255, dtype=np.uint8)
    shapes = AugmentationConfig(flip="both", rotation=180, zoom=0.9)
    for view in range(200):
        assert augment(white, shapes, view_rng(1, view, SHA)).min() == 255


def test_contrast_is_stretched_around_the_mean_of_each_channel() -> None:
    picture = np.zeros((4, 4, 3), dtype=np.uint8)
    picture[:2], picture[2:] = (100, 0, 50), (120, 0, 150)
    more = changed(picture, AugmentationConfig(contrast=0.5), contrast=1.0)
    assert more[0, 0].tolist() == [95, 0, 25]
    assert more[-1, 0].tolist() == [125, 0, 175]
    less = changed(picture, AugmentationConfig(contrast=0.5), contrast=0.0)
    assert less[0, 0].tolist() == [105, 0, 75]
    assert np.array_equal(changed(picture, AugmentationConfig(contrast=0.5)), picture)


def test_a_change_that_is_added_leaves_the_others_as_they_were(cat: NDArray[np.uint8]) -> None:
    alone = AugmentationConfig(rotation=30)
    turned = augment(cat, alone, view_rng(1, 0, SHA))
    both = augment(cat, alone.model_copy(update={"contrast": 1e-9}), view_rng(1, 0, SHA))
    assert np.array_equal(turned, both)
