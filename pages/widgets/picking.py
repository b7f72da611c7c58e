"""Pictures that somebody selected in the gallery, and what can be done with them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

import streamlit as st

from pages.widgets.closer import closer_key
from pages.widgets.pictures import copies_forgotten
from pages.widgets.shell import plain_text, show_error, workspace
from pages.widgets.undo import BY_HAND, Step, Touched, refused, remember, steps_back
from tlcore.data.dataset import DatasetInfo
from tlcore.data.edits import exclude, include, move_pictures, remove_pictures
from tlcore.data.stored import StoredDataset
from tlcore.errors import StudioError

_MOST_NAMES: Final = 5


class Selection:
    """The selected pictures of one dataset, by their keys; they stay selected from page to page of the gallery."""

    def __init__(self, dataset: StoredDataset) -> None:
        """Those selected earlier that the dataset still has."""
        self._key = f"gallery-picked-{dataset.info.id}"
        kept: dict[str, None] = st.session_state.setdefault(self._key, {})
        for key in [key for key in kept if dataset.index_of(key) is None]:
            del kept[key]
        self._dataset = dataset

    @property
    def keys(self) -> tuple[str, ...]:
        """In the order in which they were selected."""
        return tuple(st.session_state[self._key])

    @property
    def round(self) -> int:
        """Counts up when the selection is changed by other means than a click on a picture."""
        return int(st.session_state.get(f"{self._key}-round", 0))

    def replace(self, shown: Collection[str], picked: Collection[str]) -> None:
        """Notes what is selected of the pictures shown; the others stay as they are."""
        kept: dict[str, None] = st.session_state[self._key]
        for key in shown:
            kept.pop(key, None)
        kept.update(dict.fromkeys(picked))

    def set_to(self, keys: Collection[str]) -> None:
        """Selects these and no others."""
        st.session_state[self._key] = dict.fromkeys(keys)
        st.session_state[f"{self._key}-round"] = self.round + 1


def selection_bar(dataset: StoredDataset, selection: Selection, shown: Sequence[str]) -> None:
    """What is selected and what can be done with it. It is there without a selection too: the first click on a picture
    must not move the others.

    Args:
        dataset: With the pictures that are left out.
        selection: The selected ones.
        shown: Keys of all pictures that the filters let through.
    """
    keys = selection.keys
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        text = f"**{len(keys):,} selected**" if keys else ":gray[Click to select]"
        st.markdown(text, width="content", help="Shift and click selects all in between.")
        if st.button(f"Select all {len(shown):,}", type="tertiary", key="gallery-all"):
            selection.set_to(shown)
            st.rerun()
        if st.button("Select none", type="tertiary", key="gallery-none", disabled=not keys):
            selection.set_to(())
            st.rerun()
        if st.button("Look closer", type="tertiary", key="gallery-look", disabled=len(keys) != 1):
            st.session_state[closer_key(dataset.info.id)] = keys[0]
            st.rerun()
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        _actions(dataset, selection)


def _actions(dataset: StoredDataset, selection: Selection) -> None:
    info, keys = dataset.info, selection.keys
    places = {key: dataset.index_of(key) for key in keys}
    out = [key for key, index in places.items() if index is not None and dataset.exclusions[index]]
    inside = [key for key in keys if key not in set(out)]
    if st.button(
        "Leave out",
        icon=":material/visibility_off:",
        key="gallery-exclude",
        disabled=not inside,
        help="They take no part in training any more. They stay in the dataset and can be put back.",
    ):
        _do(dataset, selection, inside, "use", f"{_pictures(inside)} left out.", lambda: _exclude(info, inside))
    if info.excluded and st.button(
        "Put back",
        icon=":material/visibility:",
        key="gallery-include",
        disabled=not out,
        help="Pictures that were left out take part again.",
    ):
        _do(dataset, selection, out, "use", f"{_pictures(out)} put back.", lambda: include(workspace(), info.id, out))
    _move_menu(dataset, selection)
    if info.source == "own" and st.button(
        "Remove",
        icon=":material/delete:",
        key="gallery-remove",
        disabled=not keys,
        help="Deletes them for good. It asks first.",
    ):
        ask_to_remove(info, keys)


def _move_menu(dataset: StoredDataset, selection: Selection) -> None:
    info = dataset.info
    with st.popover("Move to …", icon=":material/drive_file_move:", disabled=not selection.keys):
        own = info.source == "own"
        chosen = st.selectbox(
            "Class",
            info.class_names,
            index=None,
            placeholder="Choose",
            key="gallery-target",
            help="The pictures are then learned as this class.",
        )
        # A field of its own: in the list, the first letters of a class would make a new one.
        typed = st.text_input("or a new class", key="gallery-new-class") if own else None
        target = (typed or "").strip() or chosen
        if st.button("Move", type="primary", disabled=not target, key="gallery-move") and target:
            keys = selection.keys
            text = f"{_pictures(keys)} moved to {target}."
            made = () if target in info.class_names else (Step("drop", (), target),)
            _do(
                dataset, selection, keys, "class", text, lambda: move_pictures(workspace(), info.id, keys, target), made
            )


def _exclude(info: DatasetInfo, keys: Collection[str]) -> DatasetInfo:
    return exclude(workspace(), info.id, keys, BY_HAND)


def _do(
    dataset: StoredDataset,
    selection: Selection,
    keys: Collection[str],
    touched: Touched,
    text: str,
    change: Callable[[], DatasetInfo],
    further: tuple[Step, ...] = (),
) -> None:
    """Makes a change that can be undone, then draws the whole page anew: counts stand in many places.

    Args:
        dataset: As it is before the change.
        selection: Is empty afterwards.
        keys: Of the pictures that change.
        touched: What of them changes.
        text: What was done.
        change: Does it.
        further: What undoing has to do besides.
    """
    back = steps_back(dataset, keys, touched)
    try:
        change()
    except StudioError as error:
        show_error(error)
        return
    remember(dataset.info.id, text, (*back, *further))
    selection.set_to(())
    st.rerun(scope="app")


@st.dialog("Remove these pictures?", icon=":material/delete:")
def ask_to_remove(info: DatasetInfo, keys: Sequence[str]) -> None:
    """Asks once, naming what is lost."""
    names = ", ".join(plain_text(key) for key in keys[:_MOST_NAMES])
    more = f" and {len(keys) - _MOST_NAMES:,} more" if len(keys) > _MOST_NAMES else ""
    st.markdown(
        f"**{_pictures(keys)}** of **{plain_text(info.name)}** will be deleted for good: {names}{more}. Older versions "
        "of the dataset lose them too. The files that you imported stay. To keep them but not learn from them, leave "
        "them out instead."
    )
    with st.container(horizontal=True):
        if st.button("Remove", type="primary", key="remove-yes", on_click=_remove, args=(info, keys)):
            st.rerun()
        if st.button("Keep them", key="remove-no"):
            st.rerun()


def _remove(info: DatasetInfo, keys: Collection[str]) -> None:
    try:
        with copies_forgotten(info.id):
            remove_pictures(workspace(), info.id, keys)
    except StudioError as error:
        refused(error)
        return
    remember(info.id, f"{_pictures(keys)} removed for good.")


def _pictures(keys: Collection[str]) -> str:
    return "1 picture" if len(keys) == 1 else f"{len(keys):,} pictures"
