"""How a run stands, in words: state, place in the training, time left, what went wrong and what to do."""

from __future__ import annotations

from typing import Final, Literal

import streamlit as st

from pages.widgets.reports import duration_text, in_words, likely_in_words
from pages.widgets.shell import plain_text, workspace
from pages.widgets.text import size_text
from tlcore.evaluation.report import Report
from tlcore.jobs.service import queue_position
from tlcore.plots.history import PHASE_NAMES
from tlcore.runs.record import JobRecord
from tlcore.runs.states import State
from tlcore.runs.view import RunView
from tlcore.training.history import PhaseEpochs

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
        place = queue_position(workspace(), view.id)
        ahead = "it is next" if place in (None, 1) else f"{place - 1} before it"
        st.info(
            f"Waiting for its turn: {ahead}. Trainings run one at a time, so that each has the machine for itself.",
            icon=":material/schedule:",
        )
        return
    fraction = view.fraction
    st.progress(fraction if fraction is not None else 0.0, text=_doing(view))
    if view.not_responding:
        st.warning(
            "The training has told nothing for two minutes. It may be busy with one very long computation, or the "
            "computer is short of memory. It is left alone: wait, or press Stop.",
            icon=":material/hourglass_disabled:",
        )


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
    else:
        st.success(text, icon=":material/check_circle:")


def ending_without_result(record: JobRecord) -> None:
    """Why a run ended without a model, and what to do next."""
    error = plain_text(record.error or "")
    if record.state is State.STOPPED:
        st.info("It was stopped before there was a model to keep. Start it anew from the Model page.")
    elif record.state is State.INTERRUPTED:
        st.warning(
            f'It was interrupted, by a restart or because its process was ended. {error} "Start again" puts it back '
            "in the queue.",
            icon=":material/power_off:",
        )
    else:
        st.error(
            f"{error or 'It failed without saying why; the log below may tell.'}\n\nChange the settings on the Model "
            "page, or start it again to try the same once more.",
            icon=":material/error:",
        )
