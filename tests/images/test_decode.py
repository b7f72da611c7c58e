from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tlcore.errors import PictureError
from tlcore.images.decode import FORMATS, inspect_picture, load_picture, shrink_picture
from tlcore.workspace import Limits

LIMITS = Limits()


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:  # noqa: A002
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def corners(value: bytes) -> list[str]:
    """Colours of the four corners (top left, top right, bottom left, bottom right) of a decoded picture."""
    pixels = load_picture(value, None, LIMITS).astype(int)
    names = {(255, 0, 0): "red", (0, 255, 0): "green", (0, 0, 255): "blue", (255, 255, 255): "white"}
    picked = [pixels[2, 2], pixels[2, -3], pixels[-3, 2], pixels[-3, -3]]
    return [names[min(names, key=lambda name: np.abs(np.array(name) - pixel).sum())] for pixel in picked]


@pytest.fixture
def quarters() -> Image.Image:
    """Red, green, blue and white quarters, 60 wide and 40 high: no turn of it equals another."""
    pixels = np.zeros((40, 60, 3), dtype=np.uint8)
    pixels[:20, :30], pixels[:20, 30:], pixels[20:, :30], pixels[20:, 30:] = (
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
        (255, 255, 255),
    )
    return Image.fromarray(pixels)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_read_and_named(format: str, quarters: Image.Image) -> None:  # noqa: A002
    data = encoded(quarters, format)
    assert inspect_picture(data, LIMITS).format == format
    assert inspect_picture(data, LIMITS).extension == FORMATS[format]
    assert corners(data) == ["red", "green", "blue", "white"]
    assert load_picture(data, 32, LIMITS).shape == (32, 32, 3)


@pytest.mark.parametrize("format", ["JPEG", "TIFF", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(orientation: int, format: str, quarters: Image.Image) -> None:  # noqa: A002
    stored = {
        1: quarters,
        2: quarters.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: quarters.transpose(Image.Transpose.ROTATE_180),
        4: quarters.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: quarters.transpose(Image.Transpose.TRANSPOSE),
        6: quarters.transpose(Image.Transpose.ROTATE_90),
        7: quarters.transpose(Image.Transpose.TRANSVERSE),
        8: quarters.transpose(Image.Transpose.ROTATE_270),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, format, exif=exif)
    assert corners(data) == ["red", "green", "blue", "white"]
    facts = inspect_picture(data, LIMITS)
    assert (facts.width, facts.height) == (60, 40)


def test_transparency_lies_over_white() -> None:
    clear = np.zeros((8, 8, 4), dtype=np.uint8)
    half = np.full((8, 8, 4), (0, 0, 0, 128), dtype=np.uint8)
    assert (load_picture(encoded(Image.fromarray(clear)), None, LIMITS) == 255).all()
    assert abs(int(load_picture(encoded(Image.fromarray(half)), None, LIMITS)[0, 0, 0]) - 127) <= 1
    palette = Image.new("P", (8, 8))
    assert (load_picture(encoded(palette, transparency=0), None, LIMITS) == 255).all()
    assert (load_picture(encoded(palette), None, LIMITS) == 0).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_every_mode_becomes_rgb(mode: str, quarters: Image.Image) -> None:
    data = encoded(quarters.convert(mode), "TIFF" if mode == "CMYK" else "PNG")
    pixels = load_picture(data, None, LIMITS)
    assert pixels.shape == (40, 60, 3)
    assert pixels.dtype == np.uint8
    assert (pixels[-3, -3] == 255).all()


@pytest.mark.parametrize("byte_order", ["<u2", ">u2"])
def test_sixteen_bits_are_scaled_not_cut(byte_order: str) -> None:
    ramp = np.linspace(0, 65535, 256).astype(byte_order).reshape(16, 16)
    data = encoded(Image.fromarray(ramp), "TIFF")
    pixels = load_picture(data, None, LIMITS)[..., 0].ravel().astype(int)
    assert np.abs(pixels - np.arange(256)).max() <= 1


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, 255.0), (0.0, 65535.0), (-3.0, 5.0), (0.0, 1e6)], ids=str)
def test_floats_are_spread_over_the_grey_range(low: float, high: float) -> None:
    ramp = np.linspace(low, high, 256, dtype=np.float32).reshape(16, 16)
    pixels = load_picture(encoded(Image.fromarray(ramp), "TIFF"), None, LIMITS)[..., 0]
    assert pixels.min() == 0
    assert pixels.max() == 255


def test_the_first_picture_of_an_animation_counts(quarters: Image.Image) -> None:
    black = Image.new("RGB", quarters.size)
    for format in ("GIF", "WEBP", "PNG"):  # noqa: A001
        data = encoded(quarters, format, save_all=True, append_images=[black])
        assert corners(data) == ["red", "green", "blue", "white"]


def test_a_small_picture_of_a_large_one_is_averaged_not_sampled() -> None:
    lines = np.zeros((256, 256), dtype=np.uint8)
    lines[:, ::2] = 255
    pixels = load_picture(encoded(Image.fromarray(lines)), 32, LIMITS)[2:-2, 2:-2]
    assert pixels.min() > 120
    assert pixels.max() < 136


def large_photo(photos: dict[str, NDArray[np.uint8]], mode: str = "RGB", **options: object) -> bytes:
    """A photo of 1,600 × 1,200 pixels as JPEG, with the fine noise of a sensor."""
    photo = Image.fromarray(photos["coffee"]).resize((1600, 1200), Image.Resampling.LANCZOS)
    noise = np.random.default_rng(0).normal(0, 6, (1200, 1600, 1))
    noisy = np.clip(np.asarray(photo) + noise, 0, 255).astype(np.uint8)
    return encoded(Image.fromarray(noisy).convert(mode), "JPEG", quality=90, **options)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("size", [96, 224])
