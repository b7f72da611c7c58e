"""What the built-in backbone sees in each picture, kept so that no picture is looked at twice.

Pieces of a few thousand pictures are written whole as they get done: a check that was stopped or killed goes on where
it was, and after an edit only new pictures are looked at. A picture is known by the hash of its bytes.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tlcore.audit.backbone import CHANNELS, SIZE, converted_backbone, load_backbone
from tlcore.data.batches import read_batches
from tlcore.data.dataset import Dataset
from tlcore.files import write_bytes
from tlcore.progress import Reporter, Stopped
from tlcore.workspace import Workspace

TASK: Final = "Looking at the pictures"

_BATCH: Final = 32
_PIECE: Final = 2048
_BLOCK: Final = 8  # pixels; the mean of 64 leaves little of a sensor's noise
_PREFIX: Final = "seen-"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seen:
    """What was seen in the pictures of a dataset, in their order.

    Attributes:
        embeddings: float16, shape (n, 1280), each of length 1.
        relief: float32, shape (n,): how far the brightest and the darkest region of a picture are apart, 0..255, in
            the colour channel where they are furthest. Nearly 0 is a blank picture.
        fresh: How many of them had to be looked at.
    """

    embeddings: NDArray[np.float16]
    relief: NDArray[np.float32]
    fresh: int


def look_at_pictures(workspace: Workspace, dataset: Dataset, folder: Path, reporter: Reporter) -> Seen:
    """Embeddings of all pictures of a dataset; only those that were never looked at are decoded.

    Args:
        workspace: Where the converted backbone is kept, and the limits of decoding.
        dataset: The pictures.
        folder: Where embeddings are kept.
        reporter: Told how many pictures are done, and asked whether to stop.

    Raises:
        PictureError: A stored picture is gone or damaged.
        OSError: The disk is full or can't be written.
        Stopped: Somebody asked to stop; whole pieces are kept.
    """
    place = folder / f"{_PREFIX}{converted_backbone(workspace).stem}"
    _forget_other_networks(folder, place.name)
    place.mkdir(parents=True, exist_ok=True)
    rows: dict[str, int] = {}
    for row, digest in enumerate(dataset.hashes):
        rows.setdefault(digest, row)
    embeddings = np.zeros((len(dataset), CHANNELS), dtype=np.float16)
    relief = np.zeros(len(dataset), dtype=np.float32)
    known = np.zeros(len(dataset), dtype=np.bool_)
    for digests, vectors, heights in _read_pieces(place):
        for position, digest in enumerate(digests):
            row = rows.get(digest, -1)
            if row >= 0:
                embeddings[row], relief[row], known[row] = vectors[position], heights[position], True
    wanted = np.array([row for row in rows.values() if not known[row]], dtype=np.int64)
    if len(wanted):
        done = 0
        for vectors, heights in _look(workspace, dataset, wanted, reporter, place):
            part = wanted[done : done + len(vectors)]
            embeddings[part], relief[part] = vectors, heights
            done += len(vectors)
    first = np.array([rows[digest] for digest in dataset.hashes], dtype=np.int64)
    return Seen(embeddings[first], relief[first], len(wanted))


def _look(
    workspace: Workspace, dataset: Dataset, wanted: NDArray[np.int64], reporter: Reporter, place: Path
) -> Iterator[tuple[NDArray[np.float16], NDArray[np.float32]]]:
    """Pieces of new embeddings, each written before it is given."""
    reporter.progress(TASK, 0, len(wanted))
    engine = load_backbone(workspace, reporter)
    total = len(wanted)
    for start in range(0, total, _PIECE):
        piece = wanted[start : start + _PIECE]
        heights: list[NDArray[np.float32]] = []
        vectors: list[NDArray[np.float16]] = []
        batches = read_batches(dataset, piece, SIZE, _BATCH, workspace.limits)
        for (embedding,) in engine.extract(_noting_relief(batches, heights)):
            if reporter.stop_requested():
                raise Stopped
            length = np.linalg.norm(embedding, axis=1, keepdims=True)
            vectors.append((embedding / np.maximum(length, 1e-12)).astype(np.float16))
            reporter.progress(TASK, start + sum(map(len, vectors)), total)
        whole, relief = np.concatenate(vectors), np.concatenate(heights)
        _write_piece(place, [dataset.hashes[index] for index in piece.tolist()], whole, relief)
        yield whole, relief


def _noting_relief(
    batches: Iterable[NDArray[np.uint8]], heights: list[NDArray[np.float32]]
) -> Iterator[NDArray[np.uint8]]:
    for batch in batches:
        heights.append(relief_of(batch))
        yield batch


def relief_of(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How far the brightest and the darkest region are apart, by picture; see `Seen.relief`.

    Args:
        pictures: uint8, shape (n, size, size, 3); the size is a multiple of 8.
    """
    count, side = pictures.shape[:2]
    blocks = side // _BLOCK
    means = pictures.reshape(count, blocks, _BLOCK, blocks, _BLOCK, 3).mean(axis=(2, 4), dtype=np.float32)
    spread: NDArray[np.float32] = (means.max(axis=(1, 2)) - means.min(axis=(1, 2))).max(axis=1)
    return spread


def _write_piece(place: Path, hashes: list[str], embeddings: NDArray[np.float16], relief: NDArray[np.float32]) -> None:
    vectors = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(CHANNELS * 2), len(hashes), [None, pa.py_buffer(np.ascontiguousarray(embeddings))]
    )
    table = pa.table({"sha256": pa.array(hashes, pa.string()), "embedding": vectors, "relief": relief})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    write_bytes(place / f"{uuid4().hex}.arrow", sink.getvalue().to_pybytes())


def _read_pieces(place: Path) -> Iterator[tuple[list[str], NDArray[np.float16], NDArray[np.float32]]]:
    """Hashes, embeddings and relief of each piece. A damaged one is removed: its pictures are looked at again."""
    for path in sorted(place.glob("*.arrow")):
        try:
            with pa.memory_map(str(path)) as source:
                table: Any = pa.ipc.open_file(source).read_all().combine_chunks()
                hashes = table["sha256"].to_pylist()
                column = table["embedding"].combine_chunks()
                vectors = np.frombuffer(column.buffers()[1], dtype=np.float16).reshape(len(hashes), CHANNELS)
                yield hashes, vectors, table["relief"].to_numpy()
        except (OSError, KeyError, ValueError, pa.ArrowException) as error:
            _log.warning("%s can't be read and is made again: %s", path.name, error)
            path.unlink(missing_ok=True)


def _forget_other_networks(folder: Path, keep: str) -> None:
    """Removes what an older version of the backbone saw: it can't be compared with the new."""
    for path in folder.glob(f"{_PREFIX}*"):
        if path.name != keep:
            shutil.rmtree(path, ignore_errors=True)
