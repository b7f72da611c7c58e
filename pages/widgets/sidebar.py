"""The sidebar: where one is. Dataset, design, the work at hand, the device; and what has just finished, on any page."""

from __future__ import annotations

import streamlit as st

from pages.widgets.draft import load_design
from pages.widgets.mode_note import draw_mode
from pages.widgets.modes import MODE_NAMES
from pages.widgets.reports import backbone_name
from pages.widgets.shell import current_dataset, guarded, plain_text, workspace
from pages.widgets.time_left import rest_of
from pages.widgets.timed import draw_every
from pages.widgets.views import run_view
from pages.widgets.waiting import number_in_queue, waiting
from tlcore.devices import describe_host
from tlcore.errors import StudioError
from tlcore.jobs.service import ensure_supervisor, mark_announced, unannounced
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State

_EVERY_SECONDS = 2.0
# While nothing is at work; what is started on this page is seen at once, what another window started a little later.
_IDLE_SECONDS = 5.0
_MOST_SHOWN = 3
_ANNOUNCED_KINDS = (
    "train",
    "import",
    "kaggle",
    "add",
    "prepare",
    "restore",
    "share",
    "take",
    "unpack-run",
    "unpack-dataset",
)

_ENDINGS = {
    State.COMPLETED: ("is done", ":material/check_circle:"),
    State.STOPPED: ("was stopped", ":material/stop_circle:"),
    State.INTERRUPTED: ("was interrupted", ":material/power_off:"),
    State.FAILED: ("failed", ":material/error:"),
}


def draw_sidebar() -> None:
    """Draws all of it; call it inside `st.sidebar`, after the page, so that it shows what the page has just changed."""
    with guarded():
        draw_mode()
    with guarded():
        _draw_design()
    draw_every(_EVERY_SECONDS if _is_at_work() else _IDLE_SECONDS, _draw_work)
    with guarded():
        _draw_device()


def _draw_design() -> None:
    dataset = current_dataset()
    if dataset is None:
        st.caption(":material/photo_library: No pictures chosen yet")
        return
    pictures = "" if dataset.pictures is None else f", {dataset.pictures:,} pictures"
    st.caption(f":material/photo_library: **{plain_text(dataset.name)}**{pictures}")
    design = load_design(workspace())
    backbones = ", ".join(backbone_name(backbone) for backbone in design.backbones) or "no model yet"
    modes = ", ".join(MODE_NAMES[mode] for mode in design.modes) or "no mode yet"
    st.caption(f":material/account_tree: {plain_text(backbones)}; {plain_text(modes)}")


def _is_at_work() -> bool:
    try:
        return bool(Registry(workspace()).unfinished())
    except StudioError:
        return True  # looked at again soon; what is drawn tells the error


def _draw_work() -> None:
    with guarded():
        announce()
        unfinished = Registry(workspace()).unfinished()
        if not unfinished:
            return
        ensure_supervisor(workspace())
        for record in unfinished[:_MOST_SHOWN]:
            _draw_job(record)
        if len(unfinished) > _MOST_SHOWN:
            st.caption(f"and {len(unfinished) - _MOST_SHOWN} more waiting")


def _draw_job(record: JobRecord) -> None:
    view = run_view(record.id)
    title = plain_text(record.title)
    if view.state is State.QUEUED:
        place = number_in_queue(waiting(record.id))
        st.caption(f":material/schedule: {title}: waiting" + (f", {place}" if place else ""))
        return
    left = rest_of(view)
    text = f"{title}, {left}" if left else title
    st.progress(view.fraction or 0.0, text=text)
    if record.kind == "train":
        st.page_link("pages/train.py", label="Watch", icon=":material/visibility:", query_params={"run": record.id})


def announce() -> None:
    """Tells of whatever has ended since somebody last looked, once each, whichever page is open; many in one line."""
    ended = [record for record in unannounced(workspace()) if record.state.ended]
    for record in ended:
        mark_announced(workspace(), record.id)
    news = [record for record in ended if record.kind in _ANNOUNCED_KINDS]
    if len(news) > _MOST_SHOWN:
        st.toast(f"{len(news)} trainings and other jobs have ended.", icon=":material/done_all:", duration="long")
        return
    for record in news:
        ending, icon = _ENDINGS[record.state]
        st.toast(f"**{plain_text(record.title)}** {ending}.", icon=icon, duration="long")


def _draw_device() -> None:
    host = describe_host()
    if host.trains_on_gpu:
        st.caption(f":material/developer_board: GPU: {plain_text(', '.join(host.gpus))}")
    else:
        st.caption(f":material/memory: Processor (CPU), {host.cores} cores")
    if host.gpu_advice:
        st.page_link("pages/system.py", label="A GPU is not used", icon=":material/warning:")
