"""The tabs of a dataset; the address names the open one, so that each can be linked."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import streamlit as st


class Tab(StrEnum):
    """What can be seen of a dataset."""

    GALLERY = "Gallery"
    BALANCE = "Balance"
    SHAPE = "Shape"
    MAP = "Map"
    CHECK = "Check"
    EDIT = "Edit"
    ABOUT = "About"


PARAMETER: Final = "tab"
_KEY: Final = "data-tab"
_LAST: Final = "data-tab-last"


def link_to(tab: Tab) -> str:
    """What the address says of a tab."""
    return tab.value.lower()


def dataset_tabs() -> dict[Tab, st.delta_generator.DeltaGenerator]:
    """Draws the tabs and returns the one that is open; nothing is computed for the others."""
    asked = st.query_params.get(PARAMETER, "")
    known = {link_to(tab): tab for tab in Tab}
    tab = known.get(asked) or Tab(st.session_state.get(_LAST, Tab.GALLERY))
    st.session_state[_LAST] = tab.value
    st.session_state[_KEY] = tab.value
    drawn = st.tabs([one.value for one in Tab], key=_KEY, on_change=_follow)
    return {one: place for one, place in zip(Tab, drawn, strict=True) if place.open}


def _follow() -> None:
    lead_to_tab(Tab(st.session_state[_KEY]))


def lead_to_tab(tab: Tab) -> None:
    """Opens a tab on the next run; for callbacks."""
    st.query_params[PARAMETER] = link_to(tab)
    st.session_state[_LAST] = tab.value
