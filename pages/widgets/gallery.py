"""A dataset's pictures by class, a page of them at a time."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.widgets.pictures import picture_thumbnail, prepared_dataset
from pages.widgets.shell import plain_text
from tlcore.data.dataset import Dataset, DatasetInfo

PAGE = 40
_SIDE = 100
_ALL = -1


def gallery(info: DatasetInfo) -> None:
    """Draws the gallery of a prepared dataset.

    Raises:
        DatasetError: It is not prepared, or damaged.
    """
    dataset = prepared_dataset(info)
    counts = info.counts or {}
    labels = {_ALL: f"All classes ({len(dataset):,} pictures)"} | {
        index: f"{name} ({counts.get(name, 0):,})" for index, name in enumerate(info.class_names)
    }
    chosen = st.selectbox(
        "Class", list(labels), format_func=labels.__getitem__, key=f"gallery-class-{info.id}", help="Shows one class."
    )
    indices = _pictures_of(dataset, chosen)
    pages = -(-len(indices) // PAGE)
    page = 1
    if pages > 1:
        page = st.pagination(pages, key=f"gallery-page-{info.id}-{chosen}")
    with st.container(horizontal=True, gap="small"):
        for index in indices[(page - 1) * PAGE : page * PAGE]:
            _stamp(dataset, int(index), info.class_names[dataset.labels[index]])


def _pictures_of(dataset: Dataset, label: int) -> np.ndarray:
    """Indices of one class in order; of all classes in turn, so that the first page shows some of each."""
    if label != _ALL:
        return np.flatnonzero(dataset.labels == label)
    order = np.argsort(dataset.labels, kind="stable")
    labels = dataset.labels[order]
    starts = np.searchsorted(labels, labels)
    return order[np.argsort(np.arange(len(order)) - starts, kind="stable")]


def _stamp(dataset: Dataset, index: int, name: str) -> None:
    with st.container(width=_SIDE, gap=None):
        data = picture_thumbnail(dataset, index, _SIDE)
        if data is None:
            st.caption("This picture can't be read any more.")
        else:
            st.image(data, width=_SIDE, caption=plain_text(name), alt=f"Picture of class {name}")
