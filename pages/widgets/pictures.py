"""Small copies of pictures, decoded in the guarded helper and kept on disk: a stamp never needs the whole photo."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import streamlit as st

from pages.widgets.shell import workspace
from tlcore.data.catalog import open_dataset
from tlcore.data.dataset import Dataset, DatasetInfo
from tlcore.data.stored import StoredDataset
from tlcore.data.thumbnail_store import ThumbnailStore, forget_copies, store_path
from tlcore.data.thumbnails import thumbnail
from tlcore.errors import PictureError
from tlcore.images.guard import GuardedDecoder
from tlcore.workspace import Limits

SIDE: Final = 160
"""Of the small copies in grids, in pixels: sharp enough for stamps of 100 on dense screens, and 3 kB each."""


def decoder() -> GuardedDecoder:
    """The app's one decoding process, kept warm."""
    return _decoder(workspace().limits)


@st.cache_resource(max_entries=1, show_spinner=False, on_release=GuardedDecoder.close)
def _decoder(limits: Limits) -> GuardedDecoder:
    return GuardedDecoder(limits)


def _store() -> ThumbnailStore:
    return _open_store(store_path(workspace()))


# An open file for each of the people who look at pictures now.
@st.cache_resource(max_entries=32, show_spinner=False, on_release=ThumbnailStore.close)
def _open_store(path: Path) -> ThumbnailStore:
    return ThumbnailStore(path)


def prepared_dataset(info: DatasetInfo) -> StoredDataset:
    """The pictures of a prepared dataset that are in, opened once.

    Raises:
        DatasetError: It is not prepared, or damaged.
    """
    return _open(str(workspace().root), info.id, info.version, info.fingerprint, with_excluded=False)


def whole_dataset(info: DatasetInfo) -> StoredDataset:
    """The same with the pictures that somebody left out, in their old places.

    Raises:
        DatasetError: It is not prepared, or damaged.
    """
    return _open(str(workspace().root), info.id, info.version, info.fingerprint, with_excluded=True)


# A dataset that was changed or replaced has another version or fingerprint, and is opened anew.
@st.cache_resource(max_entries=16, show_spinner=False)
def _open(home: str, dataset_id: str, version: int, fingerprint: str, *, with_excluded: bool) -> StoredDataset:  # noqa: ARG001
    return open_dataset(workspace(), dataset_id, with_excluded)


@dataclass(frozen=True)
class SmallCopies:
    """Small copies of some pictures.

    Attributes:
        found: Encoded WebP by index in the dataset; None for a picture that can't be read any more.
        missing: Indices for which there was no time.
    """

    found: Mapping[int, bytes | None]
    missing: tuple[int, ...] = ()


def small_copies(dataset: Dataset, indices: Sequence[int], side: int, seconds: float | None = None) -> SmallCopies:
    """Small copies of some of a dataset's pictures: kept ones at once, others as long as there is time.

    Args:
        dataset: Where the pictures are.
        indices: Which.
        side: The longer side of the copies, in pixels.
        seconds: Time for making copies that are not kept yet; at least one is made. None makes all.
    """
    ends = None if seconds is None else time.monotonic() + seconds
    kept = _store().get([dataset.hashes[index] for index in indices], side)
    found: dict[int, bytes | None] = {}
    made: dict[str, bytes] = {}
    missing: list[int] = []
    attempts = 0
    for index in indices:
        digest = dataset.hashes[index]
        if copy := kept.get(digest) or made.get(digest):
            found[index] = copy
        elif attempts and ends is not None and time.monotonic() > ends:
            missing.append(index)
        else:
            attempts += 1
            found[index] = _made(dataset, index, side)
            if (fresh := found[index]) is not None:
                made[digest] = fresh
    _store().put(made, side)
    return SmallCopies(found, tuple(missing))


def _made(dataset: Dataset, index: int, side: int) -> bytes | None:
    try:
        return thumbnail(dataset.read(index), side, decoder())
    except PictureError:
        return None


@contextmanager
def copies_forgotten(dataset_id: str) -> Iterator[None]:
    """Removes the small copies of those pictures that the block deletes from a dataset.

    Raises:
        DatasetError: There is no such dataset, or it is damaged.
    """
    before = open_dataset(workspace(), dataset_id, with_excluded=True).hashes
    yield
    after = open_dataset(workspace(), dataset_id, with_excluded=True).hashes
    forget_copies(workspace(), set(before) - set(after))


def upload_thumbnail(data: bytes, side: int) -> bytes | None:
    """A small copy of a picture that was just uploaded, as WebP; None when it can't be read. It is not kept here.

    Args:
        data: The encoded picture.
        side: Its longer side, in pixels.
    """
    try:
        return thumbnail(data, side, decoder())
    except PictureError:
        return None
