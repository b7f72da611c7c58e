"""Choosing a pretrained model, how much of it learns, and starting the training."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

import streamlit as st

from pages.widgets.backbones import backbone_choices, backbone_table
from pages.widgets.check_note import check_note
from pages.widgets.differences import with_differences
from pages.widgets.draft import Design, load_design, save_design
from pages.widgets.earlier import earlier_run
from pages.widgets.fields import OptionFields
from pages.widgets.forecast import show_forecast
from pages.widgets.modes import MODE_NAMES, mode_cards
from pages.widgets.network import assembled_network
from pages.widgets.options import advanced_options, basic_options
from pages.widgets.plans import Planned, downloads, plan
from pages.widgets.shell import current_dataset, guarded, next_step, page_header, plain_text, workspace
from tlcore.backbones.registry import find_backbone, list_backbones
from tlcore.config import Mode
from tlcore.data.catalog import list_datasets
from tlcore.data.dataset import DatasetInfo
from tlcore.jobs.service import submit
from tlcore.plots.network import network_figure
from tlcore.plots.theme import CHART_CONFIG, count_text

_FEW_PICTURES = 20
_ABLE = "model-able"


def show_page() -> None:
    """The whole page, from the dataset to the start button."""
    page_header("Model", "Choose a pretrained model and how much of it learns from your pictures.")
    dataset = current_dataset()
    if dataset is None:
        st.info(
            "A model learns from pictures, so they come first: your own, or a sample to try things out.",
            icon=":material/photo_library:",
        )
        next_step("Choose pictures", "pages/data.py")
        return
    show_dataset(dataset)
    with guarded():
        check_note(dataset)
    saved = load_design(workspace())
    design = choose(saved, dataset)
    if design != saved:
        save_design(workspace(), design)


def show_dataset(dataset: DatasetInfo) -> None:
    """One line about the pictures, and the way to others."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        pictures = "pictures not counted yet" if dataset.pictures is None else f"{dataset.pictures:,} pictures"
        st.markdown(
            f":material/photo_library: **{plain_text(dataset.name)}** · {pictures} · {len(dataset.class_names)} classes"
        )
        st.page_link("pages/data.py", label="Other pictures", icon=":material/swap_horiz:")
    counts = dataset.counts or {}
    few = [name for name, count in counts.items() if count < _FEW_PICTURES]
    if len([count for count in counts.values() if count]) < 2 and dataset.counts is not None:
        st.error("Telling apart takes at least two classes with pictures. Add another class on the Data page.")
    elif few:
        names = ", ".join(plain_text(name) for name in few[:5]) + (" …" if len(few) > 5 else "")
        st.warning(
            f"{len(few)} of {len(counts)} classes have fewer than {_FEW_PICTURES} pictures ({names}). It can work, but "
            "the result will be unsure: a few dozen pictures a class are a good start.",
            icon=":material/warning:",
        )


def choose(saved: Design, dataset: DatasetInfo) -> Design:
    """All fields, the drawing and the start; returns the design as it is now."""
    st.subheader("How much learns (mode)")
    st.caption("Tick several to compare them.")
    modes = mode_cards(saved.modes)
    st.subheader("Pretrained model (backbone)")
    st.caption(
        "EfficientNet-Lite0 is recommended: it is built in, so it needs no network, it is among the fastest on an "
        "ordinary computer, and on everyday pictures it is hard to beat. Tick several to compare them."
    )
    known = {backbone.id for backbone in list_backbones()}
    ids = backbone_table([backbone for backbone in saved.backbones if backbone in known])
    backbones = [find_backbone(backbone) for backbone in ids]
    fields = OptionFields(saved.options)
    st.subheader("Options")
    basic_options(fields, modes)
    with st.expander("Advanced", icon=":material/tune:"):
        st.caption("Nothing here has to be changed. Each field's question mark says when one would.")
        choices = backbone_choices(saved, backbones, modes)
        if Mode.FINE_TUNE in modes:
            earlier_run(fields, dataset.id, ids, choices)
        others = [info for info in list_datasets(workspace()) if info.id != dataset.id]
        advanced_options(fields, modes, others, len(dataset.class_names))
    design = Design(modes=modes, backbones=ids, options=fields.values, of_backbone=choices)
    planned = plan(workspace(), design, dataset.id, dataset.fingerprint)
    show_problems(planned)
    able = last_able(planned, dataset)
    show_network(able, len(dataset.class_names))
    with guarded():
        show_forecast(able, dataset.fingerprint)
    show_start(design, planned, dataset)
    return design


