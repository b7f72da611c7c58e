"""The System page's section about jobs at work and waiting: one's own, or for operators everybody's."""

from __future__ import annotations

import hashlib

import streamlit as st

from pages.widgets.run_status import silence_notice, state_badge
from pages.widgets.shell import guarded, plain_text, workspace
from pages.widgets.timed import draw_every
from pages.widgets.views import run_view
from pages.widgets.waiting import number_in_queue, waiting
from tlcore.jobs.service import request_stop
from tlcore.jobs.waiting import Wait
from tlcore.overview import queue_of_all
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

_EVERY_SECONDS = 2.0


def show_own_queue() -> None:
    """One's own jobs."""
    st.subheader("Queue", anchor=False)
    draw_every(_EVERY_SECONDS, _own_queue)


def _own_queue() -> None:
    with guarded():
        records = Registry(workspace()).unfinished()
        if not records:
            _nothing()
        for record in records:
            _job(workspace(), record, "", waiting(record.id))


def show_queue_of_all() -> None:
    """Everybody's jobs: whose, what, and at which place. For operators only."""
    st.subheader("Queue", anchor=False)
    draw_every(_EVERY_SECONDS, _queue_of_all)


def _queue_of_all() -> None:
    with guarded():
        jobs = list(queue_of_all(workspace()))
        if not jobs:
            _nothing()
        for job in jobs:
            _job(job.workspace, job.record, job.owner, job.wait)


def _nothing() -> None:
    st.caption("Nothing is at work. Trainings run one at a time; imports and other light jobs two at a time.")


def _job(place: Workspace, record: JobRecord, owner: str, wait: Wait | None) -> None:
    mine = place.root == workspace().root
    key = record.id if mine else f"{hashlib.sha256(str(place.root).encode()).hexdigest()[:8]}-{record.id}"
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        state_badge(record.state)
        whose = f"**{plain_text(owner)}**: " if owner else ""
        turn = f", {number_in_queue(wait)}" if wait else ""
        st.markdown(
            f"{whose}{plain_text(record.title)} ({plain_text(record.kind)}), since {record.queued:%d %b %H:%M} UTC"
            f"{turn}"
        )
        st.button(
            "Stop",
            icon=":material/stop_circle:",
            key=f"system-stop-{key}",
            disabled=record.state is State.STOPPING,
            help="A training keeps its best model so far; anything else keeps nothing half-made.",
            on_click=_stop,
            args=(place, record.id),
        )
    if record.state.active and mine:
        silence_notice(run_view(record.id), "system")


def _stop(place: Workspace, run_id: str) -> None:
    with guarded():
        request_stop(place, run_id)
