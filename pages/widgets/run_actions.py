"""What can be done to a run: delete it."""

from __future__ import annotations

import streamlit as st

from pages.widgets.shell import guarded, plain_text, workspace
from tlcore.jobs.service import delete_run
from tlcore.runs.record import JobRecord


def delete_button(record: JobRecord) -> None:
    """A button that asks once before it deletes."""
    if st.button("Delete this run", icon=":material/delete:", type="tertiary", key=f"delete-{record.id}"):
        _ask(record)


@st.dialog("Delete this run?", icon=":material/delete:")
def _ask(record: JobRecord) -> None:
    st.markdown(
        f"**{plain_text(record.title)}** of {record.created:%d %B %Y, %H:%M} UTC will be gone: its model, its result "
        "and its history. Predictions with it will no longer work. The pictures stay."
    )
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", on_click=_delete, args=(record.id,), key="delete-yes"):
            st.switch_page("pages/compare.py")
        if st.button("Keep it", key="delete-no"):
            st.rerun()


def _delete(run_id: str) -> None:
    with guarded():
        delete_run(workspace(), run_id)
    st.query_params.pop("run", None)
