"""The door: what stands in the place of every page while somebody may not, or not yet, use the app."""

from __future__ import annotations

import streamlit as st

from pages.widgets.admission import SignInNeeded, login_services, own_workspace
from pages.widgets.errors import show_error, show_unexpected
from pages.widgets.story import SAMPLE_DRAWING
from tlcore.errors import StudioError


def enter() -> bool:
    """Whether whoever is there may use the app; draws the reason, or the way to sign in, where not."""
    try:
        own_workspace()
    except SignInNeeded:
        _sign_in_page()
    except StudioError as error:
        _head()
        show_error(error)
        _other_account()
    except Exception as error:  # noqa: BLE001 - the last line before a traceback on the page
        _head()
        show_unexpected(error)
    else:
        return True
    return False


def _head() -> None:
    st.title("Transfer Learning Studio", anchor=False)


def _sign_in_page() -> None:
    _head()
    st.markdown("Teach your computer to tell your pictures apart.")
    with st.container(border=True, width=460):
        st.image(SAMPLE_DRAWING, alt="A picture goes into a network and comes out as an answer", width="stretch")
        st.markdown("Sign in: your pictures and models are your own, and nobody else sees them unless you share them.")
        for service in login_services():
            label = f"Sign in with {service}" if service else "Sign in"
            st.button(
                label,
                type="primary",
                icon=":material/login:",
                width="stretch",
                key=f"sign-in-{service}",
                on_click=_sign_in,
                args=(service,),
            )


def _sign_in(service: str) -> None:
    st.login(service or None)


def _other_account() -> None:
    if st.user.get("is_logged_in") is True:
        st.button("Sign out", icon=":material/logout:", on_click=st.logout, key="door-sign-out")
