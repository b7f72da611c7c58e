"""Choosing pretrained models, and what is chosen for each of them alone."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages.widgets.draft import DEFAULT_BACKBONE, BackboneChoice, Design
from tlcore.backbones.record import Backbone, DownloadedWeights
from tlcore.backbones.registry import layer_table, list_backbones, weights_state
from tlcore.config import Mode

_BYTES_PER_WEIGHT = 4


def backbone_table(chosen: Sequence[str]) -> tuple[str, ...]:
    """A sortable table in which several backbones may be ticked; returns the ids of the ticked ones."""
    backbones = sorted(list_backbones(), key=lambda backbone: backbone.id != DEFAULT_BACKBONE)
    table = pd.DataFrame([_row(backbone) for backbone in backbones])
    rows = [index for index, backbone in enumerate(backbones) if backbone.id in chosen]
    event = st.dataframe(
        table,
        key="design-backbones",
        hide_index=True,
        height=282,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": rows, "columns": [], "cells": []}},
        alt="Pretrained models with their accuracy on ImageNet, size, and where their weights are",
        column_config={
            "Pretrained model": st.column_config.TextColumn(pinned=True, width=165),
            "ImageNet accuracy": st.column_config.NumberColumn(
                "Accuracy",
                format="%.1f%%",
                help="How many of ImageNet's everyday photos it names right at the first guess, as published. A better "
                "one often, not always, does better on your pictures.",
            ),
            "Weights (million)": st.column_config.NumberColumn(
                "Weights",
                format="%.1f M",
                help="Millions of numbers that it has learned. More is slower and needs more memory.",
            ),
            "Size": st.column_config.NumberColumn(format="%.0f MB", help="Memory that its weights take."),
            "Pictures": st.column_config.NumberColumn(
                format="%d px", help="The size that it was trained with; larger pictures are slower."
            ),
            "Where": st.column_config.TextColumn(
                "Where it is", help="Built in and cached ones work without a network; the others are fetched once."
            ),
            "Memory": st.column_config.NumberColumn(
                format="%.0f MB",
                help="What it works out for one picture at its own size. Where all of it learns, a step keeps about "
                "this much for each of its pictures.",
            ),
            "Licence": st.column_config.TextColumn(help="The licence of the weights."),
            "Paper": st.column_config.LinkColumn(help="The paper that describes it."),
            "Accuracy by": st.column_config.LinkColumn(help="Where the accuracy was published."),
        },
    )
    return tuple(backbones[index].id for index in event.selection.rows if index < len(backbones))


def _row(backbone: Backbone) -> dict[str, object]:
    table = layer_table(backbone.id)
    recommended = ", recommended" if backbone.id == DEFAULT_BACKBONE else ""
    return {
        "Pretrained model": backbone.name,
        "ImageNet accuracy": 100 * backbone.accuracy.top1,
        "Where": _where(backbone) + recommended,
        "Weights (million)": table.parameters / 1e6,
        "Size": table.parameters * _BYTES_PER_WEIGHT / 1e6,
        "Pictures": backbone.default_size,
        "Memory": backbone.megabytes_per_picture,
        "Licence": backbone.licence,
        "Paper": backbone.paper,
        "Accuracy by": backbone.accuracy.source,
    }


def _where(backbone: Backbone) -> str:
    state = weights_state(backbone)
    weights = layer_table(backbone.id).weights
    if state == "download" and isinstance(weights, DownloadedWeights):
        return f"download of {weights.megabytes:.0f} MB"
    return "built in" if state == "built in" else "here (cached)"


def backbone_choices(design: Design, backbones: Sequence[Backbone], modes: Sequence[Mode]) -> dict[str, BackboneChoice]:
    """Fields for what is chosen for each backbone alone; returns the choices of all, also of those not shown."""
    choices = dict(design.of_backbone)
    for backbone in backbones:
        if not backbone.widths and Mode.FINE_TUNE not in modes:
            continue
        if len(backbones) > 1:
            st.markdown(f"**{backbone.name}**")
        choice = design.choice(backbone.id)
        width = _width(backbone, choice)
        if Mode.FINE_TUNE in modes:
            choice = _cut(backbone, choice, width)
        choices[backbone.id] = choice.model_copy(update={"width": width})
    return choices


def _width(backbone: Backbone, choice: BackboneChoice) -> float | None:
    if not backbone.widths:
        return None
    key = f"design-width-{backbone.id}"
    if key not in st.session_state:
        st.session_state[key] = choice.width if choice.width in backbone.widths else backbone.default_width
    width = st.selectbox(
        "Width of the network",
        backbone.widths,
        format_func=lambda width: f"{width:g} of the full width",
        key=key,
        help="Narrower networks are faster and smaller and know less. 1 is the full network.",
    )
    return None if width == backbone.default_width else width


_CUTS = {"default": "Top two stages", "stages": "From a stage on", "layer": "From a layer on"}


def _cut(backbone: Backbone, choice: BackboneChoice, width: float | None) -> BackboneChoice:
    """Where fine-tuning starts."""
    key = f"design-cut-{backbone.id}"
    if key not in st.session_state:
        st.session_state[key] = (
            "layer" if choice.fine_tune_at is not None else "stages" if choice.unfreeze else "default"
        )
    cut = st.segmented_control(
        "Fine-tuning unlocks",
        list(_CUTS),
        format_func=_CUTS.__getitem__,
        key=key,
        required=True,
        wrap=True,
        help="The later layers know whole things, the earlier ones edges and colours. Unlock more when your pictures "
        "look very different from photos and there are many of them; unlocking much with few pictures learns them by "
        "heart.",
    )
    if cut == "stages":
        return BackboneChoice(unfreeze=_stages_from(backbone, choice, width))
    if cut == "layer":
        return BackboneChoice(fine_tune_at=_layer(backbone, choice, width))
    return BackboneChoice()


def _stages_from(backbone: Backbone, choice: BackboneChoice, width: float | None) -> tuple[str, ...]:
    stages = layer_table(backbone.id, width).stages
    key = f"design-stage-{backbone.id}"
    if key not in st.session_state:
        st.session_state[key] = next((stage for stage in stages if stage in choice.unfreeze), stages[-2])
    first = st.selectbox(
        "First stage that learns",
        stages,
        key=key,
        help="This stage and all after it learn; the drawing shows which.",
    )
    return stages[stages.index(first) :]


def _layer(backbone: Backbone, choice: BackboneChoice, width: float | None) -> int:
    table = layer_table(backbone.id, width)
    last = len(table.layers) - 1
    key = f"design-layer-{backbone.id}"
    if key not in st.session_state:
        start = table.first_layer(table.stages[-2:]) if choice.fine_tune_at is None else choice.fine_tune_at
        st.session_state[key] = min(start, last)
    number = int(
        st.number_input(
            f"First layer that learns (0 to {last})",
            step=1,
            key=key,
            help="Layers are counted from the picture. BatchNorm layers stay as they are wherever you start.",
        )
    )
    if not 0 <= number <= last:
        return number  # the configuration's check says what is wrong with it
    layer = table.layers[number]
    st.caption(
        f"Layer {number} is `{layer.name}` ({layer.kind}, stage {layer.stage}); "
        f"{table.trainable_from(number):,} weights of the backbone learn."
    )
    return number
