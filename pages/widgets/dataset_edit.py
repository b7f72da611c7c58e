"""Changing a dataset as a whole: its classes, its versions, and notes about it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.widgets.dataset_versions import show_versions
from pages.widgets.pictures import copies_forgotten
from pages.widgets.shell import guarded, plain_text, workspace
from pages.widgets.undo import refused, remember
from tlcore.data.dataset import DatasetInfo
from tlcore.data.edits import add_class, remove_class, rename_class
from tlcore.data.notes import read_notes, write_notes
from tlcore.errors import StudioError


def show_edit(info: DatasetInfo) -> None:
    """Classes, notes, versions."""
    st.markdown("**Classes**")
    if info.source == "own":
        _classes(info)
    else:
        st.info(
            "The classes and pictures of this dataset are its makers'. You may leave pictures out or move them to "
            "another class in the gallery; every change can be taken back below.",
            icon=":material/lock:",
        )
    _notes(info)
    with guarded():
        show_versions(info)


def _classes(info: DatasetInfo) -> None:
    if info.class_names:
        _rename(info)
    else:
        st.caption("There are none yet. Training takes at least two.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("New class", key=f"edit-new-{info.id}", placeholder="maple", width=280)
        st.button("Add", icon=":material/add:", key="edit-add", on_click=_add, args=(info,))
    if info.class_names:
        _remove(info)


def _choose(info: DatasetInfo, key: str, label: str) -> str:
    """A field with all classes; the one chosen is kept while there is a class of that name."""
    if st.session_state.get(key) not in info.class_names:
        st.session_state[key] = info.class_names[0]
    counts = info.counts or {}
    return str(
        st.selectbox(
            label, info.class_names, format_func=lambda name: f"{name} ({counts.get(name, 0):,})", key=key, width=280
        )
    )


def _rename(info: DatasetInfo) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        old = _choose(info, f"edit-rename-{info.id}", "Rename")
        new_key = f"edit-name-{info.id}"
        st.text_input(
            "To",
            key=new_key,
            placeholder=old,
            width=280,
            help="The pictures stay as they are. To make two classes one, move the pictures of one to the other in the "
            "gallery, then remove the empty one.",
        )
        st.button("Rename", icon=":material/edit:", key="edit-rename", on_click=_do_rename, args=(info, old))


def _do_rename(info: DatasetInfo, old: str) -> None:
    new = str(st.session_state.get(f"edit-name-{info.id}") or "").strip()
    if _change(lambda: rename_class(workspace(), info.id, old, new)):
        remember(info.id, f"{old} is called {new} now. The versions below tell how it was before.")
        st.session_state[f"edit-name-{info.id}"] = ""
        st.session_state[f"edit-rename-{info.id}"] = new


def _add(info: DatasetInfo) -> None:
    name = str(st.session_state.get(f"edit-new-{info.id}") or "").strip()
    if _change(lambda: add_class(workspace(), info.id, name)):
        remember(info.id, f"Class {name} added. It has no pictures yet.")
        st.session_state[f"edit-new-{info.id}"] = ""


def _remove(info: DatasetInfo) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = _choose(info, f"edit-remove-{info.id}", "Remove")
        if st.button("Remove …", icon=":material/delete:", key="edit-remove", help="It asks first."):
            ask_to_remove_class(info, name)


@st.dialog("Remove this class?", icon=":material/delete:")
def ask_to_remove_class(info: DatasetInfo, name: str) -> None:
    """Asks once, naming what is lost."""
    count = (info.counts or {}).get(name, 0)
    pictures = "It has no pictures in use." if not count else f"Its **{count:,} pictures** will be deleted for good."
    st.markdown(
        f"The class **{plain_text(name)}** will be gone from **{plain_text(info.name)}**. {pictures} Pictures of it "
        "that were left out go too. The files that you imported stay."
    )
    with st.container(horizontal=True):
        if st.button("Remove", type="primary", key="class-yes", on_click=_do_remove, args=(info, name)):
            st.rerun()
        if st.button("Keep it", key="class-no"):
            st.rerun()


def _do_remove(info: DatasetInfo, name: str) -> None:
    if _change(lambda: _remove_class(info.id, name)):
        remember(info.id, f"Class {name} removed with its pictures.")


def _remove_class(dataset_id: str, name: str) -> None:
    with copies_forgotten(dataset_id):
        remove_class(workspace(), dataset_id, name)


def _change(change: Callable[[], object]) -> bool:
    """Makes a change, or leaves the reason why not for the page; returns whether it was made."""
    try:
        change()
    except StudioError as error:
        refused(error)
        return False
    return True


def _notes(info: DatasetInfo) -> None:
    key = f"edit-notes-{info.id}"
    with guarded():
        kept = read_notes(workspace(), info.id)
        if key not in st.session_state:
            st.session_state[key] = kept
        text = st.text_area(
            "Notes",
            key=key,
            placeholder="Who took the pictures, with what, where; what was left out and why.",
            help="For you and whoever works with these pictures. Kept as you leave the field.",
        )
        if (text or "") != kept:
            write_notes(workspace(), info.id, text or "")
            st.caption(":green[:material/check:] Kept.")
