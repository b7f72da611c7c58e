"""Choosing pictures: one's own, samples and the catalogue; bringing new ones in; and looking at the chosen ones."""

from __future__ import annotations

import streamlit as st

from pages.widgets.address import open_view, settle_address
from pages.widgets.arrivals import is_arriving, show_arrivals
from pages.widgets.catalogue import division_button, entry_to_prepare, show_entry
from pages.widgets.dataset_list import choose
from pages.widgets.dataset_view import show_dataset_view
from pages.widgets.growing import can_grow, grow_button, grow_panel
from pages.widgets.importing import import_panel, waiting_note
from pages.widgets.sharing import share_button, shared_list
from pages.widgets.shell import guarded, page_header, show_error, workspace
from tlcore.data.catalog import find_dataset
from tlcore.data.dataset import DatasetInfo
from tlcore.errors import StudioError


def show_page() -> None:
    """The lists on the left; on the right what was chosen, or a way to bring in more."""
    page_header("Data", "Choose the pictures that the model learns from, and have a look at them.")
    settle_address()
    show_arrivals()
    left, right = st.columns([3, 5], gap="large")
    chosen: str | None = None
    with left, guarded():
        chosen = choose()
        shared_list("dataset")
    with right, guarded():
        show_chosen(chosen)


def show_chosen(chosen: str | None) -> None:
    """A way in, a dataset of the catalogue that is not here yet, or a dataset with its ways to grow."""
    if chosen is None or "new" in st.query_params:
        show_ways_in()
        return
    try:
        entry = entry_to_prepare(chosen)
        if entry is not None:
            show_entry(entry)
            return
        info = find_dataset(workspace(), chosen)
    except StudioError as error:
        show_error(error)
        st.button("Show the samples", on_click=open_view, kwargs={"source": "samples"}, key="data-first")
        return
    if can_grow(info) and "grow" in st.query_params:
        grow_panel(info)
        return
    show_dataset_view(info, further_ways)


def further_ways(info: DatasetInfo) -> None:
    """What else can be done with a dataset, beside using it."""
    if can_grow(info):
        grow_button(info)
        share_button("dataset", info.id, info.name)
    elif info.source == "tfds":
        division_button(info)


def show_ways_in() -> None:
    """The form, or that its import is at work."""
    if is_arriving():
        waiting_note()
    else:
        import_panel()


show_page()
