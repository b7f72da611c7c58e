"""What a new dataset will be called, and what is to happen where the name is taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import streamlit as st

from pages.widgets.address import own_datasets
from pages.widgets.shell import plain_text, workspace
from tlcore.data.naming import free_name, known_id, shown_name

NAME: Final = "import-name"


@dataclass(frozen=True)
class Naming:
    """The answer.

    Attributes:
        name: Of the dataset; "" while nothing was typed and nothing is known.
        new_version: Whether the pictures become the next version of the dataset that has the name.
        replaced: Id of that dataset, else "".
    """

    name: str
    new_version: bool = False
    replaced: str = ""


def name_field(default: str, *, may_replace: bool = True) -> Naming:
    """The name's field; where the name is taken, the choice between another name and a new version.

    Args:
        default: What the dataset is called where nothing is typed: the file's or folder's name.
        may_replace: Whether a new version of the dataset of this name is possible.
    """
    typed = st.text_input(
        "Name",
        key=NAME,
        persist_state="session",
        placeholder=shown_name(default) if default else "as the file or folder is called" if may_replace else "mugs",
        help="What the dataset will be called here. Leave it empty to take the name of the file or folder."
        if may_replace
        else "What the dataset will be called here.",
    )
    wanted = (typed or "").strip() or default
    if not wanted:
        return Naming("")
    free, taken_id = free_name(workspace(), wanted), known_id(workspace(), wanted)
    if taken_id is None:
        return Naming(free)
    taken = next((info for info in own_datasets() if info.id == taken_id), None)
    if taken is None or not may_replace:
        st.caption(f"There is already a dataset of this name: this one will be called **{plain_text(free)}**.")
        return Naming(free)
    choices = {
        "another": f"Another dataset beside it, called {plain_text(free)}",
        "version": f"The next version of {plain_text(taken.name)}, instead of its {taken.pictures or 0:,} pictures",
    }
    chosen = st.radio(
        "There is already a dataset of this name. What shall this be?",
        list(choices),
        format_func=choices.__getitem__,
        captions=["", f"Version {taken.version} stays in its history and can be brought back."],
        key="import-taken",
        persist_state="session",
    )
    if chosen == "version":
        return Naming(taken.name, new_version=True, replaced=taken.id)
    return Naming(free)
