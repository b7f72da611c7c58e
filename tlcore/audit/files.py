"""Where a check keeps its results: beside the dataset, so that they go when it goes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import ValidationError

from tlcore.audit.record import Audit
from tlcore.data.stored import dataset_folder
from tlcore.files import read_json, write_bytes, write_json
from tlcore.workspace import Workspace

_AUDIT: Final = "audit.json"
_MAP: Final = "map.parquet"
_AVERAGES: Final = "averages.parquet"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Map:
    """The pictures as points in a plane: what the built-in backbone finds alike lies close together.

    Attributes:
        keys: Of the pictures; of a large dataset not all of them are on the map.
        x: float32, shape (n,), 0..1.
        y: float32, shape (n,), 0..1.
    """

    keys: tuple[str, ...]
    x: NDArray[np.float32]
    y: NDArray[np.float32]


@dataclass(frozen=True)
class Average:
    """The average picture of a class.

    Attributes:
        png: The picture.
        content: Tells which pictures it was made of.
    """

    png: bytes
    content: str


def audit_folder(workspace: Workspace, dataset_id: str) -> Path:
    """Where the results of a dataset's check lie."""
    return dataset_folder(workspace, dataset_id) / "audit"


def read_audit(workspace: Workspace, dataset_id: str) -> Audit | None:
    """The last check of a dataset; None when it was never checked, or what was kept of it can't be read.

    Its `fingerprint` tells whether the dataset has changed since.
    """
    path = audit_folder(workspace, dataset_id) / _AUDIT
    try:
        return Audit.model_validate(read_json(path))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ValidationError) as error:
        _log.warning("The check of %s can't be read, it has to be made again: %s", dataset_id, error)
        return None


def write_audit(folder: Path, audit: Audit) -> None:
    """Keeps a check; it is what makes its result known, so it is written last.

    Raises:
        OSError: The disk is full or can't be written.
    """
    write_json(folder / _AUDIT, audit.model_dump(mode="json"))


def read_map(workspace: Workspace, dataset_id: str) -> Map | None:
    """The map of a dataset's pictures, or None when there is none yet. Some of the pictures may be gone since."""
    table = _read_table(audit_folder(workspace, dataset_id) / _MAP)
    if table is None:
        return None
    return Map(tuple(table["key"].to_pylist()), table["x"].to_numpy(), table["y"].to_numpy())


def map_content(folder: Path) -> str:
    """Tells which pictures the kept map shows; "" when there is none."""
    table = _read_table(folder / _MAP)
    return "" if table is None else (table.schema.metadata or {}).get(b"content", b"").decode()


def write_map(folder: Path, drawn: Map, content: str) -> None:
    """Keeps a map.

    Raises:
        OSError: The disk is full or can't be written.
    """
    table = pa.table({"key": pa.array(drawn.keys, pa.string()), "x": drawn.x, "y": drawn.y})
    _write_table(folder / _MAP, table.replace_schema_metadata({"content": content}))


def read_average(workspace: Workspace, dataset_id: str, class_name: str) -> bytes | None:
    """The average picture of a class as PNG, or None when there is none yet."""
    average = read_averages(audit_folder(workspace, dataset_id)).get(class_name)
    return None if average is None else average.png


def read_averages(folder: Path) -> dict[str, Average]:
    """All average pictures by class."""
    table = _read_table(folder / _AVERAGES)
    if table is None:
        return {}
    return {row["class"]: Average(row["png"], row["content"]) for row in table.to_pylist()}


def write_averages(folder: Path, averages: Mapping[str, Average]) -> None:
    """Keeps average pictures.

    Raises:
        OSError: The disk is full or can't be written.
    """
    rows = [{"class": name, "png": one.png, "content": one.content} for name, one in averages.items()]
    schema = pa.schema([("class", pa.string()), ("png", pa.binary()), ("content", pa.string())])
    _write_table(folder / _AVERAGES, pa.Table.from_pylist(rows, schema=schema))


def _read_table(path: Path) -> Any | None:
    try:
        return pq.read_table(path, use_threads=False)
    except FileNotFoundError:
        return None
    except (OSError, pa.ArrowException) as error:
        _log.warning("%s can't be read and is made again: %s", path.name, error)
        return None


def _write_table(path: Path, table: Any) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    write_bytes(path, sink.getvalue().to_pybytes())
