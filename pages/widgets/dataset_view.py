"""One dataset: what it is, the way on, and everything that can be seen and done, in tabs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from uuid import uuid4

import streamlit as st

from pages.widgets.check import show_check
from pages.widgets.dataset_about import show_about, show_refusal
from pages.widgets.dataset_balance import show_balance
from pages.widgets.dataset_edit import show_edit
from pages.widgets.dataset_map import show_map
from pages.widgets.dataset_shape import show_shape
from pages.widgets.gallery import gallery
from pages.widgets.jobs import watch_job
from pages.widgets.shell import guarded, plain_text, show_error, use_dataset, workspace
from pages.widgets.tabs import Tab, dataset_tabs
from pages.widgets.undo import show_change
from tlcore.data.catalog import is_prepared
from tlcore.data.dataset import DatasetInfo
from tlcore.jobs.service import read_error, submit
from tlcore.runs.registry import Registry
from tlcore.runs.states import State

_MOST_TAGS: Final = 12
_SOURCES: Final = {"sample": "Sample", "own": "Your pictures", "tfds": "TensorFlow Datasets"}


def show_dataset_view(info: DatasetInfo, further_ways: Callable[[DatasetInfo], None] | None = None) -> None:
    """Draws the dataset.

    Args:
        info: What is known of it now.
        further_ways: Draws buttons beside the one that uses it.
    """
    show_refusal()
    st.subheader(plain_text(info.name), anchor=False)
    st.markdown(in_one_line(info))
    with st.container(horizontal=True):
        used = st.button(
            "Use this dataset",
            type="primary",
            icon=":material/arrow_forward:",
            key="data-use",
            help="Goes on to the Model page with these pictures.",
        )
        if further_ways is not None:
            further_ways(info)
    if used:
        use_dataset(info.id)
        st.switch_page("pages/model.py")
    show_change(info.id)
    for tab, place in dataset_tabs().items():
        with place, guarded():
            _show_tab(tab, info)


def in_one_line(info: DatasetInfo) -> str:
    """Source, pictures and classes, as Markdown."""
    pictures = "not counted yet" if info.pictures is None else _counted(info.pictures, "picture", "pictures")
    text = f"{_SOURCES[info.source]}, {pictures}"
    if info.excluded:
        text += f" in use, {info.excluded:,} left out"
    if not info.class_names:
        return f"{text}, no classes yet."
    names = [plain_text(name) for name in info.class_names[:_MOST_TAGS]]
    more = f" and {len(info.class_names) - _MOST_TAGS:,} more" if len(info.class_names) > _MOST_TAGS else ""
    return f"{text}, {_counted(len(info.class_names), 'class', 'classes')}: {', '.join(names)}{more}."


def _counted(count: int, one: str, many: str) -> str:
    return f"1 {one}" if count == 1 else f"{count:,} {many}"


def _show_tab(tab: Tab, info: DatasetInfo) -> None:
    if tab is Tab.ABOUT:
        show_about(info)
        return
    if tab is Tab.BALANCE and info.counts is not None:
        show_balance(info)
        return
    if not is_prepared(workspace(), info.id):
        _unprepared(info)
        return
    shows: dict[Tab, Callable[[DatasetInfo], None]] = {
        Tab.GALLERY: lambda shown: gallery(shown.id, shown.version),
        Tab.BALANCE: show_balance,
        Tab.SHAPE: show_shape,
        Tab.MAP: show_map,
        Tab.CHECK: show_check,
        Tab.EDIT: show_edit,
    }
    shows[tab](info)


def _unprepared(info: DatasetInfo) -> None:
    """The button that makes a sample's pictures, or reads in a dataset that lies ready elsewhere."""
    jobs = [record for record in Registry(workspace()).list("prepare") if record.dataset == info.id]
    if jobs and not watch_job(jobs[0].id).state.ended:
        st.caption("It goes on by itself; you may leave this page.")
        return
    if jobs and jobs[0].state is State.FAILED:
        show_error(read_error(workspace(), jobs[0].id))
    st.info(
        "The pictures of this sample come with the program and are made when they are first needed: here, or when "
        "a training starts. It takes a few seconds and no network."
        if info.source == "sample"
        else "These pictures are on this machine and have to be read in once before they can be shown. Nothing is "
        "copied.",
        icon=":material/photo_library:",
    )
    press = uuid4().hex
    st.button(
        "Show the pictures", icon=":material/imagesmode:", key="data-prepare", on_click=_prepare, args=(info, press)
    )


def _prepare(info: DatasetInfo, press: str) -> None:
    """Queues it; `press` is one button as it was drawn, however often that is pressed."""
    with guarded():
        payload = {"dataset": info.id, "audit": True}
        submit(workspace(), "prepare", payload, f"Making {info.name}", dataset=info.id, token=press)
