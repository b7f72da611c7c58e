"""Pictures of every odd kind that people have, made from one picture whose colours and turning are told at a glance."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import pillow_heif
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

pillow_heif.register_heif_opener()  # for writing; reading registers it by itself

TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How the pixels of an upright picture are stored for each EXIF orientation."""

_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


@dataclass(frozen=True)
class Kind:
    """An encoded picture, and what has to come out: uint8, shape (height, width, 3), within a tolerance."""

    data: bytes
    expected: NDArray[np.uint8]
    tolerance: float = 0.0
    extension: str = ".png"


def quarters() -> NDArray[np.uint8]:
    """Red, green, blue and white quarters, 96 wide and 64 high: no turn of it equals another."""
    pixels = np.zeros((64, 96, 3), dtype=np.uint8)
    pixels[:32, :48], pixels[:32, 48:], pixels[32:, :48], pixels[32:, 48:] = (
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
        (255, 255, 255),
    )
    return pixels


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:  # noqa: A002 - Pillow's name
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def png(pixels: NDArray[Any], interlaced: bool = False, transparent: tuple[int, ...] = ()) -> bytes:
    """A PNG written by hand, for what Pillow does not write: 16 bits a channel, interlaced."""
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    wide = pixels.astype(pixels.dtype.newbyteorder(">"))
    parts = [wide[top::down, left::right] for top, left, down, right in passes]
    rows = b"".join(b"\0" + row.tobytes() for part in parts for row in part)
    header = struct.pack(">IIBBBBB", width, height, pixels.dtype.itemsize * 8, kind, 0, 0, interlaced)
    clear = chunk(b"tRNS", struct.pack(f">{len(transparent)}H", *transparent)) if transparent else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + clear + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND")


