"""Which pairs of pictures were laid over each other, and what came of it: no pair is compared twice."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tlcore.files import write_bytes

_NAME: Final = "verdicts.parquet"
_MOST: Final = 20_000

_log = logging.getLogger(__name__)


class Verdicts:
    """Kept beside the dataset, by the hashes of the two pictures.

    Args:
        folder: Where the results of the check lie.
        method: Tells how pairs are compared; verdicts of another method are forgotten.
    """

    def __init__(self, folder: Path, method: str) -> None:
        self._path = folder / _NAME
        self._method = method
        self._same: dict[tuple[str, str], bool] = {}
        self._changed = False
        table = self._read()
        if table is not None and (table.schema.metadata or {}).get(b"method", b"").decode() == method:
            pairs = zip(table["one"].to_pylist(), table["other"].to_pylist(), strict=True)
            self._same = dict(zip(pairs, table["same"].to_pylist(), strict=True))

    def _read(self) -> Any | None:
        try:
            return pq.read_table(self._path, use_threads=False)
        except FileNotFoundError:
            return None
        except (OSError, pa.ArrowException) as error:
            _log.warning("%s can't be read, pairs are compared again: %s", self._path.name, error)
            return None

    def get(self, one: str, other: str) -> bool | None:
        """Whether the two show the same picture; None when they were never compared."""
        return self._same.get((min(one, other), max(one, other)))

    def note(self, one: str, other: str, same: bool) -> None:
        """Remembers what a comparison told."""
        self._same[min(one, other), max(one, other)] = same
        self._changed = True

    def keep(self) -> None:
        """Writes what was noted; the newest where there is too much.

        Raises:
            OSError: The disk is full or can't be written.
        """
        if not self._changed:
            return
        kept = list(self._same.items())[-_MOST:]
        columns = {
            "one": [pair[0] for pair, _ in kept],
            "other": [pair[1] for pair, _ in kept],
            "same": [same for _, same in kept],
        }
        table = pa.table(columns).replace_schema_metadata({"method": self._method})
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        write_bytes(self._path, sink.getvalue().to_pybytes())
        self._changed = False
