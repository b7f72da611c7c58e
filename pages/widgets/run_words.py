"""What a person calls a run and says of it: shown, and changed in a dialog."""

from __future__ import annotations

from typing import Final

import streamlit as st

from pages.widgets.shell import plain_text, workspace
from tlcore.errors import StudioError
from tlcore.runs.labels import LONGEST_NAME, LONGEST_NOTE, MOST_TAGS, describe, tags_of
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry

_REFUSED: Final = "words-refused"
_FAILED: Final = "words-failed"
_NAME: Final = "words-name"
_TAGS: Final = "words-tags"
_NOTE: Final = "words-note"


def show_words(record: JobRecord) -> None:
    """A run's tags and note, and the way to change them."""
    show_refusal()
    with st.container(horizontal=True, vertical_alignment="center"):
        if record.tags:
            st.markdown(tag_badges(record))
        edit_button(record, "Name, note, tags")
    if record.note:
        # Plain text, line by line as it was typed.
        st.markdown("  \n".join(plain_text(line) for line in record.note.splitlines()))


def tag_badges(record: JobRecord) -> str:
    """A run's tags as Markdown."""
    return " ".join(f":gray-badge[{plain_text(tag)}]" for tag in record.tags)


def show_refusal() -> None:
    """Tells why words could not be kept, once."""
    if refused := st.session_state.pop(_REFUSED, None):
        st.error(plain_text(refused), icon=":material/error:")


def edit_button(record: JobRecord, label: str) -> None:
    """Opens the form."""
    if st.button(label, icon=":material/edit:", type="tertiary", key=f"words-{record.id}"):
        _edit(record)


@st.dialog("Name, note and tags", icon=":material/edit:")
def _edit(record: JobRecord) -> None:
    show_refusal()
    st.text_input(
        "Name",
        record.title,
        max_chars=LONGEST_NAME,
        key=_NAME,
        help="What the run is called in every list and chart.",
    )
    known = tags_of(Registry(workspace()).list("train"))
    st.multiselect(
        "Tags",
        [*record.tags, *(tag for tag in known if tag not in record.tags)],
        default=list(record.tags),
        accept_new_options=True,
        max_selections=MOST_TAGS,
        placeholder="none",
        key=_TAGS,
        help="Short words to find runs by: type one and press Enter.",
    )
    st.text_area(
        "Note",
        record.note,
        max_chars=LONGEST_NOTE,
        key=_NOTE,
        placeholder="What you tried, and what came of it.",
        help="For you and whoever works with this run. Plain text.",
    )
    with st.container(horizontal=True):
        saved = st.button("Save", type="primary", key="words-save", on_click=_save, args=(record.id,))
        # After a refusal the form stays open, with all that was typed.
        if saved and not st.session_state[_FAILED]:
            st.rerun()
        if st.button("Leave it as it was", key="words-cancel"):
            st.rerun()


def _save(run_id: str) -> None:
    """Keeps the words, or leaves the reason why not for the form: what a callback draws itself is lost."""
    state = st.session_state
    state[_FAILED] = False
    try:
        describe(workspace(), run_id, name=state[_NAME], note=state[_NOTE], tags=state[_TAGS])
    except StudioError as error:
        state[_REFUSED] = str(error)
        state[_FAILED] = True