def chunk(name: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def tiff(pixels: NDArray[Any], **options: Any) -> bytes:
    file = BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """encode(image, "JPEG", **options): the bytes of a file."""
    return encoded


@pytest.fixture(scope="session")
def odd_kinds() -> dict[str, Kind]:
    """Every kind by name; the part before the first hyphen is the family."""
    rgb = quarters()
    picture = Image.fromarray(rgb)
    grey = np.asarray(picture.convert("L"))
    return {
        **_jpeg(rgb, picture, grey),
        **_png(rgb, picture, grey),
        **_webp_gif_bmp(rgb, picture, grey),
        **_tiff(rgb, picture, grey),
        **_phones(rgb, picture, grey),
    }


def _three(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(grey[..., None], 3, axis=2)


def _half_clear(rgb: NDArray[np.uint8]) -> tuple[Image.Image, NDArray[np.uint8]]:
    """The left half at 60 % opacity and the lower right corner quite clear, and what that is over white."""
    alpha = np.full(rgb.shape[:2], 255, dtype=np.uint8)
    alpha[:, :48], alpha[32:, 48:] = 153, 0
    dark = rgb.copy()
    dark[32:, 48:] = 0  # under what is clear lies black, which must not be seen
    share = alpha[..., None] / 255
    over = np.rint(dark * share + 255 * (1 - share)).astype(np.uint8)
    return Image.fromarray(np.dstack([dark, alpha])), over


def _turned(picture: Image.Image, orientation: int) -> dict[str, Any]:
    turn = TURNS[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    return {"image": picture if turn is None else picture.transpose(turn), "exif": exif}


def _jpeg(rgb: NDArray[np.uint8], picture: Image.Image, grey: NDArray[np.uint8]) -> dict[str, Kind]:
    black = Image.new("RGB", picture.size)
    whole = {"quality": 98, "subsampling": 0}
    kinds = {
        "jpeg": Kind(encoded(picture, "JPEG", **whole), rgb, 6, ".jpg"),
        "jpeg-subsampled": Kind(encoded(picture, "JPEG", quality=95), rgb, 12, ".JPG"),
        "jpeg-progressive": Kind(encoded(picture, "JPEG", progressive=True, **whole), rgb, 6, ".jpeg"),
        "jpeg-grey": Kind(encoded(picture.convert("L"), "JPEG", quality=98), _three(grey), 6, ".jpg"),
        "jpeg-cmyk": Kind(encoded(picture.convert("CMYK"), "JPEG", quality=98), rgb, 6, ".jpg"),
        "jpeg-two-in-one": Kind(encoded(picture, "MPO", save_all=True, append_images=[black], **whole), rgb, 6, ".jpg"),
    }
    for orientation in TURNS:
        data = encoded(**_turned(picture, orientation), format="JPEG", **whole)
        kinds[f"jpeg-turned-{orientation}"] = Kind(data, rgb, 6, ".jpg")
    return kinds


def _png(rgb: NDArray[np.uint8], picture: Image.Image, grey: NDArray[np.uint8]) -> dict[str, Kind]:
    clear, over = _half_clear(rgb)
    palette = picture.quantize(8)
    black = Image.new("RGB", picture.size)
    white_is_clear = rgb.copy()
    white_is_clear[:32, :48] = 255
    wide = rgb.astype(np.uint16) * 257
    deep = np.asarray(clear).astype(np.uint16) * 257
    bits = grey >= 128
    ramp = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96) * 10
    red_index = palette.getpixel((2, 2))
    return {
        "png": Kind(encoded(picture, "PNG"), rgb),
        "png-alpha": Kind(encoded(clear, "PNG"), over, 1),
        "png-grey": Kind(encoded(picture.convert("L"), "PNG"), _three(grey)),
        "png-grey-alpha": Kind(encoded(Image.new("LA", (96, 64), (0, 102)), "PNG"), np.full_like(rgb, 153), 1),
        "png-palette": Kind(encoded(palette, "PNG"), rgb),
        "png-palette-clear": Kind(encoded(palette, "PNG", transparency=red_index), white_is_clear),
        "png-colour-clear": Kind(encoded(picture, "PNG", transparency=(255, 0, 0)), white_is_clear),
        "png-1-bit": Kind(encoded(Image.fromarray(bits), "PNG"), _three(bits.astype(np.uint8) * 255)),
        "png-16-bit-grey": Kind(png(ramp), _three((ramp >> 8).astype(np.uint8))),
        "png-16-bit": Kind(png(wide), rgb),
        "png-16-bit-alpha": Kind(png(deep), over, 1),
        "png-interlaced": Kind(png(rgb, interlaced=True), rgb),
        "png-interlaced-16-bit": Kind(png(wide, interlaced=True), rgb),
        "png-turned": Kind(encoded(**_turned(picture, 6), format="PNG"), rgb),
        "png-animated": Kind(encoded(picture, "PNG", save_all=True, append_images=[black]), rgb, 0, ".apng"),
        "png-named-jpg": Kind(encoded(picture, "PNG"), rgb, 0, ".jpg"),
    }


def _webp_gif_bmp(rgb: NDArray[np.uint8], picture: Image.Image, grey: NDArray[np.uint8]) -> dict[str, Kind]:
    clear, over = _half_clear(rgb)
    black = Image.new("RGB", picture.size)
    more = {"save_all": True, "append_images": [black, black]}
    palette = picture.quantize(8)
    white_is_clear = rgb.copy()
    white_is_clear[:32, :48] = 255
    red_index = palette.getpixel((2, 2))
    return {
        "webp": Kind(encoded(picture, "WEBP", quality=98), rgb, 16, ".webp"),
        "webp-lossless": Kind(encoded(picture, "WEBP", lossless=True), rgb, 0, ".webp"),
        "webp-alpha": Kind(encoded(clear, "WEBP", lossless=True, exact=True), over, 1, ".webp"),
        "webp-animated": Kind(encoded(picture, "WEBP", lossless=True, **more), rgb, 0, ".webp"),
        "webp-turned": Kind(encoded(**_turned(picture, 8), format="WEBP", lossless=True), rgb, 0, ".webp"),
        "gif": Kind(encoded(palette, "GIF"), rgb, 0, ".gif"),
        "gif-grey": Kind(encoded(picture.convert("L"), "GIF"), _three(grey), 0, ".gif"),
        "gif-clear": Kind(encoded(palette, "GIF", transparency=red_index), white_is_clear, 0, ".gif"),
        "gif-animated": Kind(encoded(picture, "GIF", **more), rgb, 0, ".gif"),
        "bmp": Kind(encoded(picture, "BMP"), rgb, 0, ".bmp"),
        "bmp-palette": Kind(encoded(palette, "BMP"), rgb, 0, ".bmp"),
        "bmp-grey": Kind(encoded(picture.convert("L"), "BMP"), _three(grey), 0, ".dib"),
        "bmp-1-bit": Kind(
            encoded(Image.fromarray(grey >= 128), "BMP"), _three((grey >= 128).astype(np.uint8) * 255), 0, ".bmp"
        ),
    }


def _tiff(rgb: NDArray[np.uint8], picture: Image.Image, grey: NDArray[np.uint8]) -> dict[str, Kind]:
    clear, over = _half_clear(rgb)
    black = Image.new("RGB", picture.size)
    bits = grey >= 128
    ramp = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96) * 10
    ramp_bytes = _three((ramp >> 8).astype(np.uint8))
    wide = rgb.astype(np.uint16) * 257
    lab = ImageCms.profileToProfile(
        picture, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    found = {
        "tiff": Kind(encoded(picture, "TIFF"), rgb),
        "tiff-lzw": Kind(encoded(picture, "TIFF", compression="tiff_lzw"), rgb),
        "tiff-deflate": Kind(encoded(picture, "TIFF", compression="tiff_adobe_deflate"), rgb),
        "tiff-packbits": Kind(encoded(picture, "TIFF", compression="packbits"), rgb),
        "tiff-jpeg": Kind(encoded(picture, "TIFF", compression="jpeg", quality=98), rgb, 12),
        "tiff-fax": Kind(
            encoded(Image.fromarray(bits), "TIFF", compression="group4"), _three(bits.astype(np.uint8) * 255)
        ),
        "tiff-pages": Kind(encoded(picture, "TIFF", save_all=True, append_images=[black]), rgb),
        "tiff-alpha": Kind(encoded(clear, "TIFF"), over, 1),
        "tiff-palette": Kind(encoded(picture.quantize(8), "TIFF"), rgb),
        "tiff-cmyk": Kind(encoded(picture.convert("CMYK"), "TIFF"), rgb),
        "tiff-lab": Kind(encoded(lab, "TIFF"), rgb, 30),
        "tiff-white-is-zero": Kind(tiff(255 - grey, photometric="miniswhite"), _three(grey)),
        "tiff-16-bit-grey": Kind(tiff(ramp), ramp_bytes),
        "tiff-16-bit-big-endian": Kind(tiff(ramp.astype(">u2"), byteorder=">"), ramp_bytes),
        "tiff-16-bit": Kind(tiff(wide, photometric="rgb"), rgb),
        "tiff-16-bit-deflate": Kind(tiff(wide, photometric="rgb", compression="zlib"), rgb),
        "tiff-float": Kind(tiff(grey.astype(np.float32) / 255), _three(grey), 1),
        "tiff-planes": Kind(tiff(rgb.transpose(2, 0, 1).copy(), photometric="rgb", planarconfig="separate"), rgb),
        "tiff-tiles": Kind(tiff(rgb, photometric="rgb", tile=(32, 32)), rgb),
        "tiff-big": Kind(tiff(rgb, photometric="rgb", bigtiff=True), rgb),
    }
    for orientation in (3, 5, 6, 8):
        found[f"tiff-turned-{orientation}"] = Kind(encoded(**_turned(picture, orientation), format="TIFF"), rgb)
    return {name: Kind(kind.data, kind.expected, kind.tolerance, ".tif") for name, kind in found.items()}


def _phones(rgb: NDArray[np.uint8], picture: Image.Image, grey: NDArray[np.uint8]) -> dict[str, Kind]:
    clear, over = _half_clear(rgb)
    black = Image.new("RGB", picture.size)
    whole = {"quality": -1, "chroma": 444}
    wide = (rgb.astype(np.uint16) * 257).tobytes()
    ten_bits = BytesIO()
    pillow_heif.from_bytes("RGB;16", picture.size, wide).save(ten_bits, **whole)
    kinds = {
        "heic": Kind(encoded(picture, "HEIF", **whole), rgb, 6, ".heic"),
        "heic-usual": Kind(encoded(picture, "HEIF", quality=90), rgb, 16, ".HEIC"),
        "heic-grey": Kind(encoded(picture.convert("L"), "HEIF", quality=-1), _three(grey), 6, ".heif"),
        "heic-alpha": Kind(encoded(clear, "HEIF", **whole), over, 6, ".heic"),
        "heic-ten-bits": Kind(ten_bits.getvalue(), rgb, 6, ".heic"),
        "heic-tiles": Kind(encoded(picture, "HEIF", tile_size=64, **whole), rgb, 6, ".heic"),
        "heic-second-is-main": Kind(
            encoded(black, "HEIF", save_all=True, append_images=[picture], primary_index=1, **whole), rgb, 6, ".heic"
        ),
        "avif": Kind(encoded(picture, "AVIF", quality=95, subsampling="4:4:4"), rgb, 10, ".avif"),
        "avif-alpha": Kind(encoded(clear, "AVIF", quality=100, subsampling="4:4:4"), over, 6, ".avif"),
        "avif-animated": Kind(
            encoded(picture, "AVIF", quality=95, subsampling="4:4:4", save_all=True, append_images=[black]),
            rgb,
            10,
            ".avif",
        ),
    }
    for orientation in TURNS:
        stored = _turned(picture, orientation)
        data = encoded(stored["image"], "HEIF", exif=stored["exif"].tobytes(), **whole)
        kinds[f"heic-turned-{orientation}"] = Kind(data, rgb, 6, ".heic")
        kinds[f"avif-turned-{orientation}"] = Kind(
            encoded(**_turned(picture, orientation), format="AVIF", quality=95, subsampling="4:4:4"), rgb, 10, ".avif"
        )
    return kinds
