"""How long a whole run still takes, by what was foretold at its start and the pace it has since."""

from __future__ import annotations

import streamlit as st

from pages.widgets.reports import duration_text
from tlcore.runs.view import RunView


def time_left(view: RunView) -> None:
    """One line; nothing while it is not known."""
    left = view.seconds_to_end
    if left is not None:
        st.caption(f":material/timer: {left_text(left)}")


def left_text(seconds: float) -> str:
    """The rest of a run in words."""
    if seconds < 3:
        return "Nearly done."
    # Nobody wants to see seconds jump back and forth.
    step = 1 if seconds < 20 else 5 if seconds < 120 else 15
    return f"About {duration_text(max(step * round(seconds / step), 3) * 1.0)} left in all."
