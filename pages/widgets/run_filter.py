"""Finding runs by words and tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from pages.widgets.reports import Finished
from tlcore.runs.labels import matches, tags_of

_WORDS: Final = "runs-words"
_TAGS: Final = "runs-tags"


def filter_by_words(runs: Sequence[Finished]) -> list[Finished]:
    """The runs that have all the words and tags that are asked for; the fields are there once there is a choice."""
    if len(runs) < 2 and not st.session_state.get(_WORDS) and not st.session_state.get(_TAGS):
        return list(runs)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = st.text_input(
            "Search",
            key=_WORDS,
            type="search",
            icon=":material/search:",
            persist_state="session",
            placeholder="name, note, tag or dataset",
            width=320,
            help="Shows only runs that have all these words in their name, note, tags, dataset or id.",
        )
        tags = _tags(runs)
    return [run for run in runs if matches(run.record, words or "", tags)]


def _tags(runs: Sequence[Finished]) -> list[str]:
    known = tags_of(run.record for run in runs)
    if not known:
        return []
    # A tag that the last run with it has lost can't stay chosen.
    st.session_state[_TAGS] = [tag for tag in st.session_state.get(_TAGS, []) if tag in known]
    return st.pills("Tags", known, selection_mode="multi", key=_TAGS, persist_state="session")


def forget_filter() -> None:
    """Shows all runs again."""
    st.session_state[_WORDS] = ""
    st.session_state[_TAGS] = []
