"""What keeps the app quick: libraries are loaded before a page needs them, and looking for garbage stays short.

Looking through every object of the process takes a tenth of a second with the libraries below loaded, and nothing else
happens meanwhile: objects that live as long as the process are set aside. Streamlit would look after each run of a page
(`runner.postScriptGC`), also of the small parts that are drawn every second, which was a third of all that an app with
twenty visitors did: it is done every few seconds instead.
"""

from __future__ import annotations

import gc
import logging
import time
from importlib import import_module
from threading import Thread
from typing import Final

import streamlit as st
from streamlit.runtime import exists

LATER: Final = ("pyarrow.compute", "pandas", "plotly.graph_objects", "openvino")
"""Libraries that other pages than the first need, in the order in which people come to these pages.

Only whole libraries: a thread that loads some of our own modules while a page loads others could meet half of one.
"""

HEAD_START: Final = 1.0  # seconds for the browser to draw the first page

TIDY_SECONDS: Final = 5.0
"""Between two looks for garbage: it must not pile up where memory is short."""

_LOOKS_BEFORE_ALL: Final = 60

_log = logging.getLogger(__name__)

# Streamlit itself is loaded by now, and the app's own modules come next: loading them must not look through it either.
gc.freeze()


@st.cache_resource(max_entries=1, show_spinner=False)
def warm_up() -> Thread:
    """Loads in the background what later pages need, once a process; call it when the first page is drawn."""
    gc.freeze()
    thread = Thread(target=load, name="warming")
    thread.start()
    if exists():  # in tests of pages there is no server, and the process isn't ours
        Thread(target=_keep_tidy, name="tidying", daemon=True).start()
    return thread


def load() -> None:
    """Loads them, in this thread; one that is missing is noted."""
    time.sleep(HEAD_START)
    for name in LATER:
        try:
            import_module(name)
        except ImportError as error:  # the page that needs it says so
            _log.warning("%s can't be loaded: %s", name, error)
    _draw_first_figure()
    gc.freeze()


def _keep_tidy() -> None:
    """Looks for garbage every few seconds, and now and then also among what was set aside: sessions may be there that
    were alive at that moment, with all that people brought, and have ended since.
    """
    while True:
        for _ in range(_LOOKS_BEFORE_ALL):
            time.sleep(TIDY_SECONDS)
            gc.collect()
        gc.unfreeze()
        gc.collect()
        gc.freeze()


def _draw_first_figure() -> None:
    """Plotly and Pillow load parts of themselves with the first figure and the first picture."""
    import plotly.graph_objects as go
    from PIL import Image

    figure = go.Figure([go.Scatter(x=[0], y=[0]), go.Bar(x=[0], y=[0])])
    figure.update_layout(showlegend=False)
    figure.update_xaxes(automargin=True)
    figure.to_json()
    Image.init()
