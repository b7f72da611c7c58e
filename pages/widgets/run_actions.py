"""What can be done to a run: delete it."""

from __future__ import annotations

import streamlit as st

from pages.widgets.shell import plain_text, workspace
from tlcore.errors import StudioError
from tlcore.jobs.service import delete_run
from tlcore.runs.record import JobRecord

_REFUSED = "run-refused"


def delete_button(record: JobRecord) -> None:
    """A button that asks once before it deletes."""
    if refused := st.session_state.pop(_REFUSED, None):
        st.error(plain_text(refused), icon=":material/error:")
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
            if _REFUSED in st.session_state:
                st.rerun()
            st.switch_page("pages/compare.py")
        if st.button("Keep it", key="delete-no"):
            st.rerun()


def _delete(run_id: str) -> None:
    """Deletes, or leaves the reason why not for the page: what a callback draws itself is lost."""
    try:
        delete_run(workspace(), run_id)
    except StudioError as error:
        st.session_state[_REFUSED] = str(error)
        return
    st.query_params.pop("run", None)
