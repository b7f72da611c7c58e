"""How pictures look from afar, kept beside the pictures that came together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tlcore.data.alike import LOOK_BYTES
from tlcore.data.index import unreadable
from tlcore.errors import DatasetError
from tlcore.files import write_bytes

_NAME: Final = "looks.parquet"


def write_looks(batch: Path, looks: Mapping[str, bytes]) -> None:
    """Keeps the looks of a batch of pictures.

    Args:
        batch: The batch's folder.
        looks: By the hash of the picture's bytes; 264 bytes each.

    Raises:
        OSError: The disk is full or can't be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {"sha256": pa.array(list(looks), pa.string()), "look": pa.array(list(looks.values()), pa.binary(LOOK_BYTES))}
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    write_bytes(batch / _NAME, sink.getvalue().to_pybytes())


def read_looks(pictures: Path, hashes: Sequence[str]) -> NDArray[np.uint8]:
    """The looks of pictures, whichever batch they came with.

    Args:
        pictures: The dataset's folder of pictures.
        hashes: Of the pictures' bytes.

    Returns:
        uint8, shape (n, 264); zeros where a look is not known.

    Raises:
        DatasetError: A file of looks is damaged.
    """
    import pyarrow.parquet as pq

    known: dict[str, bytes] = {}
    for path in sorted(pictures.glob(f"*/{_NAME}")):
        try:
            table = pq.read_table(path, use_threads=False)
            known.update(zip(table["sha256"].to_pylist(), table["look"].to_pylist(), strict=True))
        except unreadable() as error:
            raise DatasetError(
                "What is known of how this dataset's pictures look is damaged",
                value=path.parents[2].name,
                hint="Delete the dataset and import it again.",
            ) from error
    unknown = bytes(LOOK_BYTES)
    data = b"".join(known.get(digest, unknown) for digest in hashes)
    return np.frombuffer(data, dtype=np.uint8).reshape(len(hashes), LOOK_BYTES)
