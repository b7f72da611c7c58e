"""The index of a dataset: a row a picture, kept as one parquet file a version.

PyArrow is loaded when an index is read or written: it takes a tenth of a second, and the app's first page does neither.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from tlcore.data.dataset import PARTS, Part
from tlcore.data.places import Place
from tlcore.files import write_bytes

_COLUMNS: Final = {
    "key": "string",
    "label": "int32",
    "part": "string",
    "sha256": "string",
    "width": "int32",
    "height": "int32",
    "file": "string",
    "record": "int64",
    "offset": "int64",
    "length": "int64",
    "group": "int32",
    "excluded": "string",
}
_DEFAULTS: Final[dict[str, Any]] = {"record": -1, "offset": 0, "length": -1, "group": -1, "excluded": None}
"""What an index lacks that an older version of the program wrote."""


@dataclass(frozen=True)
class Row:
    """One picture of a dataset.

    Attributes:
        key: Its name, unique in the dataset; never changes.
        label: Index of its class.
        part: The part its source put it in.
        sha256: Of its bytes, hexadecimal.
        width: In pixels, upright.
        height: In pixels, upright.
        place: Where its bytes lie.
        group: Pictures with the same number are copies or near-copies of each other.
        excluded: Why it is left out, in plain words; None while it is in.
    """

    key: str
    label: int
    part: Part | None
    sha256: str
    width: int
    height: int
    place: Place
    group: int = -1
    excluded: str | None = None


@cache
def _schema() -> Any:
    import pyarrow as pa

    return pa.schema([(name, getattr(pa, kind)()) for name, kind in _COLUMNS.items()])


def unreadable() -> tuple[type[Exception], ...]:
    """What reading a table raises that is missing, damaged or not ours."""
    import pyarrow as pa

    return OSError, KeyError, pa.ArrowException


def write_index(path: Path, rows: Sequence[Row]) -> None:
    """Writes an index, atomically.

    Raises:
        OSError: The disk is full or can't be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, list[Any]] = {
        name: [getattr(row.place if name in Place.__dataclass_fields__ else row, name) for row in rows]
        for name in _COLUMNS
    }
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns, schema=_schema()), sink, compression="zstd")
    write_bytes(path, sink.getvalue().to_pybytes())


def read_table(path: Path) -> Any:
    """An index as a table with every column, in file order.

    Raises:
        OSError, pyarrow.ArrowException: There is none, or it is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path, use_threads=False)
    for name, value in _DEFAULTS.items():
        if name not in table.column_names:
            table = table.append_column(name, pa.array([value] * len(table), type=_schema().field(name).type))
    return table.select(list(_COLUMNS)).cast(_schema())


def rows_of(table: Any) -> list[Row]:
    """The rows of a table that `read_table` read."""
    return [
        Row(
            values["key"],
            values["label"],
            cast("Part | None", values["part"]),
            values["sha256"],
            values["width"],
            values["height"],
            Place(values["file"], values["record"], values["offset"], values["length"]),
            values["group"],
            values["excluded"],
        )
        for values in table.to_pylist()
    ]


@dataclass(frozen=True)
class Summary:
    """What the rows tell of a dataset; of the pictures that are in."""

    counts: dict[str, int]
    parts: dict[Part, int]
    duplicates: int
    excluded: int
    fingerprint: str


def summarise(class_names: Sequence[str], rows: Iterable[Row]) -> Summary:
    """Counts and fingerprint of a dataset with these rows."""
    every = list(rows)
    included = [row for row in every if row.excluded is None]
    counts = dict.fromkeys(class_names, 0)
    for row in included:
        counts[class_names[row.label]] += 1
    found = [row.part for row in included]
    return Summary(
        counts=counts,
        parts={part: found.count(part) for part in PARTS if part in found},
        duplicates=len(included) - len({row.sha256 for row in included}),
        excluded=len(every) - len(included),
        fingerprint=_fingerprint(class_names, included),
    )


def _fingerprint(class_names: Sequence[str], rows: Sequence[Row]) -> str:
    """Changes with the pictures, their order, labels and parts, and with what is kept together."""
    digest = hashlib.sha256("\0".join(class_names).encode())
    together: dict[int, set[str]] = {}
    for row in rows:
        together.setdefault(row.group, set()).add(row.sha256)
    for row in rows:
        digest.update(f"\n{row.sha256} {row.label} {row.part or '-'}".encode())
        alike = together[row.group]
        if row.group >= 0 and len(alike) > 1:
            digest.update(f" {min(alike)}".encode())
    return digest.hexdigest()
