"""What a visitor of a soak brings: a zip of two classes, whose name is the dataset's, and one picture more."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Final

from PIL import Image

_PICTURES: Final = 12  # of each of two classes
_SIDE: Final = 96


def make_pictures(place: Path, name: str, dice: Random) -> tuple[Path, Path]:
    """Writes both below `place`; the zip and the picture."""
    archive = place / f"{name}.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for kind in ("rough", "smooth"):
            for number in range(_PICTURES):
                packed.writestr(f"{kind}/{number:02}.jpg", _picture(kind, dice))
    photo = place / f"{name}.jpg"
    photo.write_bytes(_picture("rough", dice))
    return archive, photo


def _picture(kind: str, dice: Random) -> bytes:
    side = _SIDE if kind == "rough" else 4
    picture = Image.frombytes("RGB", (side, side), dice.randbytes(side * side * 3))
    file = BytesIO()
    picture.resize((_SIDE, _SIDE)).save(file, "JPEG")
    return file.getvalue()
