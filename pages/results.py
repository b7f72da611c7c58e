"""How good a finished run is on pictures it never saw."""

from __future__ import annotations

from typing import Final

import streamlit as st

from pages.widgets.going_on import more_rounds
from pages.widgets.history import epoch_charts, rate_section
from pages.widgets.later import in_view
from pages.widgets.reports import Finished, finished_runs, ranked_test_pictures, read_report, short_name
from pages.widgets.result_parts import confusion_part, details_part, downloads_part, headline, per_class_part
from pages.widgets.result_settings import settings_part
from pages.widgets.result_time import time_part
from pages.widgets.run_actions import delete_button
from pages.widgets.run_status import STATE_LOOKS
from pages.widgets.run_titles import run_titles
from pages.widgets.run_words import show_words
from pages.widgets.shell import current_dataset, next_step, page_header, plain_text, show_error, workspace
from pages.widgets.test_grid import test_grid
from tlcore.errors import StudioError
from tlcore.evaluation.report import Report
from tlcore.runs.folder import RunFolder
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State

_WITHOUT_RESULT: Final[dict[State, tuple[str, str]]] = {
    State.QUEUED: ("This run waits for its turn; its result comes when it is done.", ""),
    State.RUNNING: ("This run is training; its result comes when it is done.", ""),
    State.STOPPING: ("This run is being stopped; the result of its best model so far comes in a moment.", ""),
    State.STOPPED: ("This run was stopped before there was a model to keep.", "On the Train page it can go on."),
    State.INTERRUPTED: ("This run was interrupted before it had a result.", "On the Train page it can go on."),
    State.FAILED: ("This run failed and has no result.", ""),
    State.COMPLETED: ("This run is done, but its result is missing.", ""),
}
"""What is said of a run without a result: how it stands, and what can be done."""


def show_page() -> None:
    """The run that the address names, else the newest finished one."""
    page_header("Results", "How good the model is on pictures it never saw.")
    runs = finished_runs(workspace())
    asked = st.query_params.get("run")
    try:
        record = Registry(workspace()).get(asked) if asked else runs[0].record if runs else None
        if record is None:
            show_empty()
            return
        choose_run(record, runs)
        folder = RunFolder.find(workspace(), record.id)
        if not folder.report.is_file():
            show_unfinished(record)
            return
        report = read_report(folder.report)
    except StudioError as error:
        show_error(error)
        next_step("See all runs", "pages/compare.py")
        return
    show_report(record, report, folder)


def show_empty() -> None:
    """Before the first run has finished."""
    st.info(
        "Here you will read how many pictures the model named right that it had never seen, which classes it mixes up, "
        "and where it was wrong. First train a model: a sample takes less than a minute.",
        icon=":material/insights:",
    )
    if current_dataset() is None:
        next_step("Go to the start", "pages/home.py")  # the sample is one click there
    else:
        next_step("Choose a model", "pages/model.py")


def show_unfinished(record: JobRecord) -> None:
    """A run that is not done, or ended without a result."""
    what, way_out = _WITHOUT_RESULT[record.state]
    told = " ".join(part for part in (what, plain_text(record.error or ""), way_out) if part)
    (st.warning if record.state.ended else st.info)(told, icon=STATE_LOOKS[record.state][1])
    st.page_link(
        "pages/train.py", label="Look at the run", icon=":material/model_training:", query_params={"run": record.id}
    )
    if record.state.ended:
        delete_button(record)


def choose_run(record: JobRecord, runs: list[Finished]) -> None:
    """Which run is shown; the address follows."""
    titles = run_titles(one.record for one in runs)
    titles.setdefault(record.id, f"{record.title} ({STATE_LOOKS[record.state][0].lower()}, {record.id})")
    ids = list(titles)
    if st.query_params.get("run") != record.id:
        st.query_params["run"] = record.id
    st.session_state["results-run"] = record.id
    st.selectbox("Run", ids, format_func=titles.__getitem__, key="results-run", on_change=_follow, args=(tuple(ids),))


def _follow(known: tuple[str, ...]) -> None:
    """Leads to the run that was picked; a text that no run has any more leads nowhere."""
    if st.session_state["results-run"] in known:
        st.query_params["run"] = st.session_state["results-run"]


def show_report(record: JobRecord, report: Report, folder: RunFolder) -> None:
    """Everything that a report says, the most important first."""
    st.caption(
        f"{short_name(report)}, on {plain_text(report.dataset.name)}"
        + (f", tested on {plain_text(report.dataset.test_dataset)}" if report.dataset.test_dataset else "")
    )
    if record.archived:
        st.warning(
            "This run lies in the bin: no list offers it. The end of this page takes it out.", icon=":material/delete:"
        )
    show_words(record)
    headline(report)
    next_step("Predict with this model", "pages/predict.py", {"run": record.id})
    if in_view("results-classes-later", 560):
        left, right = st.columns(2, gap="large")
        with left:
            confusion_part(report)
        with right:
            per_class_part(report)
    st.subheader("Test pictures")
    try:
        test_grid(report, ranked_test_pictures(folder))
    except StudioError as error:
        show_error(error)
    st.subheader("How training went")
    if not report.history:
        st.caption("It was stopped before the first round was over.")
    elif in_view("results-history-later", 420):
        rows = [row.model_dump(mode="json") for row in report.history]
        epoch_charts(rows, report.config.early_stopping, report.run_id, "results")
        rate_section(rows, report.run_id, "results")
    time_part(report)
    details_part(report)
    settings_part(report.config)
    downloads_part(report, folder)
    more_rounds(record, then_watch=True)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link("pages/compare.py", label="Compare with other runs", icon=":material/compare_arrows:")
        delete_button(record)


show_page()
