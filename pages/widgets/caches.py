"""What is kept to save time: how much it takes, and clearing it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import streamlit as st

from pages.widgets.shell import guarded, show_error, workspace
from pages.widgets.text import size_text
from tlcore.caches.budget import Cleared, clear, list_items, room, used
from tlcore.caches.holdings import CacheKind, Item
from tlcore.errors import StudioError
from tlcore.workspace import CACHE_VARIABLE

_NAMES: Final[dict[CacheKind, str]] = {
    "images": "Decoded pictures",
    "features": "Features",
    "trunk": "Activations for fine-tuning",
    "networks": "Converted networks",
    "thumbnails": "Small copies",
    "checkpoints": "Checkpoints of trainings",
}
_LOST: Final[dict[CacheKind, str]] = {
    "images": "The next training reads and decodes its pictures again: some seconds for a thousand photos.",
    "features": "The next training sends its pictures through the pretrained model once more: some seconds for a "
    "thousand photos with a small model, minutes with a large one.",
    "trunk": "The next fine-tuning sends its pictures through the locked part of the model once more: some seconds for "
    "a thousand photos with a small model, minutes with a large one.",
    "networks": "The next training with each of these models converts it again: 1 to 25 seconds.",
    "thumbnails": "Galleries make them again while you look: the first look at each page is slower.",
    "checkpoints": "These trainings can't learn for longer any more: nothing is kept that they could go on from.",
}
_NEEDED: Final[dict[CacheKind, str]] = {
    "checkpoints": "What trainings need that wait, are at work, were interrupted or failed",
}
_USED: Final = "What a training uses right now"
_CLEARED: Final = "caches-cleared"
_NUMBER: Final = re.compile(r"([0-9]+)")
_ROWS_BEFORE_SCROLLING: Final = 12
_HEIGHT_OF_ROWS: Final = 1 + 35 * (1 + _ROWS_BEFORE_SCROLLING)  # whole rows: none is cut in half


def show_caches() -> None:
    """Budget, contents, and a button for each kind."""
    st.subheader("Caches", anchor=False)
    st.caption(
        "What was computed once is kept, so that the next training with the same pictures starts sooner. What was used "
        "longest ago makes way by itself; clearing by hand is never needed, and costs time only. What trainings could "
        "go on from (checkpoints) makes way last."
    )
    items = list_items(workspace())
    _metrics(items)
    _tell()
    if items:
        _table(items)
        _buttons(items)
    else:
        st.caption("Nothing yet: the first training fills them.")


def _metrics(items: Sequence[Item]) -> None:
    budget = workspace().limits.cache_bytes
    taken, left = st.columns(2)
    taken.metric(
        "Caches",
        size_text(used(items)),
        f"of at most {size_text(budget)}",
        delta_color="off",
        delta_arrow="off",
        border=True,
        height="stretch",
        help=f"Whoever runs this app sets the limit with {CACHE_VARIABLE}, in gigabytes. Small copies of pictures stay "
        "under 270 MB by themselves and don't count.",
    )
    left.metric(
        "Room for a training",
        size_text(room(workspace())),
        border=True,
        height="stretch",
        help="What a training could have if all made way that may, and the disk kept some free space.",
    )


def _table(items: Sequence[Item]) -> None:
    ordered = sorted(items, key=_place)
    columns = {
        "What": [_NAMES[item.kind] for item in ordered],
        "Details": [item.title for item in ordered],
        "Size": [size_text(item.bytes) for item in ordered],
        "Last used (UTC)": ["in use" if item.in_use else f"{item.last_used:%Y-%m-%d %H:%M}" for item in ordered],
        "Dataset": [item.dataset for item in ordered],
    }
    st.dataframe(
        columns,
        hide_index=True,
        width="stretch",
        height="content" if len(ordered) <= _ROWS_BEFORE_SCROLLING else _HEIGHT_OF_ROWS,
    )


def _place(item: Item) -> tuple[int, str, list[tuple[int, str]]]:
    """By kind, dataset and title; numbers in a title by their value, so that copy 10 comes after copy 9."""
    parts = [(int(part), "") if part.isdecimal() else (-1, part) for part in _NUMBER.split(item.title)]
    return list(_NAMES).index(item.kind), item.dataset, parts


def _buttons(items: Sequence[Item]) -> None:
    with st.container(horizontal=True):
        for kind, name in _NAMES.items():
            some = [item for item in items if item.kind == kind]
            if some and st.button(
                f"{name}: clear {size_text(sum(item.bytes for item in some))} …",
                icon=":material/mop:",
                key=f"caches-{kind}",
                disabled=all(item.in_use for item in some),
                help=f"{_NEEDED.get(kind, _USED)} stays." if all(item.in_use for item in some) else "It asks first.",
            ):
                ask_to_clear(kind, some)


@st.dialog("Clear this cache?", icon=":material/mop:")
def ask_to_clear(kind: CacheKind, items: Sequence[Item]) -> None:
    """Asks once, naming what it costs."""
    free = [item for item in items if not item.in_use]
    st.markdown(
        f"**{_NAMES[kind]}**: {size_text(sum(item.bytes for item in free))} will be removed. {_LOST[kind]} Your "
        "pictures, trainings and models stay as they are."
    )
    if len(free) < len(items):
        st.markdown(f"{_NEEDED.get(kind, _USED)} is kept.")
    with st.container(horizontal=True):
        if st.button("Clear", type="primary", key="caches-yes", on_click=_clear, args=(kind,)):
            st.rerun()
        if st.button("Keep it", key="caches-no"):
            st.rerun()


def _clear(kind: CacheKind) -> None:
    try:
        st.session_state[_CLEARED] = clear(workspace(), [kind])
    except StudioError as error:
        st.session_state[_CLEARED] = error


def _tell() -> None:
    """Tells once what clearing did."""
    outcome = st.session_state.pop(_CLEARED, None)
    if isinstance(outcome, Cleared):
        kept = " What is in use was kept." if outcome.kept_in_use else ""
        st.success(f"{size_text(outcome.bytes)} are free again.{kept}", icon=":material/check:")
    elif isinstance(outcome, StudioError):
        with guarded():
            show_error(outcome)
