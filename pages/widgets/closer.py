"""One picture, large, with everything that is known of it."""

from __future__ import annotations

from typing import Final

import streamlit as st

from pages.widgets.pictures import small_copies
from pages.widgets.shell import plain_text
from tlcore.data.stored import StoredDataset

_SIDE: Final = 900


def closer_key(dataset_id: str) -> str:
    """Where the key of the picture lies that somebody wants to look at."""
    return f"gallery-closer-{dataset_id}"


def look_closer(dataset: StoredDataset) -> None:
    """Opens the picture that somebody asked to look at, once."""
    key = st.session_state.pop(closer_key(dataset.info.id), None)
    index = None if key is None else dataset.index_of(key)
    if index is not None:
        show_closer(dataset, index)


@st.dialog("A closer look", width="large", icon=":material/zoom_in:")
def show_closer(dataset: StoredDataset, index: int) -> None:
    """The picture and its facts."""
    data = small_copies(dataset, [index], _SIDE).found[index]
    name = dataset.info.class_names[dataset.labels[index]]
    if data is None:
        st.warning("The stored file can't be read any more.", icon=":material/broken_image:")
    else:
        st.image(data, alt=f"Picture of class {name}")
    facts = {
        "Class": name,
        "File": dataset.keys[index],
        "Size": f"{dataset.widths[index]} × {dataset.heights[index]} pixels",
        "Part": dataset.parts[index] or "",
        "Left out": dataset.exclusions[index] or "",
    }
    for title, value in facts.items():
        if value:
            st.markdown(f"**{title}**  \n{plain_text(value)}")
