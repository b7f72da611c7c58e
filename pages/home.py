"""The way in: a first success with one click, one's own pictures, and what was done before."""

from __future__ import annotations

from uuid import uuid4

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.widgets.jobs import watch_job
from pages.widgets.mode_note import demo_sentence
from pages.widgets.reports import in_words, read_report
from pages.widgets.run_status import ending_without_result, state_badge
from pages.widgets.shell import current_dataset, current_run, guarded, page_header, plain_text, use_dataset, workspace
from pages.widgets.story import BROWSE_DRAWING, OWN_DRAWING, SAMPLE_DRAWING, STORY
from pages.widgets.time_left import silence_in_words
from pages.widgets.timed import draw_every
from pages.widgets.views import run_view
from tlcore.data.catalog import find_dataset
from tlcore.errors import StudioError
from tlcore.jobs.quickstart import quickstart_config
from tlcore.jobs.service import submit
from tlcore.modes import Source
from tlcore.runs.folder import RunFolder
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State

_RECENT = 5
_EVERY_SECONDS = 2.0
_STAY = {
    "local": "They stay on this computer.",
    "team": "Nobody else sees them unless you share them.",
    "demo": "They are deleted soon after you leave.",
}
_FOLLOWED = "home-followed"


def show_page() -> None:
    """The sentence, the sample at work, the three cards, recent runs, the story."""
    page_header(
        "Transfer Learning Studio",
        "Teach your computer to tell your pictures apart: choose pictures, train, and ask it about new ones.",
    )
    demo_sentence()
    with guarded():
        follow_sample()
    draw_cards()
    with guarded():
        recent_runs()
    with st.expander("What is transfer learning? A story in three pictures", icon=":material/auto_stories:"):
        for column, panel in zip(st.columns(3), STORY, strict=True):
            with column:
                st.image(panel.drawing, alt=panel.alt, width="stretch")
                st.markdown(f"**{panel.title}**  \n{panel.text}")


def draw_cards() -> None:
    """The three ways in."""
    sample, own, *browsing = st.columns(3 if workspace().allows(Source.TFDS) else 2)
    with sample, st.container(border=True, height="stretch"):
        st.image(SAMPLE_DRAWING, alt="A picture goes into a network and comes out as an answer", width="stretch")
        st.subheader("Try a sample", anchor=False)
        st.markdown(
            "One click: 1,797 handwritten digits are prepared, a model learns them in less than a minute, and you ask "
            "it about one that it never saw. No network needed."
        )
        st.button("Try a sample", type="primary", icon=":material/play_arrow:", key="home-sample", on_click=_start)
    with own, st.container(border=True, height="stretch"):
        st.image(OWN_DRAWING, alt="A folder of photos", width="stretch")
        st.subheader("Use my own pictures", anchor=False)
        st.markdown(
            f"A zip or a folder with one folder of pictures for each class, or the camera. {_STAY[workspace().mode]}"
        )
        st.page_link(
            "pages/data.py", label="**Bring my pictures**", icon=":material/upload:", query_params={"new": "zip"}
        )
    for browse in browsing:
        _catalogue_card(browse)


def _catalogue_card(place: DeltaGenerator) -> None:
    with place, st.container(border=True, height="stretch"):
        st.image(BROWSE_DRAWING, alt="Rows of photos", width="stretch")
        st.subheader("Browse the catalogue", anchor=False)
        st.markdown("Datasets that others have published: cats and dogs, flowers, leaves, satellite pictures and more.")
        st.page_link(
            "pages/data.py",
            label="**Look around**",
            icon=":material/photo_library:",
            query_params={"source": "catalogue"},
        )


def _start() -> None:
    """Queues the sample's training; the address then names it. The token makes a double click one training."""
    with guarded():
        config = quickstart_config()
        name = find_dataset(workspace(), config.dataset).name
        if current_dataset() is None:
            use_dataset(config.dataset)
        token = st.session_state.setdefault("home-token", uuid4().hex)
        run_id = submit(
            workspace(), "train", config.to_json(), f"{name}: sample run", dataset=config.dataset, token=token
        )
        st.query_params["run"] = run_id


def follow_sample() -> None:
    """Progress of the run that the address names; once it is done, on to Predict with it.

    A run that had ended before anybody watched it here is only linked: coming back must not lead away again.
    """
    run_id = current_run()
    if run_id is None:
        return
    view = watch_job(run_id)
    if not view.state.ended:
        st.session_state[_FOLLOWED] = run_id
        st.page_link(
            "pages/train.py", label="Watch it learn", icon=":material/show_chart:", query_params={"run": run_id}
        )
        return
    st.session_state.pop("home-token", None)
    if view.state is not State.COMPLETED:
        ending_without_result(view.record)
        return
    if st.session_state.pop(_FOLLOWED, None) == run_id:
        st.switch_page("pages/predict.py", query_params={"run": run_id})
    st.page_link(
        "pages/predict.py",
        label="**The sample's model is ready: ask it about a picture**",
        icon=":material/image_search:",
        query_params={"run": run_id},
    )


def recent_runs() -> None:
    """The latest trainings with state and result, kept up to date while one is at work."""
    st.subheader("Recent runs", anchor=False)
    runs = Registry(workspace()).list("train", archived=False)[:_RECENT]
    if not runs:
        st.caption("Nothing was trained yet. What you train will be listed here with its result.")
        return
    moving = any(not record.state.ended for record in runs)
    draw_every(_EVERY_SECONDS if moving else None, _list_runs)


def _list_runs() -> None:
    with guarded():
        for record in Registry(workspace()).list("train", archived=False)[:_RECENT]:
            _draw_run(record)


def _draw_run(record: JobRecord) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        state_badge(record.state)
        told = _result(record) + _silence(record)
        st.markdown(f"**{plain_text(record.title)}**, {record.created:%d %b %H:%M} UTC{told}")
        page = "pages/results.py" if _has_report(record) else "pages/train.py"
        st.page_link(page, label="Open", icon=":material/arrow_forward:", query_params={"run": record.id})


def _silence(record: JobRecord) -> str:
    """That a run which is called at work is not."""
    if not record.state.active:
        return ""
    view = run_view(record.id)
    return f": {silence_in_words(view)}" if view.not_responding else ""


def _has_report(record: JobRecord) -> bool:
    return record.state.ended and RunFolder(workspace().runs / record.id).report.is_file()


def _result(record: JobRecord) -> str:
    if not _has_report(record):
        return ""
    try:
        return f": {in_words(read_report(RunFolder(workspace().runs / record.id).report).test)}"
    except StudioError:
        return ": its report can't be read"


show_page()
