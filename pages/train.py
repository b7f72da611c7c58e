"""A training while it runs: state, live curves, stop and resume, the queue."""

from __future__ import annotations

import streamlit as st

from pages.widgets.going_on import go_on_button, more_rounds
from pages.widgets.history import batch_charts, epoch_charts, rate_section
from pages.widgets.later import in_view
from pages.widgets.reports import read_report
from pages.widgets.run_actions import delete_button
from pages.widgets.run_status import ending_without_result, progress_line, result_line, state_badge
from pages.widgets.run_titles import run_titles
from pages.widgets.shell import current_dataset, guarded, next_step, page_header, plain_text, show_error, workspace
from pages.widgets.time_left import time_left
from pages.widgets.timed import draw_every
from pages.widgets.views import run_view
from pages.widgets.waiting import number_in_queue, waiting
from tlcore.config import EarlyStoppingConfig, RunConfig
from tlcore.errors import StudioError
from tlcore.jobs.service import ensure_supervisor, request_stop
from tlcore.runs.folder import RunFolder
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.runs.view import RunView

_MOST_LISTED = 100
_EVERY_SECONDS = 1.0
_QUEUE_SECONDS = 2.0


def show_page() -> None:
    """The run that the address names, else the newest at work, else the newest."""
    page_header("Train", "Watch a training; it goes on when you close this page.")
    try:
        runs = Registry(workspace()).list("train", archived=False)
        asked = st.query_params.get("run")
        record = Registry(workspace()).get(asked) if asked else default_run(runs)
        if record is None:
            show_empty()
            return
        choose_run(record, runs)
        view = run_view(record.id)
    except StudioError as error:
        show_error(error)
        next_step("See all runs", "pages/compare.py")
        return
    if view.state.ended:
        show_run(view)
        show_end(view)
    else:
        ensure_supervisor(workspace())
        draw_every(_EVERY_SECONDS, live, record.id)
    if any(not one.state.ended and one.id != record.id for one in runs):
        draw_every(_QUEUE_SECONDS, show_queue, record.id)


def default_run(runs: tuple[JobRecord, ...]) -> JobRecord | None:
    """The newest run at work, else the newest waiting, else the newest."""
    active = [record for record in runs if record.state.active]
    waiting = [record for record in runs if record.state is State.QUEUED]
    return next(iter([*active, *reversed(waiting), *runs]), None)


def show_empty() -> None:
    """Before the first run."""
    st.info(
        "A training shows here while it runs: how far it is, how long it still takes, and whether it still gets "
        "better. There is none yet.",
        icon=":material/model_training:",
    )
    if current_dataset() is None:
        next_step("Go to the start", "pages/home.py")  # the sample is one click there
    else:
        next_step("Choose a model", "pages/model.py")


def choose_run(record: JobRecord, runs: tuple[JobRecord, ...]) -> None:
    """Which run is shown; the address follows."""
    listed = runs[:_MOST_LISTED]
    titles = run_titles(listed if record in listed else (*listed, record))
    _name_in_address(record.id)
    st.session_state["train-run"] = record.id
    st.selectbox(
        "Run", list(titles), format_func=titles.__getitem__, key="train-run", on_change=_follow, args=(tuple(titles),)
    )


def _follow(known: tuple[str, ...]) -> None:
    """Leads to the run that was picked; a text that no run has any more, because its title grew, leads nowhere."""
    if st.session_state["train-run"] in known:
        _name_in_address(st.session_state["train-run"])


def _name_in_address(run_id: str) -> None:
    if st.query_params.get("run") != run_id:
        st.query_params["run"] = run_id


def live(run_id: str) -> None:
    """Draws the run anew until it ends."""
    try:
        view = run_view(run_id)
    except StudioError as error:
        show_error(error)
        return
    if view.state.ended:
        _name_in_address(run_id)  # a request that left before the browser heard of a change brings the old one
        st.rerun()
    show_run(view)


