"""One line on the Model page about what the check of the dataset says."""

from __future__ import annotations

import streamlit as st

from pages.widgets.audits import last_check
from pages.widgets.checking import is_checking
from pages.widgets.shell import plain_text, workspace
from pages.widgets.tabs import PARAMETER, Tab, link_to
from tlcore.data.catalog import is_prepared
from tlcore.data.dataset import DatasetInfo


def check_note(info: DatasetInfo) -> None:
    """Tells of serious findings that nobody mended, or that the check is still at work; else nothing."""
    if not is_prepared(workspace(), info.id):
        return
    check = last_check(info)
    serious = [] if check is None else [finding for finding in check.open if finding.severity == "high"]
    if serious:
        more = f" And {len(serious) - 1} more." if len(serious) > 1 else ""
        _line(info, f":red[:material/priority_high:] {plain_text(serious[0].title)}.{more}", "Look at it first")
    elif is_checking(info.id):
        _line(info, ":material/fact_check: The pictures are still being checked.", "See how far it is")


def _line(info: DatasetInfo, text: str, link: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(text, width="content")
        st.page_link(
            "pages/data.py",
            label=link,
            icon=":material/arrow_forward:",
            query_params={"dataset": info.id, PARAMETER: link_to(Tab.CHECK)},
        )
