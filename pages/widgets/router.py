"""The list of pages, and making sure that each is opened through `streamlit_app.py`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from pages.widgets.story import APP_ICON

# Of this run: a run that is broken off and the one that follows share the session's state for a moment.
_ROUTED: Final[ContextVar[bool]] = ContextVar("routed", default=False)

# Photos (not the drawings, which are SVG): a white one has no edge on a white page.
_STYLE: Final = """<style>
[data-testid="stImage"] img[src*="/media/"] { box-shadow: 0 0 0 1px rgba(128, 140, 140, 0.35); }
</style>"""


def studio_pages() -> list[StreamlitPage]:
    """All pages in the order of the work."""
    return [
        st.Page("pages/home.py", title="Home", icon=":material/home:", default=True),
        st.Page("pages/data.py", title="Data", icon=":material/photo_library:", url_path="data"),
        st.Page("pages/model.py", title="Model", icon=":material/account_tree:", url_path="model"),
        st.Page("pages/train.py", title="Train", icon=":material/model_training:", url_path="train"),
        st.Page("pages/results.py", title="Results", icon=":material/insights:", url_path="results"),
        st.Page("pages/compare.py", title="Compare", icon=":material/compare_arrows:", url_path="compare"),
        st.Page("pages/predict.py", title="Predict", icon=":material/image_search:", url_path="predict"),
        st.Page("pages/system.py", title="System", icon=":material/memory:", url_path="system"),
    ]


def configure_page() -> None:
    """What the browser's tab shows, the width, and the edges of photos."""
    st.set_page_config(
        page_title="Transfer Learning Studio",
        page_icon=APP_ICON,
        layout="wide",
        menu_items={"About": "Transfer Learning Studio: train an image classifier from your own pictures."},
    )
    st.html(_STYLE)


@contextmanager
def routed() -> Iterator[None]:
    """What runs inside came through the router."""
    before = _ROUTED.set(True)
    try:
        yield
    finally:
        _ROUTED.reset(before)


def require_router() -> None:
    """Starts the run anew through the router, if the page was opened without it.

    Where there is a folder `pages/`, Streamlit runs a page's file by itself until the process has called
    `st.navigation` once: a bookmark opened right after a restart would be drawn without sidebar and guard.
    """
    if not _ROUTED.get():
        configure_page()
        st.navigation(studio_pages())
        st.rerun()
