"""Small copies of pictures for galleries."""

from __future__ import annotations

from tlcore.errors import InputError
from tlcore.images.guard import GuardedDecoder

LARGEST_SIDE = 1024


def thumbnail(data: bytes, side: int, decoder: GuardedDecoder) -> bytes:
    """A small copy, upright and in the picture's own proportions: a few kilobytes instead of megabytes to the browser.

    Args:
        data: The encoded picture.
        side: Its longer side, in pixels.
        decoder: Where it is decoded.

    Returns:
        The copy as WebP.

    Raises:
        PictureError: The picture can't be read.
        InputError: The side is not that of a small copy.
    """
    if not 1 <= side <= LARGEST_SIDE:
        raise InputError("This is not the side of a small copy", value=side, hint=f"From 1 to {LARGEST_SIDE} pixels.")
    return decoder.shrink(data, side)
