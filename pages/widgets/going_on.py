"""Letting a training that has ended go on: from where it was, or for some rounds more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from pages.widgets.shell import next_step, plain_text, workspace
from tlcore.errors import StudioError
from tlcore.jobs.again import extend, resume
from tlcore.jobs.going_on import can_learn_longer, has_lost_rounds, kept_standing
from tlcore.plots.history import PHASE_NAMES
from tlcore.runs.folder import RunFolder
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State

_REFUSED: Final = "going-on-refused"
_BEGUN: Final = "going-on-begun"
_USUAL: Final = 5
_MOST: Final = 1_000
_NOT_KEPT: Final = (
    "More rounds (epochs) can't be added: what this training would go on from is not kept any more. It made way for "
    "caches, was cleared, or stayed on another machine. To learn for longer, start a new training with the same "
    "settings."
)


def go_on_button(record: JobRecord) -> None:
    """Lets a training go on that was interrupted or stopped, or failed; nothing for others."""
    _show_refusal()
    if record.state.can_resume and not _asks(has_lost_rounds, record):
        st.button(
            # A stopped run offers more rounds, too: what the person asked for first is told from those.
            "Go on as planned" if record.state is State.STOPPED else "Go on",
            icon=":material/resume:",
            key=f"train-resume-{record.id}",
            help=_from_where(record),
            on_click=_once,
            args=(record.id, lambda: resume(workspace(), record.id)),
        )


def more_rounds(record: JobRecord, *, then_watch: bool = False) -> None:
    """A number and a button that trains for so many rounds more; nothing where a training can't.

    Args:
        record: The training.
        then_watch: Whether a press leads to the Train page.
    """
    # The press was heard before the page was drawn: the training waits by now, and has no such button any more.
    if st.session_state.pop(_BEGUN, None) == record.id and then_watch:
        st.switch_page("pages/train.py", query_params={"run": record.id})
    _show_refusal()
    if not record.state.ended:
        st.caption("This training goes on at the moment: what this page tells is the result of before.")
        # Also where a request that the browser sent before it heard of the change of pages has brought this one back.
        next_step("Watch it", "pages/train.py", {"run": record.id})
    if not _asks(can_learn_longer, record):
        if _asks(has_lost_rounds, record):
            st.caption(_NOT_KEPT)
        return
    number_key = f"more-rounds-{record.id}"
    with st.container(horizontal=True, vertical_alignment="bottom", width="content"):
        number = st.number_input("More rounds (epochs)", 1, _MOST, _USUAL, key=number_key, width=170)
        st.button(
            f"Train {number} more {'round' if number == 1 else 'rounds'}",
            icon=":material/add:",
            key=f"more-{record.id}",
            help="Goes on from the last round, with the same settings. Until it is done, the result of before stays.",
            on_click=_once,
            args=(record.id, lambda: extend(workspace(), record.id, number), then_watch),
        )


def _asks(question: Callable[[JobRecord, RunFolder], bool], record: JobRecord) -> bool:
    try:
        return question(record, RunFolder.find(workspace(), record.id))
    except StudioError:  # its folder or configuration is damaged: the page tells that elsewhere
        return False


def _from_where(record: JobRecord) -> str:
    """What the button will do, in words."""
    try:
        standing = kept_standing(RunFolder.find(workspace(), record.id))
    except StudioError:
        standing = None
    if standing is None:
        return "Puts it back in the queue with the same settings; it begins with the first round (epoch)."
    phase = PHASE_NAMES.get(standing.phase.value, standing.phase.value)
    return f"Puts it back in the queue; it goes on after round (epoch) {standing.epoch} of the phase “{phase}”."


def _once(run_id: str, do: Callable[[], object], then_watch: bool = False) -> None:
    """For `on_click`: the second click of two finds the run in the queue already, and does nothing."""
    try:
        if Registry(workspace()).get(run_id).state.ended:
            do()
    except StudioError as error:
        st.session_state[_REFUSED] = str(error)
        return
    if then_watch:
        st.session_state[_BEGUN] = run_id


def _show_refusal() -> None:
    """Tells why the last press was refused, once: what a callback draws itself is lost."""
    if refused := st.session_state.pop(_REFUSED, None):
        st.error(plain_text(refused), icon=":material/error:")
