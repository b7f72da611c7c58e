"""Fine-tuning on top of an earlier frozen run: its new last layer need not be trained again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from pages.widgets.draft import BackboneChoice
from pages.widgets.fields import OptionFields
from pages.widgets.run_titles import run_titles
from pages.widgets.shell import workspace
from tlcore.backbones.registry import find_backbone, resolve_width
from tlcore.config import Mode, RunConfig
from tlcore.errors import StudioError
from tlcore.jobs.preflight import earlier_config
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State

# With another split, pictures that the head has learned from would be called unseen.
_TAKEN_OVER = ("test_dataset", "seed", "split.train", "split.validation", "split.test", "split.fraction")
_ALSO_TAKEN_OVER = ("head.activation", "image_size")


def earlier_run(
    fields: OptionFields, dataset: str, backbones: Sequence[str], choices: Mapping[str, BackboneChoice]
) -> None:
    """A field that lists the finished frozen runs of the same dataset, backbone and width.

    Choosing one also takes over its split, seed, test set, size and output, which have to be the same.
    """
    if len(backbones) != 1:
        fields.put("from_run", None)
        return
    backbone = find_backbone(backbones[0])
    width = choices[backbone.id].width if backbone.id in choices else None
    runs = _candidates(dataset, backbone.id, resolve_width(backbone, width))
    names: dict[str | None, str] = {None: "No: train the new last layer first"}
    names |= {run_id: title for run_id, (title, _) in runs.items()}
    fields.choice(
        "from_run",
        "Saves the time of training the new last layer again. The earlier run's division of the pictures is taken "
        "over, so that its test pictures stay unseen." + ("" if runs else " There is no finished frozen run yet."),
        names,
    )
    chosen = fields.current("from_run")
    if chosen in runs:
        _take_over(fields, runs[chosen][1])
        st.caption(
            "The division of the pictures, seed, picture size and output are those of the earlier run, in every mode, "
            "so that the runs can be compared. Their fields are locked."
        )


def _candidates(dataset: str, backbone: str, width: float | None) -> dict[str, tuple[str, RunConfig]]:
    """Titles and configurations by run id, newest first."""
    found: dict[str, tuple[JobRecord, RunConfig]] = {}
    for record in Registry(workspace()).list("train", archived=False):
        if record.dataset != dataset or record.state is not State.COMPLETED:
            continue
        try:
            config = earlier_config(workspace(), record.id)
        except (StudioError, OSError):
            continue  # deleted meanwhile, or written by another version: not something to go on from
        if config.mode is Mode.FROZEN and config.backbone == backbone and config.width == width:
            found[record.id] = (record, config)
    titles = run_titles(record for record, _ in found.values())
    return {run_id: (titles[run_id], config) for run_id, (_, config) in found.items()}


def _take_over(fields: OptionFields, config: RunConfig) -> None:
    """Sets the options that must agree, and their fields, which are drawn after this one."""
    document = config.to_json()
    for name in (*_TAKEN_OVER, *_ALSO_TAKEN_OVER):
        part, _, rest = name.partition(".")
        value = document[part][rest] if rest else document[part]
        fields.lock(name, value)
