"""The System page's sections about the machine: devices, disk, versions, limits."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import pandas as pd
import streamlit as st

from pages.widgets.shell import is_operator, plain_text, workspace
from pages.widgets.text import size_text
from tlcore.devices import HostFacts, describe_host, gpu_memory
from tlcore.limits import UNBOUNDED
from tlcore.migrations.mark import Mark, read_mark
from tlcore.overview import folder_sizes, installed_versions
from tlcore.workspace import Workspace

_LOW_DISK_BYTES: Final = 2_000_000_000


def show_devices() -> None:
    """Processor, memory, graphics cards."""
    st.subheader("Devices", anchor=False)
    host = describe_host()
    cpu, memory, gpu = st.columns(3)
    cpu.metric("Processor cores", host.cores, border=True, height="stretch", help=plain_text(host.cpu))
    memory.metric(
        "Memory free",
        size_text(host.memory_free),
        f"of {size_text(host.memory_total)}",
        delta_color="off",
        delta_arrow="off",
        border=True,
        height="stretch",
        help="A training with the built-in models takes 1 to 2 GB.",
    )
    gpu.metric(
        "Graphics cards (GPU)",
        len(host.gpus),
        border=True,
        height="stretch",
        help="NVIDIA cards that the driver tells of. Training uses them when TensorFlow's CUDA libraries are there.",
    )
    _tell_cards(host)


def _tell_cards(host: HostFacts) -> None:
    if host.gpu_advice:
        st.warning(plain_text(host.gpu_advice), icon=":material/developer_board_off:")
    elif host.gpus:
        st.success(f"Training uses {plain_text(' and '.join(host.gpus))}.", icon=":material/developer_board:")
    else:
        st.caption(
            f"{plain_text(host.cpu)}. There is no NVIDIA graphics card; the built-in models train well on a processor."
        )
    for card in gpu_memory():
        st.progress(
            min(card.used / card.total, 1.0),
            text=f"{plain_text(card.name)}: {size_text(card.used)} of {size_text(card.total)} of its memory in use",
        )


def show_disk() -> None:
    """The workspace: where, how large, how much room is left."""
    st.subheader("Disk", anchor=False)
    place = workspace()
    sizes = _folder_sizes(str(place.root))
    free = shutil.disk_usage(place.root).free
    used, left = st.columns(2)
    used.metric("Workspace", size_text(sum(sizes.values())), border=True, help="All that the studio keeps.")
    left.metric("Free on this disk", size_text(free), border=True, help="Datasets and runs go here.")
    if is_operator():
        st.caption(f"Folder: {plain_text(str(place.root))}")
    if free < _LOW_DISK_BYTES:
        st.warning(
            "The disk is nearly full. Delete datasets or runs that you no longer need.", icon=":material/hard_drive:"
        )
    table = pd.DataFrame({"What": list(sizes), "Size": [size_text(size) for size in sizes.values()]})
    st.dataframe(table, hide_index=True, width="stretch")


@st.cache_data(ttl=30, max_entries=16, show_spinner="Adding up the workspace …")
def _folder_sizes(home: str) -> dict[str, int]:
    return folder_sizes(Workspace(Path(home)))


def show_versions() -> None:
    """What is installed, and the format of the workspace."""
    with st.expander("Versions", icon=":material/info:"):
        rows = installed_versions()
        st.dataframe(
            pd.DataFrame({"What": list(rows), "Version": list(rows.values())}), hide_index=True, width="stretch"
        )
        mark = read_mark(workspace().root)
        if mark is not None:
            _tell_format(mark)


def _tell_format(mark: Mark) -> None:
    st.caption(f"This workspace has format {mark.format}, written by version {plain_text(mark.version)}.")
    for move in mark.moves:
        st.caption(
            f"It was brought to format {move.to} on {plain_text(move.when[:10])}; what was changed then is kept as it "
            f"was in {plain_text(move.backup)}, inside the workspace."
        )


def show_limits() -> None:
    """How much may come in from outside."""
    with st.expander("Limits", icon=":material/straighten:"):
        limits = workspace().limits
        rows = {
            "Size of an archive": size_text(limits.archive_bytes),
            "Size of everything in an archive or folder": size_text(limits.expanded_bytes),
            "Pictures in one dataset": f"{limits.pictures:,}",
            "Size of one picture file": size_text(limits.picture_bytes),
            "Pixels of one picture": f"{limits.picture_pixels / 1e6:.0f} million",
            "Time to decode one picture": f"{limits.decode_seconds:g} s",
            "Memory to decode one picture": size_text(limits.decode_bytes),
            "All caches together": size_text(limits.cache_bytes),
            "Everything else in the workspace": _bytes_text(limits.workspace_bytes),
            "Trainings that are kept": f"{limits.runs:,}",
            "Versions of a dataset that are kept": f"{limits.versions:,}",
        }
        st.dataframe(
            pd.DataFrame({"Limit": list(rows), "Value": list(rows.values())}), hide_index=True, width="stretch"
        )


def _bytes_text(most: int) -> str:
    return "no limit" if most >= UNBOUNDED else size_text(most)
