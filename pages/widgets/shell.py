"""What every page shares: the workspace, the heading, the way on, errors in place, and the dataset in use."""

from __future__ import annotations

import json
import logging
from typing import Final

import streamlit as st

from pages.widgets.admission import is_operator, own_workspace
from pages.widgets.errors import guarded, show_error
from pages.widgets.router import require_router
from pages.widgets.text import plain_text
from tlcore.data.catalog import find_dataset
from tlcore.data.dataset import DatasetInfo
from tlcore.errors import StudioError
from tlcore.files import read_json, write_json
from tlcore.workspace import Workspace

__all__ = [
    "current_dataset",
    "current_run",
    "guarded",
    "is_operator",
    "next_step",
    "page_header",
    "plain_text",
    "show_error",
    "use_dataset",
    "workspace",
]

_CHOSEN: Final = "dataset.json"

_log = logging.getLogger(__name__)


def workspace() -> Workspace:
    """The workspace of whoever is at the page: whatever a page finds, it finds in there.

    Raises:
        InputError: Nobody may be here: nobody is signed in, or a demo is full.
        WorkspaceError: The app may not be used as it was started, or its folder can't be made or written.
    """
    return own_workspace()


def page_header(title: str, sentence: str) -> None:
    """The page's name and its purpose in one sentence. Every page begins with it."""
    require_router()
    st.title(title, anchor=False)
    st.markdown(sentence)


def next_step(label: str, page: str, query_params: dict[str, str] | None = None) -> None:
    """The link to where one goes from here.

    Args:
        label: What it says.
        page: The page's file, such as "pages/model.py".
        query_params: What the page is opened with, such as {"run": id}.
    """
    st.page_link(page, label=f"**{label}**", icon=":material/arrow_forward:", query_params=query_params)


def current_dataset() -> DatasetInfo | None:
    """The dataset in use: that which was chosen last, on any page, in any tab; None when there is none (any more)."""
    try:
        chosen = read_json(workspace().drafts / _CHOSEN)["dataset"]
    except FileNotFoundError:
        return None
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        _log.warning("the dataset in use can't be read: %s", error)
        return None
    try:
        return find_dataset(workspace(), str(chosen))
    except StudioError:
        return None  # deleted since


def use_dataset(dataset_id: str) -> DatasetInfo:
    """Makes a dataset the one in use, and remembers it.

    Raises:
        DatasetError: There is no such dataset.
    """
    info = find_dataset(workspace(), dataset_id)
    write_json(workspace().drafts / _CHOSEN, {"dataset": info.id})
    return info


def current_run() -> str | None:
    """The id of the run that the address names, unchecked; None when it names none."""
    return st.query_params.get("run")
