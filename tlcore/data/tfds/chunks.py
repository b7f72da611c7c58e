"""How large the records of an array_record file will be in memory, told before any of them is unpacked.

Such a file is a Riegeli file: chunks of packed records, each with a header of 40 bytes that has their unpacked size.
Blocks of 64 KiB lie across the chunks, and each begins with a header of 24 bytes of its own.
Source: https://github.com/google/riegeli/blob/master/doc/riegeli_records_file_format.md
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, Final

_BLOCK: Final = 64 * 1024
_BLOCK_HEADER: Final = 24
_USABLE: Final = _BLOCK - _BLOCK_HEADER
_HEADER: Final = struct.Struct("<QQQQQ")  # hash, size of the data, its hash, kind and number of records, unpacked size


def largest_chunk(path: Path) -> int:
    """Bytes of the largest chunk of a file once it is unpacked. A picture that TensorFlow Datasets wrote is one chunk.

    Raises:
        OSError: The file can't be read.
        ValueError: It is damaged: a chunk ends beyond the file.
    """
    size, position, largest = path.stat().st_size, 0, 0
    with path.open("rb") as file:
        while position < size:
            header = _read_across(file, position, _HEADER.size)
            if len(header) < _HEADER.size:
                raise ValueError("it ends in the middle of a record")
            _, packed, _, kind_and_records, unpacked = _HEADER.unpack(header)
            if packed > size:
                raise ValueError("it ends in the middle of a record")
            largest = max(largest, unpacked)
            position = max(_after(position, _HEADER.size + packed), _possible(position + (kind_and_records >> 8)))
    if position != size:
        raise ValueError("it ends in the middle of a record")
    return largest


def _read_across(file: BinaryIO, position: int, length: int) -> bytes:
    """Bytes from a position on, without the headers of blocks among them."""
    if position % _BLOCK == 0:
        position += _BLOCK_HEADER
    here = min(length, _BLOCK - position % _BLOCK)
    file.seek(position)
    data = file.read(here)
    if here < length:
        file.seek(_BLOCK_HEADER, 1)
        data += file.read(length - here)
    return data


def _after(position: int, length: int) -> int:
    """Where bytes end that begin at a position, headers of blocks among them."""
    return position + length + (length + (position + _USABLE - 1) % _BLOCK) // _USABLE * _BLOCK_HEADER


def _possible(position: int) -> int:
    """The next position where a chunk can begin: never inside the header of a block."""
    return position + max(0, -position % _BLOCK - (_USABLE - 1))