def show_problems(planned: Sequence[Planned]) -> None:
    """What speaks against the options, right under them."""
    for text in dict.fromkeys(one.error for one in planned if one.error):
        st.error(plain_text(text), icon=":material/error:")


def last_able(planned: Sequence[Planned], dataset: DatasetInfo) -> Sequence[Planned]:
    """The planned runs; where none of them can be run, those that could before, so that a slip clears nothing away."""
    whose = (dataset.id, dataset.fingerprint, [(one.backbone, one.mode) for one in planned])
    if any(one.checked is not None for one in planned):
        st.session_state[_ABLE] = (whose, planned)
        return planned
    before, kept = st.session_state.get(_ABLE, (None, planned))
    if before != whose or not planned:
        return planned
    st.caption("Network and forecast are those from before the value that can't be.")
    return list(kept)


def show_network(planned: Sequence[Planned], classes: int) -> None:
    """The drawing of one of the planned networks; with several, a choice of which."""
    able = [one for one in planned if one.checked is not None]
    if not able:
        return
    st.subheader("The network")
    shown = able[0]
    if len(able) > 1:
        index = st.selectbox(
            "Show the network of", range(len(able)), format_func=lambda place: run_name(able[place]), key="model-drawn"
        )
        shown = able[min(index, len(able) - 1)]
    if shown.checked is None:
        return
    network = assembled_network(shown.checked.config, classes)
    about = "about " if shown.mode is Mode.SCRATCH else ""
    st.caption(
        f"From the picture above to the answer below. {count_text(network.parameters)} weights in all; {about}"
        f"**{count_text(network.trainable)} learn** and the rest stays as it was trained on ImageNet."
        if network.trainable < network.parameters * 0.9
        else f"From the picture above to the answer below. All of its {count_text(network.parameters)} weights learn."
    )
    st.plotly_chart(
        network_figure(network.blocks, dark=st.context.theme.type == "dark"),
        key="model-network",
        config=CHART_CONFIG | {"displayModeBar": False},
        alt="The parts of the network from picture to answer: "
        + "; ".join(f"{block.name} {'learns' if block.trainable else 'is locked'}" for block in network.blocks),
    )


def show_start(design: Design, planned: Sequence[Planned], dataset: DatasetInfo) -> None:
    """What will be started, what speaks against it, and the button."""
    st.subheader("Start")
    if not design.modes:
        st.error("No mode is ticked. Tick at least one of the cards on top.")
    if not design.backbones:
        st.error("No pretrained model is ticked. Tick at least one in the table.")
    if any(one.error for one in planned):
        st.caption(":red[:material/error: Something stands in the way: it is said under the options.]")
    for needed in downloads(design):
        st.info(
            f"{needed.name} is fetched first: a download of {needed.megabytes:.0f} MB, once. Without a network the run "
            "ends within seconds and says so; built-in models need none.",
            icon=":material/download:",
        )
    able = [one for one in planned if one.checked is not None]
    if able and able[0].checked is not None and able[0].checked.counts is not None:
        counts = able[0].checked.counts
        st.caption(
            f"{counts.train:,} pictures to learn from, {counts.validation:,} to choose the best round by, "
            f"{counts.test:,} kept back for the test."
        )
    if len(planned) > 1:
        st.caption("One after another: " + "; ".join(run_name(one) for one in planned) + ".")
    ready = bool(planned) and len(able) == len(planned)
    label = "Start training" if len(planned) < 2 else f"Start {len(planned)} trainings"
    if st.button(label, type="primary", icon=":material/play_arrow:", disabled=not ready, key="model-start"):
        with guarded():
            start(able, dataset)


def start(planned: Sequence[Planned], dataset: DatasetInfo) -> None:
    """Queues every planned run and shows the first. The token makes a double click one training."""
    token = st.session_state.setdefault("model-token", uuid4().hex)
    ids = [
        submit(
            workspace(),
            "train",
            one.checked.config.to_json(),
            title=f"{dataset.name}: {with_differences(run_name(one), one.checked.config)}",
            dataset=dataset.id,
            token=f"{token}-{one.backbone}-{one.mode.value}",
        )
        for one in planned
        if one.checked is not None
    ]
    del st.session_state["model-token"]
    st.switch_page("pages/train.py", query_params={"run": ids[0]})


def run_name(one: Planned) -> str:
    """What people call a planned run on this page, where its options are in sight."""
    return f"{find_backbone(one.backbone).name}, {MODE_NAMES[one.mode]}"


show_page()
