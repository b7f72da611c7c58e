from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from io import BytesIO

import imagehash
import numpy as np
from PIL import Image

from tlcore.images.decode import inspect_picture
from tlcore.images.guard import GuardedDecoder
from tlcore.workspace import Limits


def bits_apart(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one[:8], "big") ^ int.from_bytes(other[:8], "big")).bit_count()


def test_it_is_the_hash_and_the_grey_grid_of_the_upright_picture(crop: Callable[..., bytes]) -> None:
    image = Image.open(BytesIO(crop("cat", 0, "PNG"))).crop((0, 0, 96, 64))
    look = inspect_picture(encoded(image), Limits()).look
    assert len(look) == 264
    assert look[:8].hex() == str(imagehash.phash(image))
    grid = np.asarray(image.convert("L"), dtype=float).reshape(16, 4, 16, 6).mean(axis=(1, 3))
    assert (
        np.abs(np.frombuffer(look[8:], dtype=np.uint8).reshape(16, 16) - grid).max() <= 1
    )  # Pillow rounds rows, then columns
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(image.transpose(Image.Transpose.ROTATE_90), exif=exif)
    assert inspect_picture(turned, Limits()).look == look


def encoded(image: Image.Image, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def test_a_smaller_recompressed_copy_looks_alike_and_another_photo_does_not(crop: Callable[..., bytes]) -> None:
    image = Image.open(BytesIO(crop("cat", 5, "PNG")))
    file = BytesIO()
    image.resize((60, 60)).save(file, "JPEG", quality=40)
    copy, own = inspect_picture(file.getvalue(), Limits()).look, inspect_picture(encoded(image), Limits()).look
    assert bits_apart(copy, own) <= 8
    assert bits_apart(inspect_picture(crop("rocket", 5), Limits()).look, own) > 8


def test_it_comes_over_the_pipe_as_it_is(crop: Callable[..., bytes]) -> None:
    with GuardedDecoder(Limits()) as decoder:
        assert decoder.inspect(crop("coffee", 1)) == inspect_picture(crop("coffee", 1), Limits())


def test_who_only_loads_pictures_never_loads_scipy(crop: Callable[..., bytes]) -> None:
    code = (
        "import sys\nfrom tlcore.images.decode import load_picture\nfrom tlcore.workspace import Limits\n"
        "load_picture(sys.stdin.buffer.read(), 8, Limits())\nprint(sorted({'scipy', 'imagehash'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], input=crop("cat", 0), capture_output=True, check=True)
    assert ran.stdout.strip() == b"[]"
