"""Damaging files as a bad disk, a broken connection or an attacker does."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

# Numbers at the edges of what a decoder's counters hold.
_EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

_Mutation = Callable[[random.Random, bytearray, list[bytes]], None]


def _flip_bits(dice: random.Random, data: bytearray, others: list[bytes]) -> None:
    for _ in range(dice.choice((1, 1, 2, 8, 40))):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def _change_header(dice: random.Random, data: bytearray, others: list[bytes]) -> None:
    for _ in range(dice.choice((1, 2, 6))):
        data[dice.randrange(min(len(data), 64))] = dice.randrange(256)


def _write_edge(dice: random.Random, data: bytearray, others: list[bytes]) -> None:
    number, form = dice.choice(_EDGES), dice.choice(("<I", ">I", "<H", ">H"))
    place = dice.randrange(min(len(data) - 4, dice.choice((200, 2000, 10**9))))
    struct.pack_into(form, data, place, number & (0xFFFF if form[1] == "H" else 0xFFFFFFFF))


def _cut(dice: random.Random, data: bytearray, others: list[bytes]) -> None:
    del data[dice.randrange(1, len(data)) :]


def _remove_piece(dice: random.Random, data: bytearray, others: list[bytes]) -> None:
    start = dice.randrange(len(data))
    del data[start : start + dice.choice((1, 2, 30, 500))]


def _repeat_piece(dice: random.Random, data: bytearray, others: list[bytes]) -> None:
    start, length = dice.randrange(len(data)), dice.choice((1, 4, 100, 1000))
    data[start:start] = data[start : start + length] * dice.choice((1, 1, 20))


def _overwrite_piece(dice: random.Random, data: bytearray, others: list[bytes]) -> None:
    start, length = dice.randrange(len(data)), dice.choice((4, 50, 800))
    value = dice.choice((b"\0", b"\xff", b"A", dice.randbytes(1)))
    data[start : start + length] = value * min(length, len(data) - start)


def _splice(dice: random.Random, data: bytearray, others: list[bytes]) -> None:
    other = dice.choice(others)
    data[dice.randrange(len(data)) :] = other[dice.randrange(len(other)) :]


def _append_noise(dice: random.Random, data: bytearray, others: list[bytes]) -> None:
    data += dice.randbytes(dice.choice((1, 100, 5000)))


_MUTATIONS: tuple[_Mutation, ...] = (
    _flip_bits,
    _change_header,
    _write_edge,
    _cut,
    _remove_piece,
    _repeat_piece,
    _overwrite_piece,
    _splice,
    _append_noise,
)


def mutated(dice: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """A file damaged in one to three ways, perhaps with a piece of another one."""
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        dice.choice(_MUTATIONS)(dice, changed, others)
        if len(changed) < 8:
            break
    return bytes(changed)
