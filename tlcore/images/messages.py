"""How `tlcore.images.guard` and its helper process talk: fixed headers over pipes, then bytes of a told length."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import BinaryIO, Final

READY: Final = b"ready"
"""What the helper writes once it can decode."""


class Task(IntEnum):
    """What the helper is asked to do with a picture."""

    LOAD = 1
    INSPECT = 2
    SHRINK = 3


class Outcome(IntEnum):
    """What came of it."""

    DONE = 0
    REFUSED = 1


REQUEST: Final = struct.Struct(">BIQ")
"""Task, side in pixels (0 for none), length of the picture that follows."""

ANSWER: Final = struct.Struct(">BIIQ")
"""Outcome, width, height, length of what follows: pixels, look and name of the format, WebP, or the refusal as JSON."""

LOOK_BYTES: Final = 264
"""Of a picture's look, see `tlcore.images.look`, whose import only the helper pays for."""


def read_exactly(stream: BinaryIO, length: int) -> bytes:
    """`length` bytes of a pipe.

    Raises:
        EOFError: The other side ended first.
    """
    data = stream.read(length)
    if len(data) < length:
        raise EOFError("the other process ended in the middle of a message")
    return data
