"""Where a dataset comes from, what was left out when it came in, and the end of it."""

from __future__ import annotations

from typing import Final

import streamlit as st

from pages.widgets.arrivals import rejected_table
from pages.widgets.dataset_moving import pack_button
from pages.widgets.shell import plain_text, workspace
from tlcore.data.dataset import DatasetInfo
from tlcore.errors import StudioError
from tlcore.jobs.removal import delete_unused_dataset

_REFUSED: Final = "data-refused"
_FORGOTTEN: Final = ("dataset", "job", "tab", "grow")


def show_about(info: DatasetInfo) -> None:
    """Provenance, fingerprint, version, files that were rejected, and the button that deletes."""
    if info.description:
        for paragraph in info.description.split("\n\n"):
            st.markdown(plain_text(paragraph))
    parts = ", ".join(f"{count:,} {part}" for part, count in info.parts.items())
    facts = {
        "Id (for links and the command line)": info.id,
        "Comes from": info.origin,
        "Licence": info.licence or "unknown: ask whoever made the pictures before you publish them or a model",
        "Made": f"{info.created:%d %B %Y, %H:%M} UTC" if info.created else "",
        "Version": f"{info.version:,} (the tab Edit lists them)" if info.fingerprint else "",
        "Its own parts": parts,
        "Exact copies": f"{info.duplicates:,}" if info.duplicates else "",
        "Left out": f"{info.excluded:,} (the tab Check tells why)" if info.excluded else "",
    }
    for name, value in facts.items():
        if value:
            st.markdown(f"**{name}**  \n{plain_text(value)}")
    if info.fingerprint:
        st.markdown(
            "**Fingerprint**",
            help="Changes with every picture, class and part. Two datasets with the same one are the same.",
        )
        st.code(info.fingerprint, language=None, wrap_lines=True)
    if info.citation:
        st.markdown("**How its makers want to be cited**")
        st.code(info.citation, language=None, wrap_lines=True)
    # A home page that a stranger's archive names is no link here: only that of what is published with its makers' name.
    if info.homepage.startswith(("https://", "http://")) and info.source != "own":
        st.link_button("Home page", info.homepage, icon=":material/open_in_new:", type="tertiary")
    if info.rejected:
        with st.expander(f"Files left out when it came in: {len(info.rejected):,}", icon=":material/rule:"):
            rejected_table([entry.model_dump() for entry in info.rejected], "left-out")
    if info.source == "own":
        st.space("small")
        pack_button(info)
        if st.button("Delete this dataset", icon=":material/delete:", type="tertiary", key="data-delete"):
            ask_to_delete(info)


def show_refusal() -> None:
    """Tells why a dataset could not be deleted, once."""
    if refused := st.session_state.pop(_REFUSED, None):
        st.error(plain_text(refused), icon=":material/error:")


@st.dialog("Delete this dataset?", icon=":material/delete:")
def ask_to_delete(info: DatasetInfo) -> None:
    """Asks once, naming what is lost."""
    pictures = (info.pictures or 0) + info.excluded
    st.markdown(
        f"The copies of **{pictures:,} pictures** of **{plain_text(info.name)}** in this program will be "
        "gone, with all versions, notes and the check. The files that you imported them from stay, and so do models "
        "that learned from them; their test pictures will no longer be shown."
    )
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", key="delete-yes", on_click=_delete, args=(info.id,)):
            st.rerun()
        if st.button("Keep it", key="delete-no"):
            st.rerun()


def _delete(dataset_id: str) -> None:
    """Deletes, or leaves the reason why not for the page: what a callback draws itself is lost."""
    try:
        delete_unused_dataset(workspace(), dataset_id)
    except StudioError as error:
        st.session_state[_REFUSED] = str(error)
        return
    for name in _FORGOTTEN:
        st.query_params.pop(name, None)
