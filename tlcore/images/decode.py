"""From an encoded picture to RGB pixels: the one way, for training and for prediction alike.

Whatever differs between the two (how a picture is turned, how transparency is filled, how it is made smaller) would
cost accuracy that no report shows. Pictures from outside go through `tlcore.images.guard`, which runs these functions
in a process of its own.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from tlcore.errors import PictureError
from tlcore.workspace import Limits

FORMATS: Final = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "GIF": ".gif",
    "TIFF": ".tif",
    "BMP": ".bmp",
    "AVIF": ".avif",
    "HEIF": ".heic",
}
"""What is read, by Pillow's name of the format, with the extension that its files get."""

_OTHER_EXTENSIONS = (".jpeg", ".jpe", ".jfif", ".mpo", ".apng", ".tiff", ".dib", ".heif", ".hif", ".heics", ".heifs")
EXTENSIONS: Final = frozenset((*FORMATS.values(), *_OTHER_EXTENSIONS))
"""File extensions, lower case, of the formats above."""

# AVIF and HEIC share a container (ISO/IEC 14496-12), told by the word at its fifth byte, and can share its brand too.
_CONTAINER_WORD: Final = b"ftyp"
_CONTAINER_FORMATS: Final = ("AVIF", "HEIF")
_PLAIN_FORMATS: Final = tuple(name for name in FORMATS if name not in _CONTAINER_FORMATS)
_FILM_BRANDS: Final = (b"isom", b"iso2", b"mp41", b"mp42", b"avc1", b"M4V ", b"qt  ", b"3gp4", b"3gp5")

DECODING: Final = "2"
"""Goes into the keys of what is computed from decoded pictures: raise it when other pixels come out."""

# How much larger than wanted a JPEG may come out of its decoder, which scales by a half, a quarter or an eighth in a
# fraction of the time. At 12 megapixels to 224 pixels: 33 ms a picture for 107; nearer to the size that is wanted saves
# no more, since reading the file's codes takes the rest. See `load_picture` for what it costs.
_LEAST_SCALE: Final = 2

_ORIENTATION = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow's decoders raise on damaged files, besides OSError; found by feeding them damaged files.
_DAMAGE = (
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    EOFError,
    ArithmeticError,
    RuntimeError,
    struct.error,
    zlib.error,
)
_EXPORT_AGAIN = "Open it in an image viewer and save it again as JPEG or PNG, or leave it out."


@dataclass(frozen=True)
class PictureFacts:
    """What is known of a picture once it was decoded.

    Attributes:
        width: In pixels, after turning it upright.
        height: In pixels, after turning it upright.
        format: Pillow's name of the format, a key of `FORMATS`.
        look: How it looks from afar (`tlcore.images.look`), 264 bytes; empty where nobody asked.
    """

    width: int
    height: int
    format: str
    look: bytes = b""

    @property
    def extension(self) -> str:
        """The extension of a file of this format, with its dot."""
        return FORMATS[self.format]


def load_picture(data: bytes, size: int | None, limits: Limits) -> NDArray[np.uint8]:
    """The pixels of an encoded picture, upright, in RGB.

    Grey, palette, CMYK and 16-bit pictures are converted, transparency is laid over white, of an animation the first
    picture is taken. It is stretched to the square, not cropped, so that nothing at the border is lost.

    A JPEG that is four or more times larger than asked for is decoded at a half, a quarter or an eighth of its size, at
    least twice the size that is wanted. Against decoding all of it (photos of 12 megapixels at 224 pixels, smaller ones
    at 96) values differ by 0.5 to 1 of 255 in the mean, 99 of 100 by at most 4, and by less than 2 in the mean of any
    picture; EfficientNet-Lite0's embedding changes by 4 to 7 % of its length, where saving the result as JPEG
    of quality 98 changes it by 6 to 9 %.

    Args:
        data: The encoded picture.
        size: Side of the square in pixels; None keeps the picture's own size.
        limits: How large the picture may be.

    Returns:
        uint8, shape (size, size, 3), or (height, width, 3) without a size.

    Raises:
        PictureError: It is not a picture, too large, cut off or damaged.
    """
    with _plain_errors(data, limits):
        picture = _upright(_decoded(data, limits, None if size is None else _LEAST_SCALE * size))
        if size is not None:
            picture = picture.resize((size, size), Image.Resampling.BILINEAR)
        return np.array(picture)


def inspect_picture(data: bytes, limits: Limits) -> PictureFacts:
    """Decodes a picture to the last pixel, so that a damaged one is found, and tells its size, format and look.

    Raises:
        PictureError: As for `load_picture`.
    """
    # Here and not at the top: see the module. Before decoding: a large picture may leave too little memory for it.
    from tlcore.images.look import look_of

    with _plain_errors(data, limits):
        image = _decoded(data, limits)
        # Phones write several JPEG pictures into one file, which Pillow calls MPO; any JPEG reader shows the first.
        name = "JPEG" if image.format == "MPO" else image.format
        upright = _upright(image)
        return PictureFacts(upright.width, upright.height, str(name), look_of(upright))


