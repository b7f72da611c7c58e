"""The sidebar's first lines: who uses this app, and what becomes of what they bring."""

from __future__ import annotations

import os

import streamlit as st

from pages.widgets.admission import LOST, app_workspace, forget_session, is_operator, signed_in
from pages.widgets.shell import guarded, plain_text, workspace
from pages.widgets.text import size_text
from tlcore.jobs.throwaway import remove_now
from tlcore.members import Person
from tlcore.modes import demo_minutes
from tlcore.workspace import MEBIBYTE, Workspace


def draw_mode() -> None:
    """The mode in a line, and what belongs to it: the way out of a team, what a demo forgets."""
    mode = app_workspace().mode
    if mode == "team":
        _draw_person()
    elif mode == "demo":
        _draw_demo(workspace())
    else:
        st.caption(
            ":material/computer: Local: only on this computer", help="There is no login. Nobody else reaches it."
        )


def _draw_person() -> None:
    person = signed_in()
    if person is None:
        return
    role = ", administrator" if is_operator() else ""
    st.caption(
        f":material/group: Team: **{plain_text(person.name)}**{role}",
        help=f"Signed in{_address_text(person)}. Your pictures and models are your own; others see only what you "
        "share.",
    )
    st.button("Sign out", icon=":material/logout:", type="tertiary", key="sign-out", on_click=st.logout)


def _address_text(person: Person) -> str:
    if person.email:
        return f" as {plain_text(person.email)}"
    return f"; the login service does not vouch for {plain_text(person.unverified)}" if person.unverified else ""


def forget_text(minutes: float) -> str:
    """What a demo forgets, and when."""
    return (
        "This demo forgets: a reload of the page begins anew, and what you made is deleted when it was not used for "
        f"{minutes:g} minutes."
    )


def demo_sentence() -> None:
    """On the first page, where a phone shows no sidebar: that this is a demo, and that it forgets."""
    if app_workspace().mode == "demo":
        st.caption(f":orange[:material/timer:] {forget_text(demo_minutes(os.environ))}")


def _draw_demo(place: Workspace) -> None:
    with st.container(border=True, gap="small"):
        st.markdown(":orange[:material/timer:] **Demo**")
        st.caption(forget_text(demo_minutes(os.environ)))
        with st.popover("About uploads", type="tertiary", icon=":material/help:"):
            _tell_of_uploads(place)
            st.button(
                "Forget everything now",
                icon=":material/delete_forever:",
                key="demo-forget",
                help="Stops what is at work, and deletes your pictures and models.",
                on_click=_forget,
            )
    if st.session_state.pop(LOST, False):
        st.toast("Your demo had not been used for long and was deleted. A new one has begun.", icon=":material/timer:")


def _tell_of_uploads(place: Workspace) -> None:
    limits = place.limits
    st.markdown(
        "What you upload is copied to the computer that runs this demo, into a folder of your session alone. No other "
        "visitor sees it, nobody trains with it but you, and it is sent nowhere else. It is deleted with everything "
        "that was made of it. Don't upload what must stay secret: you don't know who runs this computer."
    )
    st.markdown(
        f"At most {limits.datasets} datasets of {limits.pictures:,} pictures, uploads of "
        f"{limits.archive_bytes // MEBIBYTE:,} MB, {limits.runs} trainings, {limits.epochs} rounds (epochs) and "
        f"{limits.jobs} jobs at a time; {size_text(limits.workspace_bytes)} in all. "
        "Download a model that you want to keep."
    )


def _forget() -> None:
    with guarded():
        remove_now(workspace())
        forget_session()
        st.query_params.clear()
