"""What a training will take: told on the Model page before it is started, first as an estimate, then as measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from pages.widgets.jobs import watch_job
from pages.widgets.modes import MODE_NAMES
from pages.widgets.plans import Planned
from pages.widgets.shell import guarded, plain_text, workspace
from pages.widgets.time_left import foretold_in_words
from tlcore.backbones.registry import find_backbone, weights_state
from tlcore.config import Mode, RunConfig
from tlcore.jobs.calibrate import (
    KIND,
    latest_calibration,
    may_begin_unasked,
    submit_calibration,
    why_not_now,
)
from tlcore.jobs.preflight import preflight
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.training.cache_plan import in_words
from tlcore.training.forecast import Forecast, forecast
from tlcore.workspace import Workspace

_STEPS: Final = {
    "start": "Starting and building the model",
    "convert": "Converting the pretrained model (once)",
    "read": "Reading the pictures",
    "features": "Looking at the pictures",
    "copies": "Looking at their changed copies",
    "scratch": "Training from scratch",
    "frozen": "Training the new last layer",
    "fine_tune": "Fine-tuning",
    "finish": "Testing and keeping the model",
}
_BUSY: Final = "Measured on this computer while other work was running: it may take less."
_CACHE_SECONDS: Final = 15


@dataclass(frozen=True)
class _Told:
    """A planned run with its forecast, and whether it may be measured without asking."""

    config: RunConfig
    forecast: Forecast
    unasked: bool


def show_forecast(planned: Sequence[Planned], fingerprint: str) -> None:
    """The section of the Model page.

    Args:
        planned: The runs that the design asks for.
        fingerprint: The dataset's, so that what was foretold for other pictures of the same name is not shown.
    """
    able = [one.checked for one in planned if one.checked is not None]
    if not able:
        return
    st.subheader("What it will take")
    newest = [latest_calibration(workspace(), checked.config) for checked in able]
    state = " ".join([str(workspace().root), *(f"{one.id} {one.state}" for one in newest if one is not None)])
    told = _foretell(workspace(), tuple(checked.config.model_dump_json() for checked in able), fingerprint, state)
    if told is None:
        st.caption("Once the pictures are on this computer, time and memory are told here.")
        return
    _figures([one.forecast for one in told])
    _problems([one.forecast for one in told])
    _details(told)
    _measuring(told)


@st.cache_data(max_entries=128, ttl=_CACHE_SECONDS, show_spinner=False)
def _foretell(
    _workspace: Workspace,
    documents: tuple[str, ...],
    fingerprint: str,  # noqa: ARG001 - part of the key
    state: str,  # noqa: ARG001 - part of the key
) -> list[_Told] | None:
    """Each run after those before it, whose work is kept. None while the pictures are not there."""
    told: list[_Told] = []
    for document in documents:
        found = preflight(_workspace, RunConfig.model_validate_json(document))
        if found.material is None:
            return None
        expected = forecast(_workspace, found.config, found.material, [one.forecast for one in told])
        unasked = expected.basis == "estimated" and may_begin_unasked(
            _workspace, found.config, found.material, expected
        )
        told.append(_Told(found.config, expected, unasked))
    return told


def _figures(forecasts: Sequence[Forecast]) -> None:
    """Time, memory, disk, download; of several runs, which follow each other, in all."""
    measured = all(one.basis == "measured" for one in forecasts)
    download = sum(one.download_bytes for one in forecasts)
    # In a row that wraps: columns would stand one under the other on a phone.
    with st.container(horizontal=True, gap="medium"):
        st.metric(
            "Time",
            foretold_in_words(sum(one.seconds for one in forecasts), measured),
            help=_how_known(measured, any(one.busy for one in forecasts)),
            width="content",
        )
        st.metric(
            "Memory",
            in_words(max(one.memory_bytes for one in forecasts)),
            help="Most memory that the training uses at once. It gives all of it back when it ends.",
            width="content",
        )
        st.metric(
            "Disk",
            in_words(sum(one.disk_bytes for one in forecasts)),
            help="For the model, and for what is kept of the pictures so that the next training is faster. The System "
            "page clears the latter.",
            width="content",
        )
        st.metric(
            "Download",
            in_words(download) if download else "none",
            help="Weights of the pretrained model that are not on this computer yet.",
            width="content",
        )


def _how_known(measured: bool, busy: bool) -> str:
    if not measured:
        return "An estimate; it can be off by a factor of two."
    return _BUSY if busy else "Measured on this computer."


def _problems(forecasts: Sequence[Forecast]) -> None:
    for problem in dict.fromkeys(problem for one in forecasts for problem in one.problems):
        st.warning(f"{problem.text} {problem.change}", icon=":material/memory:")
    for note in dict.fromkeys(note for one in forecasts for note in one.plan.notes):
        st.info(note, icon=":material/hourglass_top:")


def _details(told: Sequence[_Told]) -> None:
    with st.expander("Where the time goes", icon=":material/timer:"):
        for one in told:
            if len(told) > 1:
                st.markdown(f"**{find_backbone(one.config.backbone).name}, {MODE_NAMES[one.config.mode]}**")
            measured = one.forecast.basis == "measured"
            st.markdown(
                "\n".join(
                    f"- {_STEPS[step.name]}: {foretold_in_words(step.seconds, measured)}" for step in one.forecast.steps
                )
            )
        st.caption("Pictures that were looked at before take no time. Early stopping can make it shorter.")
        if any(one.forecast.busy for one in told):
            st.caption(_BUSY)


def _measuring(told: Sequence[_Told]) -> None:
    """The measurement that is at work, or the button for one; where nothing speaks against it, it starts by itself."""
    working = [job for job in Registry(workspace()).unfinished() if job.kind == KIND]
    if working:  # also one for an earlier design: its end draws the page anew, and then it is this one's turn
        with guarded():
            watch_job(working[0].id)
        return
    for one in told:
        newest = latest_calibration(workspace(), one.config)
        if (
            newest is not None
            and newest.error
            and newest.state is not State.STOPPED
            and one.forecast.basis == "estimated"
        ):
            st.warning(f"Measuring this computer failed. {plain_text(newest.error)}", icon=":material/speed:")
    unsure = [one for one in told if one.forecast.basis == "estimated"]
    if not unsure:
        return
    config = unsure[0].config
    reason = why_not_now(workspace(), config)
    if not reason and unsure[0].unasked and _starts_by_itself(config):
        _start(config)
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Measure on this computer",
            icon=":material/speed:",
            key="model-measure",
            on_click=_start,
            args=(config,),
            disabled=bool(reason),
            help=reason or "Trains on a few pictures for some seconds, in the background. What it computes is kept.",
        )
        st.caption(f"These figures are an estimate. {reason}")


def _starts_by_itself(config: RunConfig) -> bool:
    """Once for each design, where nobody else shares the machine and nothing has to be fetched."""
    place = workspace()
    if place.mode != "local" or latest_calibration(place, config) is not None:
        return False
    return config.mode is Mode.SCRATCH or weights_state(find_backbone(config.backbone), config.width) == "built in"


def _start(config: RunConfig) -> None:
    with guarded():
        submit_calibration(workspace(), config)
