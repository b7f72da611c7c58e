"""The runs that a design asks for, checked before anything is started."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages.widgets.bad_values import in_labels
from pages.widgets.draft import Design, configuration
from tlcore.backbones.record import DownloadedWeights
from tlcore.backbones.registry import find_backbone, layer_table, weights_state
from tlcore.config import Mode, RunConfig
from tlcore.errors import StudioError
from tlcore.jobs.preflight import preflight
from tlcore.workspace import Workspace


@dataclass(frozen=True)
class PartCounts:
    """Pictures in each part."""

    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class Checked:
    """A configuration that nothing speaks against.

    Attributes:
        config: Complete.
        counts: Pictures in each part; None while the dataset is not prepared.
    """

    config: RunConfig
    counts: PartCounts | None


@dataclass(frozen=True)
class Planned:
    """One run that the design asks for.

    Attributes:
        backbone: Id of the backbone.
        mode: How much learns.
        checked: None when it can't be run.
        error: Why it can't be run, in plain words; "" when it can.
    """

    backbone: str
    mode: Mode
    checked: Checked | None = None
    error: str = ""


def plan(workspace: Workspace, design: Design, dataset: str, fingerprint: str) -> list[Planned]:
    """Every run that the design asks for: each backbone in each mode.

    Args:
        workspace: Where datasets and runs are.
        design: What was chosen.
        dataset: The dataset's id.
        fingerprint: The dataset's, so that what was found for other pictures of the same name is not used.
    """
    return [
        _planned(workspace, design, dataset, fingerprint, backbone, mode)
        for backbone in design.backbones
        for mode in design.modes
    ]


def _planned(
    workspace: Workspace, design: Design, dataset: str, fingerprint: str, backbone: str, mode: Mode
) -> Planned:
    try:
        config = configuration(design, dataset, backbone, mode)
        return Planned(
            backbone, mode, checked=_check(workspace, str(workspace.root), config.model_dump_json(), fingerprint)
        )
    except StudioError as error:
        return Planned(backbone, mode, error=in_labels(str(error)))


@st.cache_data(max_entries=256, ttl=60, show_spinner=False)
def _check(_workspace: Workspace, home: str, document: str, fingerprint: str) -> Checked:  # noqa: ARG001 - the key
    """Kept for a minute: dividing a large dataset takes a moment, and every click runs the page anew."""
    found = preflight(_workspace, RunConfig.model_validate_json(document))
    if found.material is None:
        return Checked(found.config, None)
    split = found.material.split
    return Checked(found.config, PartCounts(len(split.train), len(split.validation), len(split.test)))


@dataclass(frozen=True)
class Download:
    """Weights that have to come from the network first."""

    name: str
    megabytes: float


def downloads(design: Design) -> list[Download]:
    """The chosen backbones whose weights are not on this machine; training from scratch alone needs none."""
    if set(design.modes) <= {Mode.SCRATCH}:
        return []
    needed = []
    for backbone_id in design.backbones:
        backbone, width = find_backbone(backbone_id), design.choice(backbone_id).width
        weights = layer_table(backbone_id, width).weights
        if weights_state(backbone, width) == "download" and isinstance(weights, DownloadedWeights):
            needed.append(Download(backbone.name, weights.megabytes))
    return needed