def shrink_picture(data: bytes, side: int, limits: Limits) -> bytes:
    """A small copy of a picture for galleries, upright, in its own proportions.

    Args:
        data: The encoded picture.
        side: The longer side of the copy, in pixels; a smaller picture keeps its size.
        limits: How large the picture may be.

    Returns:
        The copy as WebP.

    Raises:
        PictureError: As for `load_picture`.
    """
    with _plain_errors(data, limits):
        picture = _upright(_decoded(data, limits, _LEAST_SCALE * side))
        picture.thumbnail((side, side), Image.Resampling.BILINEAR)
        copy = BytesIO()
        picture.save(copy, "WEBP", quality=80, method=2)
        return copy.getvalue()


def _decoded(data: bytes, limits: Limits, least_side: int | None = None) -> Image.Image:
    """The first picture of a file, decoded to the last pixel; its size is checked before a pixel is.

    With `least_side`, a large JPEG may come out smaller by a power of two, but not below that.
    """
    if not data:
        raise PictureError("The file is empty", hint="Copy it again from where it came, or leave it out.")
    check_encoded_size(len(data), limits)
    image = Image.open(BytesIO(data), formats=_possible_formats(data))
    _check_pixels(image, limits)
    if least_side is not None:
        image.draft(None, (least_side, least_side))
    image.load()
    _check_pixels(image, limits)  # a HEIC file can say one size outside and another inside
    return image


def _possible_formats(data: bytes) -> tuple[str, ...]:
    """Which formats the bytes may be, so that a decoder is neither loaded nor tried for anything else."""
    if data[4:8] != _CONTAINER_WORD:
        return _PLAIN_FORMATS
    _prepare_containers()
    return _CONTAINER_FORMATS


@cache
def _prepare_containers() -> None:
    """Lets Pillow read HEIC, and keeps both decoders to one thread: more would take address space from the limit."""
    import pillow_heif
    from PIL import AvifImagePlugin

    pillow_heif.register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def _check_pixels(image: Image.Image, limits: Limits) -> None:
    if image.width * image.height > limits.picture_pixels:
        raise _too_many_pixels(limits, f"{image.width:,} × {image.height:,} pixels")


def check_encoded_size(size: int, limits: Limits) -> None:
    """Refuses files that are too large to be one picture.

    Raises:
        PictureError: The file has more bytes than the limit.
    """
    if size > limits.picture_bytes:
        raise PictureError(
            "The file is too large for one picture",
            value=f"{size / 1e6:,.0f} MB",
            hint=f"At most {limits.picture_bytes / 1e6:,.0f} MB are read. Save a smaller copy, or leave it out.",
        )


def _upright(image: Image.Image) -> Image.Image:
    """In RGB, turned as the camera says."""
    # Read after decoding: Pillow turns TIFF files itself and then takes the tag away.
    turn = _TURNS.get(_orientation(image))
    picture = _rgb(image)
    return picture if turn is None else picture.transpose(turn)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except (OSError, *_DAMAGE):
        return 1  # broken camera data says nothing about the pixels
    return value if isinstance(value, int) else 1


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode to RGB, transparency over white."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        return Image.fromarray(_bytes_of_wide_values(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        ground = Image.new("RGB", layer.size, "white")
        ground.paste(layer, mask=layer.getchannel("A"))
        return ground
    return image if image.mode == "RGB" else image.convert("RGB")  # which would copy all of it


def _bytes_of_wide_values(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """32-bit integers or floats to 0..255: values that fit 0..1 (floats), 0..255 or 0..65535 are read as such; anything
    else is spread from its smallest to its largest value, since the file does not say what is black and white."""
    numbers = np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = float(numbers.min()), float(numbers.max())
    if low < 0 or high > 65535:
        scale = 255 / (high - low) if high > low else 0.0
        numbers = numbers * scale - low * scale
    elif high > 255:
        numbers /= 257
    elif high <= 1 and values.dtype.kind == "f":
        numbers *= 255
    return np.clip(np.rint(numbers), 0, 255).astype(np.uint8)


@contextmanager
def _plain_errors(data: bytes, limits: Limits) -> Iterator[None]:
    """Turns what Pillow raises into a reason that a person can act on."""
    try:
        yield
    except UnidentifiedImageError as error:
        raise _not_a_picture(data) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(limits, None) from error
    except MemoryError as error:
        raise PictureError(
            "Decoding the picture takes too much memory", hint="Save a smaller copy, or leave it out."
        ) from error
    except (OSError, *_DAMAGE) as error:
        if "truncated" in str(error).lower() or "end of file" in str(error).lower():
            raise PictureError(
                "The picture is cut off in the middle", hint="Copy it again from where it came, or leave it out."
            ) from error
        raise PictureError("The picture is damaged", hint=_EXPORT_AGAIN) from error


def _too_many_pixels(limits: Limits, size: str | None) -> PictureError:
    most = limits.picture_pixels / 1e6
    return PictureError(
        "The picture has too many pixels",
        value=size,
        hint=f"At most {most:g} million are read. Save a smaller copy, or leave it out.",
    )


def _not_a_picture(data: bytes) -> PictureError:
    if data[4:8] == _CONTAINER_WORD:
        if data[8:12] in _FILM_BRANDS:
            return PictureError("This is a film, not a picture", hint="Take single pictures from it, or leave it out.")
        return PictureError("The picture is damaged, or of a kind that is not read", hint=_EXPORT_AGAIN)
    return PictureError(
        "This is not a picture: the content is none of the formats that are read, whatever the file's name says",
        options=FORMATS,
        hint=_EXPORT_AGAIN,
    )
