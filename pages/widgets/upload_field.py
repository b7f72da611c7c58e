"""An upload field whose files go to disk at once: memory is given back, and no move between pages loses them."""

from __future__ import annotations

from typing import Final, Literal

import streamlit as st

from pages.widgets.shell import plain_text, workspace
from pages.widgets.text import size_text
from pages.widgets.uploads import KeptUpload, forget_upload, keep_files, keep_one
from tlcore.images.decode import EXTENSIONS
from tlcore.workspace import MEBIBYTE

Accepts = Literal["zip", "folder", "pictures", "labels"]

_TYPES: Final[dict[Accepts, list[str] | None]] = {
    "zip": ["zip"],
    "folder": None,
    "pictures": sorted(extension.removeprefix(".") for extension in EXTENSIONS),
    "labels": ["csv", "tsv", "txt"],
}
_MOST_FOLDERS: Final = 6
_LABELS_MEGABYTES: Final = 20


def upload_field(name: str, label: str, accepts: Accepts, help_text: str) -> KeptUpload | None:
    """Draws the field, and what was chosen so far with a way to remove it.

    Args:
        name: Unique on the page; the field's key is this and the number of the round, as in `import-zip-0`.
        label: Of the field.
        accepts: One file (a zip, a list of labels), or several that are collected (a folder's, pictures).
        help_text: For the field.

    Returns:
        What was chosen, as it lies on disk; None while there is nothing.

    Raises:
        ImportRefused: There are too many files, they are too large together, or a name can't be used.
        WorkspaceError: The disk is full or can't be written.
    """
    kept = kept_upload(name)
    many = accepts in ("folder", "pictures")
    if kept is None or many:
        chosen = st.file_uploader(
            label,
            type=_TYPES[accepts],
            accept_multiple_files="directory" if accepts == "folder" else many,
            key=f"{name}-{st.session_state.get(_round(name), 0)}",
            max_upload_size=_megabytes(accepts),
            help=help_text,
        )
        if chosen:
            files = chosen if isinstance(chosen, list) else [chosen]
            with st.spinner("Storing what you chose …"):
                fresh = keep_files(workspace(), files, kept) if many else keep_one(workspace(), files[0])
            st.session_state[_kept(name)] = fresh
            _empty(name)
            st.rerun()
    if kept is not None:
        _tell(name, label, kept)
    return kept


def _megabytes(accepts: Accepts) -> int:
    """What one file may have: the browser refuses larger ones before they travel."""
    limits = workspace().limits
    if accepts == "labels":
        return _LABELS_MEGABYTES
    return max(1, (limits.archive_bytes if accepts == "zip" else limits.picture_bytes) // MEBIBYTE)


def kept_upload(name: str) -> KeptUpload | None:
    """What was chosen in the field of this name and not yet used."""
    kept: KeptUpload | None = st.session_state.get(_kept(name))
    if kept is not None and not kept.path.exists():
        del st.session_state[_kept(name)]  # a job has used it up
        return None
    return kept


def hand_over(name: str) -> None:
    """Forgets what was chosen without removing it: a job has it now."""
    st.session_state.pop(_kept(name), None)


def _kept(name: str) -> str:
    return f"{name}-kept"


def _round(name: str) -> str:
    return f"{name}-round"


def _empty(name: str) -> None:
    """A new key: the field is empty again, and the upload's memory is given back."""
    st.session_state[_round(name)] = st.session_state.get(_round(name), 0) + 1


def _tell(name: str, label: str, kept: KeptUpload) -> None:
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(f":green[:material/check:] {summary(kept)}")
        st.button(
            "Remove",
            icon=":material/close:",
            type="tertiary",
            key=f"{name}-remove",
            help=f"{label}: take back what you chose.",
            on_click=_remove,
            args=(name,),
        )


def summary(kept: KeptUpload) -> str:
    """What was chosen: name or number of files, size, and the folders that they lie in."""
    if kept.files == 1 and not kept.folders:
        return f"**{plain_text(kept.name)}**, {size_text(kept.size)}"
    text = f"**{kept.files:,} {'file' if kept.files == 1 else 'files'}**, {size_text(kept.size)}"
    named = [f"{plain_text(folder)} ({count:,})" for folder, count in sorted(kept.folders.items()) if folder]
    if named:
        more = f" and {len(named) - _MOST_FOLDERS} more" if len(named) > _MOST_FOLDERS else ""
        text += f": {', '.join(named[:_MOST_FOLDERS])}{more}"
    return text


def _remove(name: str) -> None:
    kept = kept_upload(name)
    if kept is not None:
        forget_upload(kept)
        hand_over(name)
