"""How a run stands, in words: state, place in the training, time left, what went wrong and what to do."""

from __future__ import annotations

from typing import Final, Literal

import streamlit as st

from pages.widgets.reports import duration_text, in_words, likely_in_words, setback_in_words
from pages.widgets.shell import guarded, plain_text, workspace
from pages.widgets.text import size_text
from pages.widgets.timed import draw_every
from pages.widgets.waiting import before_it, waiting
from tlcore.evaluation.report import Report
from tlcore.jobs.ending import end_worker
from tlcore.jobs.resuming import waits_to_go_on
from tlcore.jobs.service import request_stop
from tlcore.plots.history import PHASE_NAMES
from tlcore.runs.folder import RunFolder
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.runs.view import RunView
from tlcore.training.history import PhaseEpochs

_EVERY_SECONDS: Final = 2.0

BadgeColor = Literal["gray", "blue", "orange", "red", "green"]

STATE_LOOKS: Final[dict[State, tuple[str, str, BadgeColor]]] = {
    State.QUEUED: ("Waiting", ":material/schedule:", "gray"),
    State.RUNNING: ("Training", ":material/model_training:", "blue"),
    State.STOPPING: ("Stopping", ":material/stop_circle:", "orange"),
    State.STOPPED: ("Stopped", ":material/stop_circle:", "orange"),
    State.INTERRUPTED: ("Interrupted", ":material/power_off:", "orange"),
    State.FAILED: ("Failed", ":material/error:", "red"),
    State.COMPLETED: ("Done", ":material/check_circle:", "green"),
}


def state_badge(state: State) -> None:
    """The state as a word, an icon and a colour."""
    word, icon, color = STATE_LOOKS[state]
    st.badge(word, icon=icon, color=color)


def progress_line(view: RunView) -> None:
    """What is done now, and how far it is."""
    if view.state is State.QUEUED:
        st.info(
            f"Waiting for its turn: {before_it(waiting(view.id))}. Trainings run one at a time, so that each has the "
            "machine for itself.",
            icon=":material/schedule:",
        )
        return
    fraction = view.fraction
    st.progress(fraction if fraction is not None else 0.0, text=_doing(view))
    silence_notice(view, "progress")


def silence_notice(view: RunView, where: str) -> None:
    """Tells that a job at work does not respond, and lets a person end it; nothing while it responds.

    Args:
        view: The job.
        where: Tells this place from others on the page that show the same job.
    """
    if not view.not_responding:
        return
    with st.container(border=True):
        st.warning(
            f"Not responding: it has told nothing for {duration_text(view.silence or 0.0)}. It may be busy with one "
            "very long computation, or the computer is short of memory. It is left alone, and goes on if it can.",
            icon=":material/hourglass_disabled:",
        )
        if st.button(
            "End it",
            icon=":material/cancel:",
            key=f"end-{where}-{view.id}",
            help="Ends its process at once and marks it interrupted. Rounds (epochs) that were finished are kept: it "
            "can go on from there.",
        ):
            with guarded():
                end_worker(workspace(), view.id)


def _doing(view: RunView) -> str:
    task = view.task
    if view.state is State.STOPPING:
        text = "Stopping: the best model so far is kept and tested"
    elif task is not None:
        text = task.task + (f": {task.done:,} of {task.total:,}" if task.total else "")
    elif view.phase is not None:
        round_ = min(view.epoch + 1, view.epochs or 1)
        text = f"Phase: {PHASE_NAMES.get(view.phase, view.phase)}, round (epoch) {round_} of {view.epochs}"
    else:
        text = "Starting"
    if view.seconds_running is not None:
        text += f" · {duration_text(view.seconds_running)} so far"
    if view.memory is not None:
        text += f" · {size_text(view.memory)} of memory"
    return text


def result_line(report: Report) -> None:
    """The result in one line."""
    text = f"**{in_words(report.test)}**; {likely_in_words(report.test)}."
    if report.stopped_early:
        text += f" {plain_text(report.stopped_early)}"
    if report.epochs == PhaseEpochs():
        st.warning(text, icon=":material/stop_circle:")
    elif setback := setback_in_words(report):
        st.warning(f"{text}\n\n{setback}", icon=":material/trending_down:")
    else:
        st.success(text, icon=":material/check_circle:")


def ending_without_result(record: JobRecord) -> None:
    """Why a run ended without a model, and what to do next."""
    error = plain_text(record.error or "")
    if record.state is State.STOPPED:
        st.info('It was stopped before there was a model to keep. "Go on as planned" puts it back in the queue.')
    elif record.state is State.INTERRUPTED:
        _interruption(record, error)
    else:
        st.error(
            f"{error or 'It failed without saying why; the log below may tell.'}\n\nTo train with other "
            'settings, begin anew on the Model page; "Go on" tries the same once more.',
            icon=":material/error:",
        )


def _interruption(record: JobRecord, error: str) -> None:
    """Why it was interrupted; one that is about to go on by itself is looked at until it does."""
    st.warning(
        f'It was interrupted. {error or "Its process was ended."} "Go on" puts it back in the queue now.',
        icon=":material/power_off:",
    )
    if waits_to_go_on(RunFolder.find(workspace(), record.id)):
        draw_every(_EVERY_SECONDS, _await_going_on, record.id)


def _await_going_on(run_id: str) -> None:
    with guarded():
        if Registry(workspace()).get(run_id).state is not State.INTERRUPTED:
            st.rerun()
        st.button(
            "Don't go on",
            icon=":material/pause_circle:",
            key=f"stay-{run_id}",
            help="It stays interrupted until you let it go on.",
            on_click=_stay,
            args=(run_id,),
        )


def _stay(run_id: str) -> None:
    with guarded():
        request_stop(workspace(), run_id)
