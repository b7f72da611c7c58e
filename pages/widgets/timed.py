"""Parts of a page that are drawn anew by themselves every few seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st


def draw_every(seconds: float | None, draw: Callable[..., None], *values: Any) -> None:
    """Draws a part of the page now and every so many seconds, without the rest of the page.

    It has a place of its own. What the browser was not sent yet of such a part is thrown away when the part is drawn
    anew, its place included; on a busy machine what follows it then had no place either, and the page broke.

    Args:
        seconds: Between two times; None: only now.
        draw: Draws it.
        values: Handed to it each time, as they are now.
    """
    with st.container():
        st.fragment(draw, run_every=seconds)(*values)
