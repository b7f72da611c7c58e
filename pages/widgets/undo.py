"""The way back from the last change to a dataset: what was done, and a button that undoes just that."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import streamlit as st

from pages.widgets.shell import plain_text, show_error, workspace
from tlcore.data.edits import exclude, include, move_pictures, remove_empty_class
from tlcore.data.stored import StoredDataset
from tlcore.errors import StudioError

Touched = Literal["class", "use"]
"""What a change touches of pictures: their class, or whether they are in use or left out."""

BY_HAND: Final = "chosen by hand"
_KEY: Final = "dataset-change"
_REFUSED: Final = "dataset-change-refused"


@dataclass(frozen=True)
class Step:
    """One edit that takes a change back.

    Attributes:
        action: `include` puts pictures back, `exclude` leaves them out again, `move` gives them their old class,
            `drop` removes a class that was made for them, if nobody has put others into it.
        keys: Of the pictures.
        target: The class, or the reason why they were left out.
    """

    action: Literal["include", "exclude", "move", "drop"]
    keys: tuple[str, ...]
    target: str = ""


@dataclass(frozen=True)
class _Change:
    dataset_id: str
    text: str
    steps: tuple[Step, ...]


def steps_back(dataset: StoredDataset, keys: Collection[str], touched: Touched) -> tuple[Step, ...]:
    """The edits that take a change back, and nothing else: somebody may have changed the same pictures otherwise since.

    Args:
        dataset: As it is before the change, with the pictures that are left out.
        keys: Of the pictures that will change.
        touched: What of them will change.
    """
    groups: dict[tuple[Literal["include", "exclude", "move"], str], list[str]] = {}
    for key in keys:
        index = dataset.index_of(key)
        if index is None:
            continue
        reason = dataset.exclusions[index]
        if touched == "class":
            groups.setdefault(("move", dataset.info.class_names[dataset.labels[index]]), []).append(key)
        else:
            groups.setdefault(("include", "") if reason is None else ("exclude", reason), []).append(key)
    return tuple(Step(action, tuple(some), target) for (action, target), some in groups.items())


def remember(dataset_id: str, text: str, steps: Sequence[Step] = ()) -> None:
    """Notes what was done to a dataset, for `show_change` to tell; without steps it can't be undone."""
    st.session_state[_KEY] = _Change(dataset_id, text, tuple(steps))


def refused(error: StudioError) -> None:
    """Notes why a change was not made, for `show_change` to tell: what a callback draws itself is lost."""
    st.session_state[_REFUSED] = str(error)


def show_change(dataset_id: str) -> None:
    """Tells what was done last to this dataset, with the button that undoes it; or why it was not done."""
    if reason := st.session_state.pop(_REFUSED, None):
        st.error(plain_text(reason), icon=":material/error:")
    change = st.session_state.get(_KEY)
    if not isinstance(change, _Change) or change.dataset_id != dataset_id:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":green[:material/check_circle:] {plain_text(change.text)}", width="stretch")
        if change.steps and st.button("Undo", icon=":material/undo:", key="change-undo"):
            _undo(change)
        if st.button("Close", icon=":material/close:", type="tertiary", key="change-close"):
            del st.session_state[_KEY]
            st.rerun()


def _undo(change: _Change) -> None:
    try:
        for step in change.steps:
            if step.action == "include":
                include(workspace(), change.dataset_id, step.keys)
            elif step.action == "exclude":
                exclude(workspace(), change.dataset_id, step.keys, step.target)
            elif step.action == "move":
                move_pictures(workspace(), change.dataset_id, step.keys, step.target)
            else:
                remove_empty_class(workspace(), change.dataset_id, step.target)
    except StudioError as error:
        show_error(error)
        return
    remember(change.dataset_id, "Undone: everything is as it was before.")
    st.rerun()