def test_a_large_jpeg_that_is_decoded_smaller_looks_as_if_all_of_it_had_been(
    photos: dict[str, NDArray[np.uint8]], mode: str, size: int
) -> None:
    data = large_photo(photos, mode)
    small = load_picture(data, size, LIMITS).astype(int)
    whole = Image.fromarray(load_picture(data, None, LIMITS)).resize((size, size), Image.Resampling.BILINEAR)
    off = np.abs(small - np.asarray(whole))
    assert 0 < off.mean() < 1
    assert np.percentile(off, 99) <= 4


def test_only_a_jpeg_four_times_as_large_is_decoded_smaller(photos: dict[str, NDArray[np.uint8]]) -> None:
    data = large_photo(photos)
    whole = Image.open(BytesIO(data)).convert("RGB")
    for size, alike in ((300, False), (301, True)):
        expected = np.asarray(whole.resize((size, size), Image.Resampling.BILINEAR))
        assert np.array_equal(load_picture(data, size, LIMITS), expected) == alike
    lossless = encoded(whole, "PNG", compress_level=1)
    expected = np.asarray(whole.resize((32, 32), Image.Resampling.BILINEAR))
    assert np.array_equal(load_picture(lossless, 32, LIMITS), expected)


def test_a_large_jpeg_that_is_decoded_smaller_stands_upright(quarters: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    large = quarters.resize((1200, 800)).transpose(Image.Transpose.ROTATE_90)
    pixels = load_picture(encoded(large, "JPEG", exif=exif), 64, LIMITS).astype(int)
    for place, colour in (((8, 8), (255, 0, 0)), ((8, -8), (0, 255, 0)), ((-8, 8), (0, 0, 255))):
        assert np.abs(pixels[place] - colour).max() < 8


def test_a_large_jpeg_that_is_cut_off_is_found_at_any_size(photos: dict[str, NDArray[np.uint8]]) -> None:
    data = large_photo(photos)
    for size in (None, 300, 32):
        with pytest.raises(PictureError, match="cut off"):
            load_picture(data[: len(data) // 2], size, LIMITS)


def test_the_limit_on_pixels_is_that_of_the_whole_picture(photos: dict[str, NDArray[np.uint8]]) -> None:
    with pytest.raises(PictureError, match="1,600 × 1,200"):
        load_picture(large_photo(photos), 32, Limits(picture_pixels=1600 * 1200 - 1))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "BMP", "WEBP"])
def test_a_cut_off_picture_is_found(format: str, crop: Callable[..., bytes]) -> None:  # noqa: A002
    data = crop("cat", 0, format)
    with pytest.raises(PictureError, match=r"cut off|damaged|not a picture"):
        inspect_picture(data[: len(data) * 2 // 3], LIMITS)
    assert inspect_picture(data, LIMITS).width == 96


@pytest.mark.parametrize("data", [b"These are words, not pixels.", bytes(5000), b"%PDF-1.7", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_refused_in_plain_words(data: bytes) -> None:
    with pytest.raises(PictureError, match=r"not a picture.*JPEG, PNG") as caught:
        load_picture(data, 32, LIMITS)
    assert "Traceback" not in str(caught.value)


def test_an_empty_file_has_its_own_words() -> None:
    with pytest.raises(PictureError, match="empty"):
        inspect_picture(b"", LIMITS)


def huge_png(side: int) -> bytes:
    """A PNG that only claims to be so large: decoding it would fail late and take much memory."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [8_000, 10_000, 30_000])
def test_too_many_pixels_are_refused_before_decoding(side: int) -> None:
    with pytest.raises(PictureError, match=r"too many pixels.*50 million.*smaller copy"):
        load_picture(huge_png(side), 224, LIMITS)


def test_a_limit_can_be_stricter(quarters: Image.Image) -> None:
    data = encoded(quarters)
    assert inspect_picture(data, Limits(picture_pixels=2400)).width == 60
    with pytest.raises(PictureError, match="60 × 40"):
        inspect_picture(data, Limits(picture_pixels=2399))
    with pytest.raises(PictureError, match="too large for one picture"):
        inspect_picture(data, Limits(picture_bytes=len(data) - 1))


def test_damaged_bytes_never_raise_anything_else(crop: Callable[..., bytes]) -> None:
    random = np.random.default_rng(0)
    refused = 0
    for format in FORMATS:  # noqa: A001
        good = np.frombuffer(crop("coffee", 1, format), dtype=np.uint8)
        for _ in range(30):
            bad = good.copy()
            bad[random.integers(0, min(len(bad), 400), 12)] = random.integers(0, 256, 12)
            try:
                load_picture(bad.tobytes(), 32, LIMITS)
            except PictureError:
                refused += 1
            except Warning:
                continue  # a warning is an error in tests only; the helper process silences them
    assert refused > 30


def test_a_thumbnail_keeps_proportions_and_never_grows(quarters: Image.Image) -> None:
    small = Image.open(BytesIO(shrink_picture(encoded(quarters), 30, LIMITS)))
    assert small.format == "WEBP"
    assert small.size == (30, 20)
    assert Image.open(BytesIO(shrink_picture(encoded(quarters), 500, LIMITS))).size == (60, 40)
