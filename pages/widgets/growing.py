"""Growing a dataset of one's own: more files for a class, the camera, further classes."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

import streamlit as st

from pages.widgets.address import follow_job, open_view
from pages.widgets.camera import camera_form, check_what_was_taken
from pages.widgets.shell import guarded, plain_text, workspace
from pages.widgets.upload_field import hand_over, upload_field
from tlcore.data.dataset import DatasetInfo
from tlcore.data.edits import add_class
from tlcore.errors import StudioError
from tlcore.jobs.service import submit
from tlcore.modes import Source

_WAYS: Final = {"files": "Files", "camera": "Camera", "classes": "New class"}
_NEEDS: Final = {"files": Source.UPLOADS, "camera": Source.CAMERA}
_REFUSED: Final = "grow-refused"
_NEW_CLASS: Final = "grow-new-class"


def can_grow(info: DatasetInfo) -> bool:
    """Only people's own datasets: what others published stays what it is."""
    return info.source == "own"


def grow_button(info: DatasetInfo) -> None:
    """The way from a dataset to adding pictures to it."""
    st.button(
        "Add pictures",
        icon=":material/add_photo_alternate:",
        key="data-grow",
        help="From files or with the camera; new classes too.",
        on_click=open_view,
        kwargs={"dataset": info.id, "grow": "files"},
    )


def grow_panel(info: DatasetInfo) -> None:
    """Adding to a dataset: which class, and where the pictures come from."""
    st.subheader(f"Add pictures to {plain_text(info.name)}", anchor=False)
    asked = st.query_params.get("grow", "")
    ways = [way for way in _WAYS if way not in _NEEDS or workspace().allows(_NEEDS[way])]
    st.session_state["grow-way"] = asked if asked in ways else ways[0]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            "How",
            ways,
            format_func=_WAYS.__getitem__,
            key="grow-way",
            required=True,
            wrap=True,
            label_visibility="collapsed",
            on_change=_follow_way,
            args=(info.id,),
        )
        done = st.button("Done", icon=":material/check:", key="grow-done", help="Shows the dataset, and checks it.")
    if done:
        with guarded():
            check_what_was_taken(info)
            open_view(dataset=info.id)
            st.rerun()
    if refused := st.session_state.pop(_REFUSED, None):
        st.error(plain_text(refused), icon=":material/error:")
    way = st.session_state["grow-way"]
    if way == "classes" or not info.class_names:
        _class_form(info)
        return
    name = _choose_class(info)
    with guarded():
        if way == "camera":
            camera_form(info, name)
        else:
            _files_form(info, name)


def _follow_way(dataset_id: str) -> None:
    open_view(dataset=dataset_id, grow=st.session_state["grow-way"])


def _choose_class(info: DatasetInfo) -> str:
    """The class that pictures are added to; it stays chosen from picture to picture, and on other pages."""
    key = f"grow-class-{info.id}"
    if st.session_state.get(key) not in info.class_names:
        st.session_state[key] = info.class_names[0]
    chosen = st.selectbox(
        "Class",
        info.class_names,
        key=key,
        persist_state="session",
        help="What the pictures show.",
    )
    return str(chosen)


def _files_form(info: DatasetInfo, name: str) -> None:
    field = f"grow-files-{info.id}"
    kept = upload_field(
        field,
        f"Pictures of {plain_text(name)}",
        "pictures",
        "Several at once. Those that the dataset has already are passed over.",
    )
    what = "Add them" if kept is None else f"Add {kept.files:,} to {plain_text(name)}"
    if st.button(what, type="primary", disabled=kept is None, key="grow-files-go") and kept:
        payload = {
            "dataset": info.id,
            "class_name": name,
            "path": str(kept.path),
            "audit": True,
        }
        follow_job(
            submit(
                workspace(),
                "add",
                payload,
                f"More pictures of {name} for {info.name}",
                dataset=info.id,
                token=uuid4().hex,
            )
        )
        hand_over(field)
        st.rerun()


def _class_form(info: DatasetInfo) -> None:
    if info.class_names:
        st.markdown(f"It has {', '.join(plain_text(name) for name in info.class_names)}.")
    else:
        st.markdown("It has no classes yet. Two are needed for training.")
    st.text_input(
        "Name of the new class",
        key=_NEW_CLASS,
        persist_state="session",
        placeholder="maple",
        help="What the pictures of this class show. It is text, exactly as you type it.",
    )
    st.button(
        "Add the class",
        icon=":material/add:",
        type="primary",
        key="grow-class-go",
        on_click=_add_class,
        args=(info.id,),
    )


def _add_class(dataset_id: str) -> None:
    """Adds it and chooses it, or leaves the reason why not for the page: what a callback draws itself is lost."""
    name = " ".join(str(st.session_state.get(_NEW_CLASS) or "").split())
    try:
        info = add_class(workspace(), dataset_id, name)
    except StudioError as error:
        st.session_state[_REFUSED] = str(error)
        return
    st.session_state[_NEW_CLASS] = ""
    if name in info.class_names:
        st.session_state[f"grow-class-{dataset_id}"] = name
