"""Reading the files of TensorFlow Datasets without TensorFlow: where in them each picture lies, and its label.

A record is a `tf.train.Example`: a protocol buffer that maps names to lists of bytes or numbers. Only its outline is
followed, to find where one list begins and ends, so that the picture can be read in place later on.
Sources: https://www.tensorflow.org/tutorials/load_data/tfrecord and https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlcore.data.places import Place
from tlcore.data.tfds.chunks import largest_chunk
from tlcore.data.tfds.pair import Pair
from tlcore.workspace import MEBIBYTE, Limits

ARRAY_RECORD: Final = "array_record"
TFRECORD: Final = "tfrecord"
FORMATS: Final = (ARRAY_RECORD, TFRECORD)
"""The formats of files that can be read in place."""

_READ_AT_ONCE: Final = 32
_BYTES_AT_ONCE: Final = 32 * MEBIBYTE
_MARGIN: Final = 16 * MEBIBYTE  # for whatever else a record has: masks, texts
_PICTURE_BYTES: Final = Limits().picture_bytes
_LENGTH: Final = struct.Struct("<QI")  # length of the record, checksum of the length
_CHECKSUM_BYTES: Final = 4
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES: Final = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT: Final = 10


@dataclass(frozen=True)
class Example:
    """One labelled picture in a file.

    Attributes:
        data: The encoded picture.
        label: Number of its class; negative where it has none.
        place: Where the picture lies.
    """

    data: bytes
    label: int
    place: Place


@dataclass(frozen=True)
class _Span:
    """A field of a message: where its content lies, or the number that it is."""

    field: int
    start: int
    stop: int
    number: int | None = None


def read_examples(path: Path, file_format: str, pair: Pair, picture_bytes: int = _PICTURE_BYTES) -> Iterator[Example]:
    """The labelled pictures of a file, in its order. They are read as they are asked for.

    Args:
        path: The file, which stays the place of the pictures: make it absolute.
        file_format: One of `FORMATS`.
        pair: Which features to take.
        picture_bytes: Size that a picture may have. A file with a record that is much larger is refused before that
            is read.

    Raises:
        OSError: The file can't be read, or is damaged, or a record is too large.
    """
    largest = picture_bytes + _MARGIN
    if file_format == ARRAY_RECORD:
        for number, record in enumerate(_array_records(path, largest)):
            span, label = _locate(record, pair, path)
            place = Place(str(path), number, span.start, span.stop - span.start)
            yield Example(record[span.start : span.stop], label, place)
        return
    for offset, record in _tf_records(path, largest):
        span, label = _locate(record, pair, path)
        place = Place(str(path), -1, offset + span.start, span.stop - span.start)
        yield Example(record[span.start : span.stop], label, place)


def _array_records(path: Path, largest: int) -> Iterator[bytes]:
    # Loaded here: only files of this format need the package, which has no wheel for Windows.
    from array_record.python.array_record_module import ArrayRecordReader

    try:
        largest_here = largest_chunk(path)
        if largest_here > largest:
            raise _too_large(path, largest_here, largest)
        at_once = max(1, min(_READ_AT_ONCE, _BYTES_AT_ONCE // max(1, largest_here)))
        reader = ArrayRecordReader(str(path))
        total = reader.num_records()
        for first in range(0, total, at_once):
            yield from reader.read(list(range(first, min(first + at_once, total))))
    except (IndexError, ValueError, RuntimeError) as error:
        raise _damaged(path, str(error)) from error


def _tf_records(path: Path, largest: int) -> Iterator[tuple[int, bytes]]:
    """Each record with the place of its first byte in the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        while head := file.read(_LENGTH.size):
            offset = file.tell()
            length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else size
            if offset + length + _CHECKSUM_BYTES > size:
                raise _damaged(path, "it ends in the middle of a record")
            if length > largest:
                raise _too_large(path, length, largest)
            yield offset, file.read(length)
            file.seek(_CHECKSUM_BYTES, 1)


def _locate(record: bytes, pair: Pair, path: Path) -> tuple[_Span, int]:
    """Where the picture lies in a record, and its label."""
    try:
        features = {
            record[name.start : name.stop].decode(): feature
            for outline in _inside(record, 0, len(record), 1)
            for entry in _inside(record, outline.start, outline.stop, 1)
            for name, feature in [_entry(record, entry)]
        }
        image, label = features[pair.image], features[pair.label]
        pictures = [
            value
            for found in _inside(record, image.start, image.stop, 1)
            for value in _inside(record, found.start, found.stop, 1)
        ]
        numbers = [
            number
            for found in _inside(record, label.start, label.stop, 3)
            for value in _fields(record, found.start, found.stop)
            for number in _numbers(record, value)
        ]
        return pictures[0], numbers[0]
    except (IndexError, KeyError, ValueError) as error:
        raise _damaged(path, f"a record has no {pair.image} with a {pair.label}") from error


def _entry(record: bytes, entry: _Span) -> tuple[_Span, _Span]:
    """Name and feature of an entry of the map."""
    (name,) = _inside(record, entry.start, entry.stop, 1)
    (feature,) = _inside(record, entry.start, entry.stop, 2)
    return name, feature


def _inside(record: bytes, start: int, stop: int, field: int) -> list[_Span]:
    return [span for span in _fields(record, start, stop) if span.field == field]


def _numbers(record: bytes, value: _Span) -> Iterator[int]:
    """The numbers of a list, packed into one field or a field each; as 64-bit signed integers."""
    if value.number is not None:
        yield _signed(value.number)
        return
    position = value.start
    while position < value.stop:
        number, position = _varint(record, position)
        yield _signed(number)


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number


def _fields(record: bytes, start: int, stop: int) -> Iterator[_Span]:
    position = start
    while position < stop:
        tag, position = _varint(record, position)
        field, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            number, position = _varint(record, position)
            yield _Span(field, position, position, number)
            continue
        if kind == _BYTES:
            length, position = _varint(record, position)
        elif kind in _FIXED_SIZES:
            length = _FIXED_SIZES[kind]
        else:
            raise ValueError("not a message")
        if position + length > stop:
            raise ValueError("a field is longer than its message")
        yield _Span(field, position, position + length)
        position += length


def _varint(record: bytes, position: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and the position after it."""
    number = 0
    for place in range(_LONGEST_VARINT):
        byte = record[position + place]
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return number, position + place + 1
    raise ValueError("a number is too long")


def _too_large(path: Path, length: int, largest: int) -> OSError:
    what = f"a record has {length / 1e6:,.0f} MB and may have {largest / 1e6:,.0f} MB"
    return OSError(errno.EFBIG, what, str(path))


def _damaged(path: Path, reason: str) -> OSError:
    return OSError(errno.EIO, f"the file is damaged: {reason}", str(path))
