"""Collecting pictures of a class with the camera, straight into the dataset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import streamlit as st
from streamlit.typing import UploadedFile

from pages.widgets.pictures import copies_forgotten, decoder, upload_thumbnail
from pages.widgets.shell import plain_text, workspace
from tlcore.data.dataset import DatasetInfo
from tlcore.data.edits import remove_pictures
from tlcore.data.growing import add_pictures
from tlcore.errors import StudioError
from tlcore.jobs.audit import submit_audit
from tlcore.modes import Source

_ROUND: Final = "camera-round"
_TAKEN: Final = "camera-taken"
_SAID: Final = "camera-said"
_SIDE: Final = 96
_SHOWN: Final = 6


@dataclass(frozen=True)
class Shot:
    """One picture that was taken in this session.

    Attributes:
        key: Of the picture in the dataset.
        class_name: Its class.
        stamp: A small copy; None where it can't be drawn.
    """

    key: str
    class_name: str
    stamp: bytes | None


def camera_form(info: DatasetInfo, class_name: str) -> None:
    """The camera, and the pictures that it has taken for this dataset.

    Raises:
        StudioError: The camera is switched off here, or the picture can't be added. It stays in the camera's field, and
            the next run tries again.
    """
    workspace().check_source(Source.CAMERA)
    st.caption("Each picture is added as soon as it is taken. Turn the thing, and change the background, in between.")
    # A new key after each picture: the camera is ready for the next one without a click.
    picture = st.camera_input(
        f"A picture of {plain_text(class_name)}",
        key=f"camera-{st.session_state.get(_ROUND, 0)}",
        resolution="720p",
        help="It stays on the computer where this app runs. Browsers lend the camera only to pages on the same "
        "computer, or with https in their address.",
    )
    if said := st.session_state.pop(_SAID, None):
        st.warning(plain_text(said), icon=":material/info:")
    if picture is not None:
        _add(info, class_name, picture)
        st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
        st.rerun()
    _show_taken(info, class_name)


def check_what_was_taken(info: DatasetInfo) -> None:
    """Starts the check of a dataset that pictures were taken for; after each single one it would never end.

    Raises:
        StudioError: The check can't be started.
    """
    if _taken(info):
        submit_audit(workspace(), info.id)


def _add(
    info: DatasetInfo, class_name: str, picture: UploadedFile, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> None:
    data = picture.getvalue()
    name = f"camera-{clock():%Y%m%d-%H%M%S}.jpg"
    added = add_pictures(workspace(), info.id, class_name, [(name, data)], decoder())
    if added.rejected:
        st.session_state[_SAID] = f"This picture was not taken: {added.rejected[0].reason}"
    elif added.copies:
        st.session_state[_SAID] = "This picture was not taken: it is the same as one that the dataset has."
    for key in added.keys:
        _taken(info).append(Shot(key, class_name, upload_thumbnail(data, 2 * _SIDE)))


def _taken(info: DatasetInfo) -> list[Shot]:
    """The pictures taken in this session, in order."""
    shots: dict[str, list[Shot]] = st.session_state.setdefault(_TAKEN, {})
    return shots.setdefault(info.id, [])


def _show_taken(info: DatasetInfo, class_name: str) -> None:
    shots = _taken(info)
    if not shots:
        st.caption("Nothing was taken yet. Some 20 pictures of each class are a good start.")
        return
    of_class = sum(shot.class_name == class_name for shot in shots)
    total = (info.counts or {}).get(class_name, 0)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{of_class:,} taken** of {plain_text(class_name)} now; the class has {total:,} pictures.")
        st.button(
            "Undo the last",
            icon=":material/undo:",
            type="tertiary",
            key="camera-undo",
            help="Removes the picture taken last from the dataset, for good.",
            on_click=_undo,
            args=(info,),
        )
    with st.container(horizontal=True, gap="small"):
        for shot in reversed(shots[-_SHOWN:]):
            with st.container(width=_SIDE, gap=None):
                if shot.stamp is None:
                    st.caption("no preview")
                else:
                    st.image(
                        shot.stamp,
                        width=_SIDE,
                        caption=plain_text(shot.class_name),
                        alt=f"Picture of {shot.class_name} that was just taken",
                    )


def _undo(info: DatasetInfo) -> None:
    """Takes the last picture out again, or leaves the reason why not for the page: what a callback draws is lost."""
    shots = _taken(info)
    if not shots:
        return
    try:
        with copies_forgotten(info.id):
            remove_pictures(workspace(), info.id, [shots.pop().key])
    except StudioError as error:
        st.session_state[_SAID] = str(error)
