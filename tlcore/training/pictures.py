"""The pictures of a run as one array, so that each file is decoded once however many epochs follow."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tlcore.data.batches import read_batches
from tlcore.data.dataset import Dataset
from tlcore.errors import WorkspaceError
from tlcore.progress import Reporter, Stopped
from tlcore.workspace import Limits

BATCH = 32


def told_batches(
    batches: Iterable[NDArray[np.uint8]], task: str, total: int, reporter: Reporter
) -> Iterator[NDArray[np.uint8]]:
    """The same batches, with progress told and stops heeded.

    Args:
        batches: Pictures, shape (n, …).
        task: What is being done, in words.
        total: Number of pictures in all.
        reporter: Who is told.

    Raises:
        Stopped: Somebody asked to stop.
    """
    done = 0
    reporter.progress(task, 0, total)
    for batch in batches:
        if reporter.stop_requested():
            raise Stopped
        yield batch
        done += len(batch)
        reporter.progress(task, done, total)


def decode_to_file(
    dataset: Dataset,
    indices: NDArray[np.int64],
    size: int,
    path: Path,
    limits: Limits,
    reporter: Reporter,
) -> NDArray[np.uint8]:
    """Decodes pictures into a memory-mapped file: it may be larger than memory, the kernel drops what is not in use.

    Args:
        dataset: Where the pictures are.
        indices: Which of them, shape (n,).
        size: Side in pixels.
        path: The `.npy` file to write; its caller removes what is left of it.
        limits: Of decoding.
        reporter: Who is told.

    Returns:
        uint8, shape (n, size, size, 3), read-only.

    Raises:
        WorkspaceError: The disk is full.
        Stopped: Somebody asked to stop.
    """
    shape = (len(indices), size, size, 3)
    if not len(indices):
        return np.empty(shape, dtype=np.uint8)
    try:
        reserve(path, int(np.prod(shape)))
        pictures: NDArray[np.uint8] = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
        claim(path)
    except OSError as error:
        raise WorkspaceError(
            f"The decoded pictures can't be written: {error.strerror}",
            value=f"{int(np.prod(shape)) / 1e6:.0f} MB",
            hint="Free some disk space, or choose a smaller image size or a smaller share of the pictures.",
        ) from error
    done = 0
    batches = read_batches(dataset, indices, size, BATCH, limits)
    for batch in told_batches(batches, "Reading pictures", len(indices), reporter):
        pictures[done : done + len(batch)] = batch
        done += len(batch)
    pictures.flags.writeable = False
    return pictures


def reserve(path: Path, size: int) -> None:
    """Makes sure that the disk has room for `size` more bytes at `path`: writing past a full disk through a mapping
    would kill the process with SIGBUS instead of raising.

    Raises:
        OSError: There is no room.
    """
    if shutil.disk_usage(path.parent).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def claim(path: Path) -> None:
    """Takes a mapped file's room on the disk before others do, and removes its name where the system can.

    A file without a name lives as long as its mapping: the room is free again however the process ends, killed too.

    Raises:
        OSError: There is no room after all.
    """
    if hasattr(os, "posix_fallocate"):  # not on macOS and Windows
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    if os.name == "posix":
        path.unlink()
