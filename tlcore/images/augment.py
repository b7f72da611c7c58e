"""Random changes to training pictures: flipped, turned, zoomed, with more or less contrast.

The changes mean what those of Keras's layers mean (`RandomFlip`, `RandomRotation`, `RandomZoom`, `RandomContrast`, in
this order), but need no TensorFlow, cost a millisecond, and depend on nothing except the seed, the picture and the
number of the view: not on batches, threads or the order in which pictures come. Contrast goes both ways, as Keras
documents it; Keras 3.15 itself only raises it when it is given one number.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tlcore.config import AugmentationConfig

AUGMENTING: Final = "1"
"""Goes into the keys of what is computed from changed pictures: raise it when other pixels come out."""


def view_rng(seed: int, view: int, sha256: str) -> np.random.Generator:
    """The dice of one view of one picture: the same three give the same changes, on any machine and in any order.

    Args:
        seed: The run's seed.
        view: Number of the view, or of the pass through the pictures.
        sha256: Of the picture's encoded bytes, in hexadecimal.
    """
    return np.random.default_rng((seed, view, int(sha256, 16)))


def augment(
    picture: NDArray[np.uint8], augmentation: AugmentationConfig, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """A randomly changed copy of a picture. Where it is turned or zoomed out, its borders are mirrored.

    Flip, rotation and zoom are one affine map, sampled once between the four nearest pixels, so that the picture is
    blurred once and not twice. Contrast is stretched around each channel's mean.

    Args:
        picture: uint8, shape (size, size, 3).
        augmentation: How large the changes may be.
        rng: Five numbers are drawn from it, whichever changes are asked for, so that a change that is added leaves the
            others as they were.

    Returns:
        uint8, the same shape; a new array.
    """
    across, down, turn, zoom, contrast = rng.random(5).tolist()
    flips = augmentation.flip
    mirror_x = flips in ("horizontal", "both") and across < 0.5
    mirror_y = flips in ("vertical", "both") and down < 0.5
    angle = math.radians(augmentation.rotation) * (2 * turn - 1)
    scale = 1 + augmentation.zoom * (2 * zoom - 1)
    factor = 1 + augmentation.contrast * (2 * contrast - 1)
    if angle == 0 and scale == 1:
        flipped = picture[:: -1 if mirror_y else 1, :: -1 if mirror_x else 1]
        if factor == 1:
            return flipped.copy()
        image = Image.fromarray(np.ascontiguousarray(flipped))
    else:
        image = _mapped(picture, angle, scale, mirror_x, mirror_y)
    if factor != 1:
        image = _stretched(image, factor)
    return np.array(image)


def _mapped(picture: NDArray[np.uint8], angle: float, scale: float, mirror_x: bool, mirror_y: bool) -> Image.Image:
    """The picture turned and scaled around its middle; `scale` above 1 shows more than the picture."""
    size = len(picture)
    middle = size / 2
    # How far from the middle the map reaches in either direction, at the corners.
    reach = middle * scale * (abs(math.cos(angle)) + abs(math.sin(angle)))
    margin = min(math.ceil(reach - middle) + 1, size) if reach > middle else 0
    cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
    right, up = (-1 if mirror_x else 1), (-1 if mirror_y else 1)
    a, b, d, e = right * cosine, -right * sine, up * sine, up * cosine
    # Pillow asks where each pixel comes from: x' = ax + by + c, y' = dx + ey + f, with pixel centres at one half.
    c = middle + margin - (a + b) * middle
    f = middle + margin - (d + e) * middle
    source = Image.fromarray(_with_mirrored_border(picture, margin))
    return source.transform((size, size), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR)


def _with_mirrored_border(picture: NDArray[np.uint8], margin: int) -> NDArray[np.uint8]:
    """`np.pad(…, mode="symmetric")`, several times as fast."""
    if not margin:
        return np.ascontiguousarray(picture)
    size = len(picture)
    end = margin + size
    wide = np.empty((size + 2 * margin, size + 2 * margin, 3), dtype=np.uint8)
    wide[margin:end, margin:end] = picture
    wide[margin:end, :margin] = picture[:, margin - 1 :: -1]
    wide[margin:end, end:] = picture[:, : size - margin - 1 : -1] if margin < size else picture[:, ::-1]
    wide[:margin] = wide[2 * margin - 1 : margin - 1 : -1]
    wide[end:] = wide[end - 1 : end - margin - 1 : -1]
    return wide


def _stretched(image: Image.Image, factor: float) -> Image.Image:
    """Each channel's values moved away from their mean, or towards it."""
    values = np.arange(256)
    counts = np.array(image.histogram()).reshape(3, 256)
    means = counts @ values / counts.sum(axis=1)
    table = np.rint((values - means[:, None]) * factor + means[:, None]).clip(0, 255)
    return image.point(table.astype(int).ravel().tolist())
