"""Sharing with the team: by explicit choice, as copies. Drawn in team mode only."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

import streamlit as st

from pages.widgets.jobs import watch_job
from pages.widgets.shell import is_operator, plain_text, workspace
from tlcore.errors import StudioError
from tlcore.jobs.service import submit
from tlcore.jobs.sharing import Kind, Share, is_mine, list_shared, unshare
from tlcore.runs.registry import Registry

_JOBS: Final = ("share", "take")
_WORDS: Final = {"dataset": ("dataset", "datasets"), "run": ("model", "models")}
_REFUSED: Final = "sharing-refused"


def share_button(kind: Kind, item: str, name: str) -> None:
    """Shares a dataset or a run of one's own, or takes it back."""
    place = workspace()
    if place.mode != "team":
        return
    mine = next((one for one in list_shared(place, kind) if is_mine(place, one) and one.item == item), None)
    what = _WORDS[kind][0]
    if mine is not None:
        st.button(
            "Stop sharing",
            icon=":material/group_off:",
            key=f"unshare-{kind}-{item}",
            help=f"Everybody of the team can take a copy of this {what} now. Copies that were taken stay.",
            on_click=_unshare,
            args=(mine,),
        )
        return
    st.button(
        "Share with the team",
        icon=":material/group_add:",
        key=f"share-{kind}-{item}",
        help=f"Everybody of the team will see this {what} with your name, and can take a copy as it is now. Nobody can "
        "change yours.",
        on_click=_submit,
        args=("share", {"what": kind, "item": item}, f"Sharing {name}"),
    )


def shared_list(kind: Kind) -> None:
    """What others of the team share, each with a way to take a copy."""
    place = workspace()
    if place.mode != "team":
        return
    if refused := st.session_state.pop(_REFUSED, None):
        st.error(plain_text(refused), icon=":material/error:")
    for record in Registry(place).unfinished():
        if record.kind in _JOBS:
            watch_job(record.id)
    shares = list_shared(place, kind)
    with st.expander(f"Shared by the team ({len(shares)})", icon=":material/group:"):
        if not shares:
            st.caption(f"Nobody shares {_WORDS[kind][1]} yet. What is shared can be copied by everybody of the team.")
        for share in shares:
            _draw(share)


def _draw(share: Share) -> None:
    place = workspace()
    mine = is_mine(place, share)
    with st.container(border=True, gap="small"):
        by = "you" if mine else plain_text(share.by)
        st.markdown(f"**{plain_text(share.name)}**  \nby {by}, {share.created:%d %b %Y}")
        with st.container(horizontal=True):
            if not mine:
                st.button(
                    "Take a copy",
                    icon=":material/content_copy:",
                    key=f"take-{share.id}",
                    help=f"It becomes a {_WORDS[share.kind][0]} of your own, as the other one was when it was shared.",
                    on_click=_submit,
                    args=("take", {"share": share.id}, f"Copy of {share.name}"),
                )
            if mine or is_operator():
                st.button(
                    "Stop sharing",
                    icon=":material/group_off:",
                    type="tertiary",
                    key=f"list-unshare-{share.id}",
                    on_click=_unshare,
                    args=(share,),
                )


def _submit(kind: str, payload: dict[str, str], title: str) -> None:
    try:
        # A double click shares once.
        if title not in {record.title for record in Registry(workspace()).unfinished()}:
            submit(workspace(), kind, payload, title, token=uuid4().hex)
    except StudioError as error:
        st.session_state[_REFUSED] = str(error)


def _unshare(share: Share) -> None:
    try:
        unshare(workspace(), share.id, as_admin=is_operator())
    except StudioError as error:
        st.session_state[_REFUSED] = str(error)
