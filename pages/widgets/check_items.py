"""The cases of one finding, with their pictures and a button each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import pandas as pd
import streamlit as st

from pages.widgets.pictures import small_copies, whole_dataset
from pages.widgets.shell import plain_text
from pages.widgets.tables import sentence_table
from tlcore.audit.findings import Finding, FindingKind, Item
from tlcore.data.dataset import DatasetInfo
from tlcore.data.stored import StoredDataset

Wish = Literal["mend", "dismiss"]

_A_PAGE: Final = 8
_MOST_PICTURES: Final = 4
_SIDE: Final = 104
_NARROWEST: Final = 140
"""Of a case, in pixels: two fit beside each other on a phone."""

_ABOUT_CLASSES: Final = frozenset({FindingKind.SMALL_CLASS, FindingKind.IMBALANCE})


@dataclass(frozen=True)
class Pressed:
    """A button of a case.

    Attributes:
        item: The case.
        wish: To mend it, or to call it right.
    """

    item: Item
    wish: Wish


def show_items(info: DatasetInfo, finding: Finding) -> Pressed | None:
    """Draws the cases, a page of them at a time.

    Returns:
        The button that was pressed, None most of the time.
    """
    if finding.kind is FindingKind.UNREADABLE:
        _files(finding)
        return None
    if finding.kind in _ABOUT_CLASSES:
        _classes(finding)
        return None
    dataset = whole_dataset(info)
    pages = -(-len(finding.items) // _A_PAGE)
    page = st.pagination(pages, max_visible_pages=5, key=f"check-page-{finding.kind}") if pages > 1 else 1
    pressed: Pressed | None = None
    with st.container(horizontal=True, gap="small"):
        for place in range((page - 1) * _A_PAGE, min(page * _A_PAGE, len(finding.items))):
            if wish := _show_item(dataset, finding, finding.items[place]):
                pressed = Pressed(finding.items[place], wish)
    return pressed


def _show_item(dataset: StoredDataset, finding: Finding, item: Item) -> Wish | None:
    """A case: its pictures side by side, what is the matter, and the buttons for only this one."""
    shown = item.keys[:_MOST_PICTURES]
    with st.container(width=max(_NARROWEST, len(shown) * (_SIDE + 16)), gap="small"):
        with st.container(horizontal=True, gap="small"):
            for key in shown:
                with st.container(width=_SIDE, gap=None):
                    _picture(dataset, key)
        more = f" and {len(item.keys) - len(shown)} more" if len(item.keys) > len(shown) else ""
        st.caption(plain_text(item.note) + more)
        place = f"{finding.kind}-{item.keys[0]}"
        moves = finding.kind is FindingKind.LABEL
        if item.affected and (moves or finding.fix is not None):
            label = f"Move to {plain_text(item.suggestion)}" if moves else "Leave out"
            if not moves and len(item.affected) < len(item.keys):
                label = "Keep the first"
            if st.button(label, key=f"check-item-{place}"):
                return "mend"
        help_text = "Takes it off the list, also of later checks. No picture is changed."
        if st.button("It's right as it is", type="tertiary", key=f"check-right-{place}", help=help_text):
            return "dismiss"
        return None


def _picture(dataset: StoredDataset, key: str) -> None:
    index = dataset.index_of(key)
    data = None if index is None else small_copies(dataset, [index], 2 * _SIDE).found[index]
    if index is None or data is None:
        st.caption("This picture can't be read any more.")
        return
    name = dataset.info.class_names[dataset.labels[index]]
    part = dataset.parts[index]
    caption = plain_text(name) + (f", {part}" if part else "")
    st.image(data, width=_SIDE, caption=caption, alt=f"Picture of class {name}")


def _files(finding: Finding) -> None:
    rows = [{"File": key, "Why it was left out": item.note} for item in finding.items for key in item.keys or ("",)]
    with st.expander("Which files", icon=":material/rule:"):
        sentence_table(pd.DataFrame(rows), "unreadable-files")


def _classes(finding: Finding) -> None:
    st.markdown("\n".join(f"- {plain_text(item.note)}" for item in finding.items[:_A_PAGE]))
    if len(finding.items) > _A_PAGE:
        st.caption(f"and {len(finding.items) - _A_PAGE:,} more; the tab Balance shows all.")
