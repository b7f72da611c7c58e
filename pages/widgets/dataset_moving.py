"""A dataset as one file: downloaded here, brought in there."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import streamlit as st

from pages.widgets.address import follow_job
from pages.widgets.shell import guarded, workspace
from pages.widgets.text import size_text
from pages.widgets.upload_field import hand_over, upload_field
from tlcore.data.dataset import DatasetInfo
from tlcore.data.dataset_parcel import pack_dataset, packed_size
from tlcore.jobs.service import submit
from tlcore.workspace import Workspace

_FIELD: Final = "import-packed"
# A download is held in the app's memory while it is fetched.
_MOST_BYTES: Final = 500_000_000


def pack_button(info: DatasetInfo) -> None:
    """Offers the whole dataset as one file, made when it is pressed; a large one is left to the command line."""
    size = _size(workspace(), str(workspace().root), info.id, info.version)
    if size > _MOST_BYTES:
        st.markdown(
            f"To move this dataset to another machine ({size_text(size)}), have it packed on the command line; "
            "`datasets unpack` there takes it in:"
        )
        st.code(f"python -m tlcore datasets pack {info.id} --out {info.id.partition('/')[2]}.zip", language=None)
        return
    st.download_button(
        f"Whole dataset (zip, {size_text(size)})",
        data=partial(_packed, workspace(), info.id),
        file_name=f"{info.id.partition('/')[2]}-dataset.zip",
        mime="application/zip",
        key="data-pack",
        icon=":material/move_to_inbox:",
        on_click="ignore",
        help="To move it to another machine: pictures, classes, parts, what was left out, and notes. The Data page "
        "there takes it in. Older versions and the check stay here.",
    )


@st.cache_data(max_entries=16, show_spinner=False)
def _size(_home: Workspace, root: str, dataset_id: str, version: int) -> int:  # noqa: ARG001 - parts of the key
    return packed_size(_home, dataset_id)


def _packed(home: Workspace, dataset_id: str) -> bytes:
    with TemporaryDirectory() as place:
        return pack_dataset(home, dataset_id, Path(place) / "dataset.zip").read_bytes()


def packed_form() -> None:
    """A dataset that was packed elsewhere."""
    st.markdown(
        'The file that "Whole dataset (zip)" makes, below About on the other machine, or `datasets pack` on the '
        "command line. Classes, parts, notes and what was left out come with it."
    )
    kept = upload_field(_FIELD, "Packed dataset", "zip", "A zip made by this program, on any computer.")
    if st.button("Bring it in", type="primary", disabled=kept is None, key="import-packed-go") and kept:
        with guarded():
            payload = {"path": str(kept.path), "remove_after": True}
            title = f"Bringing in {kept.name}"
            # One upload is brought in once, however often the button is pressed.
            follow_job(submit(workspace(), "unpack-dataset", payload, title, token=kept.path.name))
            hand_over(_FIELD)
            st.rerun()
