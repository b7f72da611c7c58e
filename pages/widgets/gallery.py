"""A dataset's pictures, a page of them at a time: filtered, selected, and changed.

It is a fragment: turning a page runs nothing else. Small copies that are not at hand yet come a little later, so that
a page of large photos opens as fast as one of small ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import streamlit as st

from pages.widgets.closer import look_closer
from pages.widgets.filters import ALL, IN_USE, LEFT_OUT, PROBLEM_NAMES, Filter, choose_filter, matching
from pages.widgets.picking import Selection, selection_bar
from pages.widgets.pictures import SIDE, SmallCopies, small_copies, whole_dataset
from pages.widgets.shell import guarded, workspace
from pages.widgets.stamps import Stamp, picked_of, stamp_grid
from tlcore.data.catalog import find_dataset
from tlcore.data.stored import StoredDataset

PAGE: Final = 60
_SECONDS_FIRST: Final = 0.12
_SECONDS_MORE: Final = 0.6


@st.fragment
def gallery(dataset_id: str, version: int) -> None:
    """Draws the gallery of a prepared dataset.

    Args:
        dataset_id: Which dataset.
        version: The version that the rest of the page shows.
    """
    with guarded():
        # Looked up here, not handed over: a fragment runs again with its first arguments, and somebody else may have
        # changed the dataset.
        info = find_dataset(workspace(), dataset_id)
        if info.version != version:
            st.rerun(scope="app")  # counts stand in many places
        dataset = whole_dataset(info)
        look_closer(dataset)
        wanted = choose_filter(dataset.info)
        indices = matching(dataset, wanted)
        _show(dataset, wanted, [int(index) for index in indices])


@dataclass(frozen=True)
class _Shown:
    """What the grid shows in the browser.

    Attributes:
        token: Says which pictures, in which state.
        keys: Of the pictures.
        round: Of the selection.
        picked: What was selected when it was drawn; the browser knows of every click since.
    """

    token: str
    keys: tuple[str, ...]
    round: int
    picked: frozenset[str]


def _show(dataset: StoredDataset, wanted: Filter, indices: list[int]) -> None:
    info = dataset.info
    if not indices:
        _empty(dataset, wanted)
        return
    place = f"{info.id} {info.version} {info.fingerprint[:8]} {wanted}"
    grid = f"gallery-grid-{info.id}"
    before: _Shown | None = st.session_state.get(f"{grid}-shown")
    selection = Selection(dataset)
    if before is not None and before.round == selection.round:
        picked = picked_of(grid, before.token)
        if picked is not None:
            selection.replace(before.keys, picked)
    selection_bar(dataset, selection, [dataset.keys[index] for index in indices])
    pages = -(-len(indices) // PAGE)
    kept = f"gallery-page-{info.id} {wanted}"
    if st.session_state.get(kept, 1) > pages:
        st.session_state[kept] = pages
    page = st.pagination(pages, key=kept) if pages > 1 else 1
    first = (page - 1) * PAGE
    shown = indices[first : first + PAGE]
    token = f"{place} {page} {selection.round}"
    if before is None or before.token != token:
        copies = small_copies(dataset, shown, SIDE, _SECONDS_FIRST)
        before = _Shown(token, tuple(dataset.keys[i] for i in shown), selection.round, frozenset(selection.keys))
        st.session_state[f"{grid}-shown"] = before
    else:
        copies = small_copies(dataset, shown, SIDE, _SECONDS_MORE)
    text = f"{first + 1:,} to {first + len(shown):,} of {len(indices):,} pictures"
    stamps = [_stamp(dataset, index, copies, wanted) for index in shown]
    stamp_grid(stamps, key=grid, token=token, label=text, picked=before.picked, selectable=True)
    st.caption(text)


def _stamp(dataset: StoredDataset, index: int, copies: SmallCopies, wanted: Filter) -> Stamp:
    name = dataset.info.class_names[dataset.labels[index]]
    reason = dataset.exclusions[index]
    about = f"{dataset.keys[index]}: class {name}, {dataset.widths[index]} × {dataset.heights[index]} pixels"
    if part := dataset.parts[index]:
        about += f", {part}"
    return Stamp(
        key=dataset.keys[index],
        name=name if wanted.class_name == ALL else "",
        title=about + (f"; left out: {reason}" if reason else ""),
        data=copies.found.get(index),
        loaded=index in copies.found,
        note=f"left out: {reason}" if reason else "",
        out=reason is not None,
    )


def _empty(dataset: StoredDataset, wanted: Filter) -> None:
    if not len(dataset):
        st.info(
            "There are no pictures yet. Add some from files or with the camera.", icon=":material/add_photo_alternate:"
        )
    elif wanted.problem in PROBLEM_NAMES:
        st.info("None of the pictures with this problem is in this class and part.", icon=":material/filter_alt_off:")
    elif wanted.problem == LEFT_OUT:
        st.info("None of the pictures that are left out is in this class and part.", icon=":material/filter_alt_off:")
    elif wanted.problem == IN_USE and wanted.class_name != ALL and wanted.part == ALL:
        st.info("This class has no pictures in use.", icon=":material/filter_alt_off:")
    else:
        st.info("No picture is like this. Choose another class or part.", icon=":material/filter_alt_off:")
