"""Starting the check of a dataset, and watching it."""

from __future__ import annotations

from typing import Final

import streamlit as st

from pages.widgets.audits import latest_check_job
from pages.widgets.jobs import watch_job
from pages.widgets.shell import plain_text, show_error, workspace
from tlcore.data.dataset import DatasetInfo
from tlcore.errors import StudioError
from tlcore.jobs.audit import submit_audit
from tlcore.jobs.service import read_error
from tlcore.runs.states import State

_REFUSED: Final = "check-refused"


def is_checking(dataset_id: str) -> bool:
    """Whether a check of the dataset waits or is at work."""
    job = latest_check_job(dataset_id)
    return job is not None and not job.state.ended


def watch_check(info: DatasetInfo) -> bool:
    """Draws the progress of a check that is at work; returns whether there is one."""
    job = latest_check_job(info.id)
    if job is None or watch_job(job.id).state.ended:
        return False
    st.caption("It goes on by itself; you may leave this page.")
    return True


def tell_failure(info: DatasetInfo) -> None:
    """Why the last check came to nothing, if it did."""
    if refused := st.session_state.pop(_REFUSED, None):
        st.error(plain_text(refused), icon=":material/error:")
    job = latest_check_job(info.id)
    if job is None:
        return
    if job.state in (State.FAILED, State.INTERRUPTED) and job.error is not None:
        show_error(read_error(workspace(), job.id))
    elif job.state is State.STOPPED:
        st.info("The last check was stopped. What it had looked at is not looked at again.", icon=":material/info:")


def check_button(info: DatasetInfo, label: str) -> None:
    """The button that starts a check."""
    st.button(
        label,
        icon=":material/fact_check:",
        key="check-start",
        on_click=_start,
        args=(info.id,),
        help="Runs in the background. Pictures that were looked at before are not looked at again.",
        disabled=not info.pictures,
    )


def _start(dataset_id: str) -> None:
    """Starts it, or leaves the reason why not for the page: what a callback draws itself is lost."""
    try:
        submit_audit(workspace(), dataset_id)
    except StudioError as error:
        st.session_state[_REFUSED] = str(error)
