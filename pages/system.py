"""What the studio runs on, what it holds, what waits, and what went wrong."""

from __future__ import annotations

import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd
import streamlit as st

import tlcore
from pages.widgets.caches import show_caches
from pages.widgets.errors import APP_LOG, recent_errors
from pages.widgets.run_status import state_badge
from pages.widgets.shell import guarded, page_header, plain_text, workspace
from pages.widgets.tables import sentence_table
from pages.widgets.text import size_text
from tlcore.devices import describe_host
from tlcore.jobs.service import request_stop
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

_PACKAGES = ("tensorflow", "keras", "openvino", "streamlit", "numpy", "pillow", "scikit-learn")
_LOW_DISK_BYTES = 2_000_000_000


def show_page() -> None:
    """All sections; one that fails doesn't take the others with it."""
    page_header("System", "See what this computer offers, what is at work, and what went wrong.")
    for section in (show_devices, show_disk, show_caches, show_queue, show_errors, show_versions, show_limits):
        with guarded():
            section()


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
    if host.gpu_advice:
        st.warning(plain_text(host.gpu_advice), icon=":material/developer_board_off:")
    elif host.gpus:
        st.success(f"Training uses {plain_text(' and '.join(host.gpus))}.", icon=":material/developer_board:")
    else:
        st.caption(
            f"{plain_text(host.cpu)}. There is no NVIDIA graphics card; the built-in models train well on a processor."
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
    st.caption(f"Folder: {plain_text(str(place.root))}")
    if free < _LOW_DISK_BYTES:
        st.warning(
            "The disk is nearly full. Delete datasets or runs that you no longer need.", icon=":material/hard_drive:"
        )
    table = pd.DataFrame({"What": list(sizes), "Size": [size_text(size) for size in sizes.values()]})
    st.dataframe(table, hide_index=True, width="stretch")


@st.cache_data(ttl=30, max_entries=2, show_spinner="Adding up the workspace …")
def _folder_sizes(home: str) -> dict[str, int]:
    place = Workspace(Path(home))
    folders = {
        "Datasets": place.datasets,
        "Trainings and models": place.runs,
        "Other jobs": place.jobs,
        "Caches": place.cache,
        "Uploads not yet taken in": place.incoming,
        "Logs": place.logs,
    }
    return {name: _size(folder) for name, folder in folders.items()}


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size
        except FileNotFoundError:
            continue  # a job removed it meanwhile
    return total


def show_queue() -> None:
    """Jobs at work and waiting."""
    st.subheader("Queue", anchor=False)
    _queue()


@st.fragment(run_every=2.0)
def _queue() -> None:
    with guarded():
        records = Registry(workspace()).unfinished()
        if not records:
            st.caption("Nothing is at work. Trainings run one at a time; imports and other light jobs two at a time.")
        for record in records:
            _job(record)


def _job(record: JobRecord) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        state_badge(record.state)
        st.markdown(f"{plain_text(record.title)} ({record.kind}), since {record.queued:%d %b %H:%M} UTC")
        st.button(
            "Stop",
            icon=":material/stop_circle:",
            key=f"system-stop-{record.id}",
            disabled=record.state is State.STOPPING,
            help="A training keeps its best model so far; anything else keeps nothing half-made.",
            on_click=_stop,
            args=(record.id,),
        )


def _stop(run_id: str) -> None:
    with guarded():
        request_stop(workspace(), run_id)


def show_errors() -> None:
    """Unexpected errors by the id that people were shown, and jobs that failed."""
    st.subheader("Recent errors", anchor=False)
    errors = recent_errors(workspace())
    failed = [record for record in Registry(workspace()).list() if record.state is State.FAILED][:20]
    if not errors and not failed:
        st.caption("None.")
        return
    if errors:
        rows = pd.DataFrame(
            {
                "Id": [e.id for e in errors],
                "When (UTC)": [e.time.rstrip("Z").replace("T", " ") for e in errors],
                "What": [e.text for e in errors],
            }
        )
        sentence_table(rows, "unexpected-errors")
        st.caption(f"The details are in {plain_text(str(workspace().logs / APP_LOG))}.")
    if failed:
        rows = pd.DataFrame(
            {
                "Failed job": [record.title for record in failed],
                "When (UTC)": [f"{record.ended or record.created:%Y-%m-%d %H:%M}" for record in failed],
                "Why": [record.error or "" for record in failed],
            }
        )
        sentence_table(rows, "failed-jobs")


def show_versions() -> None:
    """What is installed."""
    with st.expander("Versions", icon=":material/info:"):
        rows = {"Transfer Learning Studio": tlcore.__version__, "Python": platform.python_version()}
        rows |= {name: _version(name) for name in _PACKAGES} | {"System": platform.platform()}
        st.dataframe(
            pd.DataFrame({"What": list(rows), "Version": list(rows.values())}), hide_index=True, width="stretch"
        )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


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
        }
        st.dataframe(
            pd.DataFrame({"Limit": list(rows), "Value": list(rows.values())}), hide_index=True, width="stretch"
        )


show_page()
