"""A background job watched in place: progress with counts and time left, and a way to stop it."""

from __future__ import annotations

import streamlit as st

from pages.widgets.reports import duration_text
from pages.widgets.shell import guarded, plain_text, workspace
from pages.widgets.timed import draw_every
from pages.widgets.views import run_view
from pages.widgets.waiting import before_it, waiting
from tlcore.jobs.service import ensure_supervisor, request_stop
from tlcore.runs.states import State
from tlcore.runs.view import RunView

_EVERY_SECONDS = 1.0


def watch_job(run_id: str) -> RunView:
    """Draws the job's progress, every second anew, until it has ended; the page is then run again.

    Args:
        run_id: The job; it goes on whether or not somebody watches.

    Returns:
        The job as it is now. Nothing is drawn for one that has ended: its end is the page's to tell.

    Raises:
        RunError: There is no such job.
    """
    view = run_view(run_id)
    if not view.state.ended:
        ensure_supervisor(workspace())
        draw_every(_EVERY_SECONDS, _live, run_id)
    return view


def _live(run_id: str) -> None:
    with guarded():
        view = run_view(run_id)
        if view.state.ended:
            st.rerun()
        with st.container(border=True):
            st.markdown(f"**{plain_text(view.record.title)}**")
            st.progress(view.fraction or 0.0, text=doing(view))
            st.button(
                "Stop",
                icon=":material/stop_circle:",
                key=f"stop-{run_id}",
                disabled=view.state is State.STOPPING,
                help="Ends it. Nothing half-made is kept.",
                on_click=_stop,
                args=(run_id,),
            )


def _stop(run_id: str) -> None:
    with guarded():
        request_stop(workspace(), run_id)


def doing(view: RunView) -> str:
    """What a job does now, how much of it is done, and how long it will still take."""
    if view.state is State.QUEUED:
        return f"Waiting for its turn: {before_it(waiting(view.id))}"
    if view.state is State.STOPPING:
        return "Stopping"
    if view.task is not None:
        text = plain_text(view.task.task)
        if view.task.total:
            text += f": {view.task.done:,} of {view.task.total:,}"
    elif view.phase is not None:
        text = f"Learning: round (epoch) {min(view.epoch + 1, view.epochs or 1)} of {view.epochs}"
    else:
        text = "Starting"
    left = view.seconds_left
    return text if left is None or left < 1 else f"{text}, about {duration_text(left)} left"