def show_run(view: RunView) -> None:
    """State, progress, buttons, notes, curves and log of a run at any time of its life."""
    with st.container(horizontal=True, vertical_alignment="center"):
        state_badge(view.state)
        if view.state in (State.QUEUED, State.RUNNING, State.STOPPING):
            stopping = view.state is State.STOPPING
            st.button(
                "Stop",
                icon=":material/stop_circle:",
                key=f"train-stop-{view.id}",  # a click on its way never stops the run that is shown next
                disabled=stopping,
                help="Ends the training at the next step. The best model so far is kept and tested.",
                # Called before anything is drawn: a run of this part that takes too long makes way for the next one.
                on_click=_stop,
                args=(view.id,),
            )
        go_on_button(view.record)
    if not view.state.ended:
        with st.container():
            progress_line(view)
            time_left(view)
    else:
        st.empty()  # takes the place of the progress at once: "Done" and "nearly done" must not stand together
        show_outcome(view)
    for note in view.notes:
        (st.warning if note.level == "warning" else st.caption)(plain_text(note.text))
    show_curves(view)
    show_log(view)


def _stop(run_id: str) -> None:
    with guarded():
        request_stop(workspace(), run_id)


def show_outcome(view: RunView) -> None:
    """The result in one line and the way to Results, or why there is none."""
    folder = RunFolder.find(workspace(), view.id)
    has_result = folder.report.is_file()
    if not has_result or view.state in (State.INTERRUPTED, State.FAILED):
        ending_without_result(view.record)
    if not has_result:
        return
    with guarded():
        result_line(read_report(folder.report))
        st.page_link(
            "pages/results.py", label="**See the results**", icon=":material/insights:", query_params={"run": view.id}
        )


def show_curves(view: RunView) -> None:
    """Loss and accuracy, by epoch or by batch, and the learning rate."""
    if not view.history and not view.batches:
        if not view.state.ended:
            st.caption("The curves begin with the first round over the pictures.")
        return
    if not in_view("train-curves-later", 480):
        return
    how = st.segmented_control(
        "Curves",
        ["epoch", "batch"],
        format_func={"epoch": "By round (epoch)", "batch": "By step (batch)"}.__getitem__,
        default="epoch",
        required=True,
        key="by",
    )
    if how == "batch" and view.batches:
        batch_charts(view.batches, view.id, "train")
    elif view.history:
        epoch_charts(view.history, early_stopping(view.id), view.id, "train")
    elif view.state.ended:
        st.caption("No round was finished; by step there is something to see.")
    else:
        st.caption("The first round isn't over yet; by step there is something to see already.")
    if view.history:
        rate_section(view.history, view.id, "train")


def early_stopping(run_id: str) -> EarlyStoppingConfig:
    """By what the run chooses its best epoch; the default where its configuration can't be read."""
    try:
        return RunConfig.from_json(RunFolder.find(workspace(), run_id).read_config()).early_stopping
    except StudioError:
        return EarlyStoppingConfig()


def show_log(view: RunView) -> None:
    """What the worker printed, folded away."""
    with st.expander("Log", icon=":material/terminal:"):
        text = view.log_tail()
        if text:
            st.code(text, language=None, wrap_lines=True, height=300)
        else:
            st.caption("Nothing was printed, which is how it should be.")


def show_end(view: RunView) -> None:
    """What can be done once a run has ended."""
    more_rounds(view.record)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link("pages/model.py", label="Train another", icon=":material/add:")
        delete_button(view.record)


def show_queue(shown: str) -> None:
    """Other runs that are at work or wait."""
    others = [record for record in Registry(workspace()).unfinished() if record.kind == "train" and record.id != shown]
    if not others:
        _name_in_address(shown)
        st.rerun()
    st.subheader("Queue")
    for record in others:
        place = number_in_queue(waiting(record.id))
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            state_badge(record.state)
            st.markdown(plain_text(record.title) + (f", {place}" if place else ""))
            st.page_link("pages/train.py", label="Show", icon=":material/visibility:", query_params={"run": record.id})


show_page()
