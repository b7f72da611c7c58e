"""How large the pictures of a dataset are, and what the average one of each class looks like."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import streamlit as st

from pages.widgets.charts import show_chart
from pages.widgets.pictures import whole_dataset
from pages.widgets.shell import plain_text, workspace
from tlcore.audit.files import audit_folder, read_averages
from tlcore.data.dataset import DatasetInfo
from tlcore.data.stored import StoredDataset
from tlcore.plots.shapes import aspects_figure, sizes_figure

_MODEL_SIDE: Final = 224
_AVERAGE_SIDE: Final = 128
_AVERAGES_A_PAGE: Final = 24
_EXTREME: Final = 3.0


def show_shape(info: DatasetInfo) -> None:
    """Sizes, aspects and averages of a prepared dataset's pictures in use."""
    dataset = whole_dataset(info)
    used = np.fromiter((reason is None for reason in dataset.exclusions), bool, len(dataset))
    widths, heights = dataset.widths[used], dataset.heights[used]
    if not len(widths):
        st.info("There are no pictures yet.", icon=":material/aspect_ratio:")
        return
    st.markdown(sizes_in_words(widths, heights))
    table = pd.DataFrame({"picture": np.array(dataset.keys)[used], "width": widths, "height": heights})
    st.markdown("**Size**")
    show_chart(
        sizes_figure(widths.tolist(), heights.tolist(), _MODEL_SIDE),
        table,
        key="data-sizes",
        file_name="sizes.csv",
        alt="Circles at the widths and heights of the pictures, larger where many pictures have them",
    )
    st.caption(f"Dotted: {_MODEL_SIDE} pixels, what the recommended model reads. Smaller pictures are enlarged.")
    st.markdown("**Proportions**")
    show_chart(
        aspects_figure(np.log2(widths / heights).tolist()),
        table.assign(width_by_height=np.round(widths / heights, 4)),
        key="data-aspects",
        file_name="proportions.csv",
        alt="Bars of how many pictures are upright, square and broad",
    )
    st.caption("Every picture is stretched to a square before the model sees it.")
    _averages(info, dataset)


def sizes_in_words(widths: np.ndarray, heights: np.ndarray) -> str:
    """The usual size, and how many are small or far from square."""
    width, height = int(np.median(widths)), int(np.median(heights))
    small = int((np.maximum(widths, heights) < _MODEL_SIDE).sum())
    ratio = np.maximum(widths / heights, heights / widths)
    extreme = int((ratio > _EXTREME).sum())
    text = f"A usual picture has {width:,} × {height:,} pixels."
    if small:
        every = "All" if small == len(widths) else f"{small:,}"
        text += f" {every} are smaller than what the model reads and get enlarged: fine details stay missing."
    if extreme:
        text += f" {extreme:,} are more than three times as long as wide; stretching distorts them much."
    return text


def _averages(info: DatasetInfo, dataset: StoredDataset) -> None:
    st.markdown("**The average picture of each class**")
    averages = read_averages(audit_folder(workspace(), info.id))
    names = [name for name in dataset.info.class_names if name in averages]
    if not names:
        st.caption("It is made together with the check of the dataset: tab Check.")
        return
    st.caption(
        "All pictures of a class laid over each other. Where averages show a clear shape or ground, that is what the "
        "pictures of the class have in common, whether you meant it or not."
    )
    pages = -(-len(names) // _AVERAGES_A_PAGE)
    page = st.pagination(pages, key=f"averages-{info.id}") if pages > 1 else 1
    with st.container(horizontal=True, gap="small"):
        for name in names[(page - 1) * _AVERAGES_A_PAGE : page * _AVERAGES_A_PAGE]:
            with st.container(width=_AVERAGE_SIDE, gap=None):
                st.image(
                    averages[name].png,
                    width=_AVERAGE_SIDE,
                    caption=plain_text(name),
                    alt=f"Average picture of class {name}",
                )
