"""Small copies of pictures, decoded in the guarded helper and kept: a stamp never needs the whole photo."""

from __future__ import annotations

import streamlit as st

from pages.widgets.shell import workspace
from tlcore.data.catalog import open_dataset
from tlcore.data.dataset import Dataset, DatasetInfo
from tlcore.data.thumbnails import thumbnail
from tlcore.errors import PictureError
from tlcore.images.guard import GuardedDecoder
from tlcore.workspace import Limits

_KEPT_BYTES = "48mb"
_KEPT_COPIES = 4000


def decoder() -> GuardedDecoder:
    """The app's one decoding process, kept warm."""
    return _decoder(workspace().limits)


@st.cache_resource(max_entries=1, show_spinner=False, on_release=GuardedDecoder.close)
def _decoder(limits: Limits) -> GuardedDecoder:
    return GuardedDecoder(limits)


def prepared_dataset(info: DatasetInfo) -> Dataset:
    """The pictures of a prepared dataset, opened once.

    Raises:
        DatasetError: It is not prepared, or damaged.
    """
    return _open(str(workspace().root), info.id, info.fingerprint)


@st.cache_resource(max_entries=3, show_spinner=False)
def _open(home: str, dataset_id: str, fingerprint: str) -> Dataset:  # noqa: ARG001 - a replaced dataset is opened anew
    return open_dataset(workspace(), dataset_id)


def picture_thumbnail(dataset: Dataset, index: int, side: int) -> bytes | None:
    """A small copy of one of a dataset's pictures as WebP; None when the stored file can't be read any more.

    Args:
        dataset: Where the picture is.
        index: Which.
        side: The longer side on the page, in pixels; the copy has twice that, for dense screens.
    """
    try:
        return _small_copy(dataset.hashes[index], 2 * side, dataset, index)
    except PictureError:
        return None


@st.cache_data(max_entries=_KEPT_COPIES, max_size=_KEPT_BYTES, show_spinner=False)
def _small_copy(digest: str, side: int, _dataset: Dataset, _index: int) -> bytes:  # noqa: ARG001 - the key is the hash
    return thumbnail(_dataset.read(_index), side, decoder())


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
