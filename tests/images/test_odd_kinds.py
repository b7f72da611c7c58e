from __future__ import annotations

import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tlcore.data.batches import read_batches
from tlcore.data.catalog import open_dataset
from tlcore.data.importer import import_pictures
from tlcore.errors import PictureError
from tlcore.images.decode import EXTENSIONS, FORMATS, inspect_picture, load_picture
from tlcore.images.guard import GuardedDecoder
from tlcore.workspace import Limits, Workspace

LIMITS = Limits()
FORMAT_OF_FAMILY = {"heic": "HEIF", "jpeg": "JPEG", "bmp": "BMP"}


def test_every_kind_has_the_right_colours_and_stands_upright(odd_kinds: dict[str, Any]) -> None:
    wrong = []
    for name, kind in odd_kinds.items():
        pixels = load_picture(kind.data, None, LIMITS)
        assert pixels.shape == kind.expected.shape, name
        off = np.abs(pixels.astype(int) - kind.expected)
        # Lossy formats bleed colour across the borders of the quarters, a few pixels wide.
        if off.mean() > kind.tolerance / 2 or np.median(off) > kind.tolerance:
            wrong.append((name, off.mean()))
    assert wrong == []
    assert {name.split("-")[0] for name in odd_kinds} == {"jpeg", "png", "webp", "gif", "bmp", "tiff", "heic", "avif"}


def test_training_and_prediction_see_the_same_pixels(odd_kinds: dict[str, Any], workspace: Workspace) -> None:
    source = workspace.root.parent / "odd"
    names: dict[str, str] = {}
    for name, kind in odd_kinds.items():
        family = name.split("-")[0]
        path = source / family / f"{name}{kind.extension}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(kind.data)
        names[f"{family}/{path.name}"] = name
    info = import_pictures(workspace, source, "odd")
    assert info.rejected == ()
    dataset = open_dataset(workspace, info.id)
    assert sorted(dataset.keys) == sorted(names)
    with GuardedDecoder(LIMITS) as decoder:
        for size in (33, 64):
            batches = list(read_batches(dataset, np.arange(len(dataset)), size, 16, LIMITS))
            for key, trained in zip(dataset.keys, np.concatenate(batches), strict=True):
                predicted = decoder.load((source / key).read_bytes(), size)
                assert np.array_equal(trained, predicted), (key, size)


def test_every_kind_is_named_by_what_it_is_and_not_by_its_name(odd_kinds: dict[str, Any]) -> None:
    for name, kind in odd_kinds.items():
        facts = inspect_picture(kind.data, LIMITS)
        family = name.split("-")[0]
        assert facts.format == FORMAT_OF_FAMILY.get(family, family.upper()), name
        assert (facts.width, facts.height) == (96, 64), name
        assert kind.extension.lower() in EXTENSIONS
    assert set(FORMATS.values()) <= EXTENSIONS


def gif(frames: int) -> bytes:
    """A GIF of so many pictures, each of one pixel but the first."""
    file = BytesIO()
    Image.new("P", (20, 10), 1).save(file, "GIF")
    first = file.getvalue()[:-1]
    frame = b"!\xf9\x04\0\1\0\0\0" + b",\0\0\0\0\1\0\1\0\0" + b"\2\2D\1\0"
    return first + frame * frames + b";"


def tiff_ring(pages: int) -> bytes:
    """A TIFF whose list of pages ends where it began."""
    file = BytesIO()
    Image.new("RGB", (20, 10)).save(file, "TIFF", save_all=True, append_images=[Image.new("RGB", (20, 10))] * pages)
    data = bytearray(file.getvalue())
    start = place = struct.unpack_from("<I", data, 4)[0]
    while True:
        after = place + 2 + struct.unpack_from("<H", data, place)[0] * 12
        following = struct.unpack_from("<I", data, after)[0]
        if not following:
            struct.pack_into("<I", data, after, start)
            return bytes(data)
        place = following


def apng(frames: int) -> bytes:
    def chunk(name: bytes, body: bytes = b"") -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    pixels = zlib.compress(b"\0" * 10 * 61)
    control = [struct.pack(">IIIIIHHBB", 2 * number, 20, 10, 0, 0, 1, 1, 0, 0) for number in range(frames)]
    more = b"".join(
        chunk(b"fcTL", part) + chunk(b"fdAT", struct.pack(">I", 2 * number + 1) + pixels)
        for number, part in enumerate(control)
    )
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 20, 10, 8, 2, 0, 0, 0))
    start = header + chunk(b"acTL", struct.pack(">II", frames + 1, 0)) + chunk(b"IDAT", pixels)
    return b"\x89PNG\r\n\x1a\n" + start + more + chunk(b"IEND")


def animated(format: str, frames: int) -> bytes:  # noqa: A002 - Pillow's name
    file = BytesIO()
    rest = [Image.new("RGB", (20, 10), (number % 256, number // 256, 0)) for number in range(frames)]
    Image.new("RGB", (20, 10)).save(file, format, save_all=True, append_images=rest)
    return file.getvalue()


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: gif(1_000_000), id="gif"),
        pytest.param(lambda: tiff_ring(500), id="tiff"),
        pytest.param(lambda: apng(100_000), id="apng"),
        pytest.param(lambda: animated("WEBP", 1000), id="webp"),
        pytest.param(lambda: animated("AVIF", 60), id="avif"),
    ],
)
def test_any_number_of_pictures_in_one_file_costs_no_more_than_the_first(make: Callable[[], bytes]) -> None:
    data = make()
    load_picture(data, 8, LIMITS)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        facts = inspect_picture(data, LIMITS)
        seconds.append(time.perf_counter() - start)
    assert (facts.width, facts.height) == (20, 10)
    assert min(seconds) < 1


def test_a_film_is_told_from_a_damaged_photo() -> None:
    with pytest.raises(PictureError, match="film"):
        inspect_picture(b"\0\0\0\x18ftypmp42" + bytes(100), LIMITS)
    with pytest.raises(PictureError, match="damaged"):
        inspect_picture(b"\0\0\0\x18ftypheic" + bytes(100), LIMITS)


def test_a_photo_that_is_larger_inside_than_outside_is_refused(odd_kinds: dict[str, Any]) -> None:
    data = odd_kinds["heic"].data
    told = struct.pack(">II", 96, 64)
    assert data.count(told) >= 1
    with pytest.raises(PictureError, match=r"damaged|too many pixels"):
        inspect_picture(data.replace(told, struct.pack(">II", 8, 8)), Limits(picture_pixels=100))


def test_who_reads_other_formats_never_loads_the_phone_decoder(tmp_path: Path, crop: Callable[..., bytes]) -> None:
    code = (
        "import sys\nfrom tlcore.images.decode import load_picture\nfrom tlcore.workspace import Limits\n"
        "load_picture(sys.stdin.buffer.read(), 8, Limits())\nprint(sorted({'pillow_heif'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], input=crop("cat", 0), capture_output=True, check=True)
    assert ran.stdout.strip() == b"[]"
