"""What a page sees of a run, kept in the session so that each look reads only what is new."""

from __future__ import annotations

import streamlit as st

from pages.widgets.shell import workspace
from tlcore.runs.view import RunView

_VIEWS = "run-views"
_MOST = 8


def run_view(run_id: str) -> RunView:
    """The run or job as it is now.

    Raises:
        RunError: There is no such run.
    """
    views: dict[str, RunView] = st.session_state.setdefault(_VIEWS, {})
    view = views.pop(run_id, None)
    if view is None:
        view = RunView.open(workspace(), run_id)
    else:
        view.refresh()
    views[run_id] = view  # the last is the one used last
    while len(views) > _MOST:
        del views[next(iter(views))]
    return view
