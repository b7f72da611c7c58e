"""The versions of a dataset: what changed when, and the way back."""

from __future__ import annotations

from typing import Final

import streamlit as st

from pages.widgets.shell import plain_text, show_error, workspace
from pages.widgets.undo import remember
from tlcore.data.dataset import DatasetInfo
from tlcore.data.versions import Version, list_versions, restore_version
from tlcore.errors import StudioError

_A_PAGE: Final = 8


def show_versions(info: DatasetInfo) -> None:
    """All versions, the newest first."""
    versions = list_versions(workspace(), info.id)
    st.markdown("**Versions**", help="Every change makes a new one. Runs remember which one they learned from.")
    if not versions:
        st.caption("Nothing was changed yet.")
        return
    pages = -(-len(versions) // _A_PAGE)
    page = st.pagination(pages, key=f"versions-{info.id}") if pages > 1 else 1
    for version in versions[(page - 1) * _A_PAGE : page * _A_PAGE]:
        _show(info, version)


def _show(info: DatasetInfo, version: Version) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        out = f", {version.excluded:,} left out" if version.excluded else ""
        now = " :green-badge[now]" if version.number == info.version else ""
        st.markdown(
            f"**Version {version.number}**{now}  \n{plain_text(version.change)}  \n"
            f":gray[{version.created:%d %B %Y, %H:%M} UTC, {version.pictures:,} pictures{out}]",
            width="stretch",
        )
        if version.restorable and st.button(
            "Bring back",
            icon=":material/history:",
            key=f"version-{version.number}",
            help="Makes it the current one again, as a new version. Pictures that were removed for good stay away.",
        ):
            _restore(info, version)


def _restore(info: DatasetInfo, version: Version) -> None:
    try:
        restore_version(workspace(), info.id, version.number)
    except StudioError as error:
        show_error(error)
        return
    remember(info.id, f"Version {version.number} is brought back.")
    st.rerun()
