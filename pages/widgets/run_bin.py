"""The bin: runs that were put away, until they are taken out or deleted for good."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from pages.widgets.run_status import state_badge
from pages.widgets.shell import plain_text, workspace
from tlcore.errors import StudioError
from tlcore.jobs.removal import empty_bin
from tlcore.jobs.service import delete_run
from tlcore.runs.labels import archive, restore
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry

_REFUSED: Final = "bin-refused"
_FAILED: Final = "bin-failed"
_MOVED: Final = "bin-moved"
_MOST_LISTED: Final = 50


def put_away(run_id: str) -> None:
    """Moves a run to the bin, for `on_click`; the next page that calls `show_moved` tells it."""
    _do(lambda: archive(workspace(), run_id))
    if not was_refused():
        st.session_state[_MOVED] = run_id
        st.query_params.pop("run", None)


def take_out(run_id: str) -> None:
    """Takes a run out of the bin, for `on_click`."""
    _do(lambda: restore(workspace(), run_id))


def was_refused() -> bool:
    """Whether the last change was refused, told or not; `show_refusal` tells why."""
    return bool(st.session_state.get(_FAILED))


def show_refusal() -> None:
    """Tells why the last change of the bin was refused, once."""
    if refused := st.session_state.pop(_REFUSED, None):
        st.error(plain_text(refused), icon=":material/error:")


def show_moved() -> None:
    """Tells which run was put away just now, with the way back."""
    show_refusal()
    moved = st.session_state.get(_MOVED)
    record = next((one for one in Registry(workspace()).list("train", archived=True) if one.id == moved), None)
    if record is None:
        st.session_state.pop(_MOVED, None)
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":green[:material/check:] **{plain_text(record.title)}** is in the bin, below.")
        st.button("Take it back", icon=":material/undo:", key="bin-undo", on_click=take_out, args=(record.id,))
        st.button("Close this message", type="tertiary", key="bin-close", on_click=_forget_moved)


def _forget_moved() -> None:
    st.session_state.pop(_MOVED, None)


def show_bin() -> None:
    """What lies in the bin; nothing is drawn where it is empty."""
    there = Registry(workspace()).list("train", archived=True)
    if not there:
        return
    with st.expander(f"Bin: {len(there):,} {'run' if len(there) == 1 else 'runs'}", icon=":material/delete:"):
        st.caption("Runs in the bin keep everything and are not offered anywhere. They take room on the disk.")
        for record in there[:_MOST_LISTED]:
            _draw(record)
        if len(there) > _MOST_LISTED:
            st.caption(f"And {len(there) - _MOST_LISTED:,} older ones.")
        if st.button("Empty the bin", icon=":material/delete_forever:", key="bin-empty"):
            _ask_to_empty(len(there))


def _draw(record: JobRecord) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        state_badge(record.state)
        st.markdown(f"**{plain_text(record.title)}**, {record.created:%d %b %Y, %H:%M} UTC", width="stretch")
        restore_button(record)
        delete_for_good_button(record)


def restore_button(record: JobRecord) -> None:
    """Takes a run out of the bin."""
    st.button("Restore", icon=":material/undo:", key=f"restore-{record.id}", on_click=take_out, args=(record.id,))


def delete_for_good_button(record: JobRecord) -> None:
    """A button that asks once before it deletes."""
    key = f"delete-{record.id}"
    if st.button("Delete for good", icon=":material/delete_forever:", type="tertiary", key=key):
        _ask_to_delete(record)


@st.dialog("Delete this run for good?", icon=":material/delete_forever:")
def _ask_to_delete(record: JobRecord) -> None:
    st.markdown(
        f"**{plain_text(record.title)}** of {record.created:%d %B %Y, %H:%M} UTC will be gone: its model, its result, "
        "its history and its note. Predictions with it will no longer work. The pictures stay."
    )
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", on_click=_delete, args=(record.id,), key="delete-yes"):
            if was_refused():
                st.rerun()
            st.switch_page("pages/compare.py")
        if st.button("Keep it", key="delete-no"):
            st.rerun()


@st.dialog("Empty the bin?", icon=":material/delete_forever:")
def _ask_to_empty(count: int) -> None:
    what = "**The run** in the bin" if count == 1 else f"**All {count:,} runs** in the bin"
    st.markdown(f"{what} will be gone: models, results, histories and notes. The pictures stay.")
    with st.container(horizontal=True):
        if st.button("Delete all of it", type="primary", on_click=_empty, key="empty-yes"):
            st.rerun()
        if st.button("Keep it", key="empty-no"):
            st.rerun()


def _delete(run_id: str) -> None:
    _do(lambda: delete_run(workspace(), run_id))
    if not was_refused():
        st.query_params.pop("run", None)


def _empty() -> None:
    _do(lambda: empty_bin(workspace()))


def _do(change: Callable[[], object]) -> None:
    """Makes a change, or leaves the reason why not for the page: what a callback draws itself is lost."""
    st.session_state.pop(_MOVED, None)
    st.session_state[_FAILED] = False
    try:
        change()
    except StudioError as error:
        st.session_state[_REFUSED] = str(error)
        st.session_state[_FAILED] = True
