"""The average picture of each class: what all its pictures have in common, often the background."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tlcore.audit.files import Average, read_averages, write_averages
from tlcore.data.batches import read_batches
from tlcore.data.dataset import Dataset
from tlcore.progress import Reporter, Stopped
from tlcore.workspace import Limits

TASK: Final = "Averaging the pictures of each class"

SIDE: Final = 128
"""Of an average picture, in pixels."""

_ALL_CLASSES: Final = 2000  # pictures; the average of more looks the same
_LEAST: Final = 20
_MOST: Final = 200
_BATCH: Final = 16


def draw_averages(dataset: Dataset, folder: Path, limits: Limits, reporter: Reporter) -> None:
    """Makes the average picture of every class whose pictures have changed since, of at most 200 of them.

    Args:
        dataset: The pictures.
        folder: Where averages are kept.
        limits: Of decoding.
        reporter: Told how many classes are done, and asked whether to stop.

    Raises:
        PictureError: A stored picture is gone or damaged.
        OSError: The disk is full or can't be written.
        Stopped: Somebody asked to stop; the averages are then as they were.
    """
    names = dataset.info.class_names
    most = int(np.clip(_ALL_CLASSES // max(len(names), 1), _LEAST, _MOST))
    known = read_averages(folder)
    averages = {}
    for label, name in enumerate(names):
        if reporter.stop_requested():
            raise Stopped
        # By hash: the same pictures on every machine, whatever order they came in, and no pattern of their names.
        rows = sorted(np.flatnonzero(dataset.labels == label).tolist(), key=lambda row: dataset.hashes[row])[:most]
        if not rows:
            continue
        content = hashlib.sha256("\n".join(dataset.hashes[row] for row in rows).encode()).hexdigest()
        kept = known.get(name)
        if kept is not None and kept.content == content:
            averages[name] = kept
            continue
        averages[name] = Average(_average(dataset, np.array(rows, dtype=np.int64), limits), content)
        reporter.progress(TASK, label + 1, len(names))
    if averages != known:
        write_averages(folder, averages)


def _average(dataset: Dataset, rows: NDArray[np.int64], limits: Limits) -> bytes:
    total = np.zeros((SIDE, SIDE, 3), dtype=np.float64)
    for batch in read_batches(dataset, rows, SIDE, _BATCH, limits):
        total += batch.sum(axis=0, dtype=np.float64)
    file = BytesIO()
    Image.fromarray(np.rint(total / len(rows)).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()
