"""Fetching a dataset from Kaggle with the person's own token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import streamlit as st

from pages.widgets.naming import Naming, name_field
from pages.widgets.shell import plain_text
from tlcore.data.kaggle import KaggleDataset, forget_token, has_token, parse_kaggle, save_token, token_place
from tlcore.errors import ImportRefused, StudioError

SLUG: Final = "import-slug"

_TOKEN: Final = "kaggle-token"  # noqa: S105 - the name of a field
_REFUSED: Final = "kaggle-refused"


@dataclass(frozen=True)
class KaggleRequest:
    """What is to be fetched.

    Attributes:
        slug: As it was typed, and checked.
        dataset: Which dataset that is.
        naming: What it will be called here.
    """

    slug: str
    dataset: KaggleDataset
    naming: Naming


def kaggle_form() -> KaggleRequest | None:
    """The token, which dataset, and its name; returns the request once the button is pressed.

    Raises:
        ImportRefused: What was typed when the button was pressed names no dataset.
    """
    st.markdown(
        "A dataset from [Kaggle](https://www.kaggle.com/datasets), fetched in your name and checked like any upload."
    )
    if refused := st.session_state.pop(_REFUSED, None):
        st.error(plain_text(refused), icon=":material/error:")
    known = has_token()
    if known:
        _known_token()
    else:
        _ask_for_token()
    typed = st.text_input(
        "Dataset",
        key=SLUG,
        persist_state="session",
        placeholder="owner/name",
        help="The address of its page, or the end of it: of kaggle.com/datasets/owner/name it is owner/name.",
    )
    slug = (typed or "").strip()
    naming = name_field(_name_of(slug))
    pressed = st.button("Get it from Kaggle", type="primary", disabled=not known, key="import-kaggle-go")
    if not known:
        st.caption("Save your token first.")
    if not pressed:
        return None
    return KaggleRequest(slug, parse_kaggle(slug), naming)


def _name_of(slug: str) -> str:
    try:
        return parse_kaggle(slug).name
    except ImportRefused:
        return ""  # not typed yet, or told once the button is pressed


def _known_token() -> None:
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(f":green[:material/key:] Your Kaggle token is kept in {plain_text(token_place())}.")
        st.button(
            "Forget it",
            icon=":material/delete:",
            type="tertiary",
            key="kaggle-forget",
            help="Removes the token from this computer. Kaggle still knows it; it can be revoked there.",
            on_click=_forget,
        )


def _ask_for_token() -> None:
    st.text_input(
        "Your Kaggle token",
        key=_TOKEN,
        type="password",
        autocomplete="off",
        help="On Kaggle under Settings, API: create a token and paste it here, or paste the whole content of the file "
        "kaggle.json.",
    )
    st.caption(
        f"It will be kept in {plain_text(token_place())}, readable by you alone. It is sent to Kaggle and to "
        "nobody else, and no log or run shows it."
    )
    st.button("Save the token", icon=":material/key:", key="kaggle-save", on_click=_save)


def _save() -> None:
    """Saves what was pasted; the field is emptied either way, so that no session keeps a token."""
    pasted = str(st.session_state.get(_TOKEN) or "").strip()
    st.session_state[_TOKEN] = ""
    try:
        save_token(pasted)
    except StudioError as error:
        st.session_state[_REFUSED] = str(error)


def _forget() -> None:
    try:
        forget_token()
    except StudioError as error:
        st.session_state[_REFUSED] = str(error)
