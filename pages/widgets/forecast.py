"""What a training will take: told on the Model page before it is started, first as an estimate, then as measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from pages.widgets.jobs import watch_job
from pages.widgets.plans import Planned
from pages.widgets.reports import duration_text
from pages.widgets.shell import guarded, plain_text, workspace
from tlcore.backbones.registry import find_backbone, weights_state
from tlcore.config import Mode, RunConfig
from tlcore.jobs.calibrate import KIND, latest_calibration, submit_calibration, why_not_now
from tlcore.jobs.preflight import preflight
from tlcore.runs.registry import Registry
from tlcore.training.cache_plan import in_words
from tlcore.training.forecast import Forecast, forecast
from tlcore.workspace import Workspace

_STEPS: Final = {
    "start": "Starting and building the model",
    "convert": "Converting the pretrained model (once)",
    "read": "Reading the pictures",
    "features": "Looking at the pictures",
    "scratch": "Training from scratch",
    "frozen": "Training the new last layer",
    "fine_tune": "Fine-tuning",
    "finish": "Testing and keeping the model",
}
_CACHE_SECONDS: Final = 15


@dataclass(frozen=True)
class _Told:
    """A planned run with its forecast."""

    config: RunConfig
    forecast: Forecast


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
    told = []
    for checked in able:
        newest = latest_calibration(workspace(), checked.config)
        state = f"{workspace().root} " + (f"{newest.id} {newest.state}" if newest is not None else "")
        expected = _foretell(workspace(), checked.config.model_dump_json(), fingerprint, state)
        if expected is None:
            st.caption("Once the pictures are on this computer, time and memory are told here.")
            return
        told.append(_Told(checked.config, expected))
    _figures([one.forecast for one in told])
    _problems([one.forecast for one in told])
    _details(told)
    _measuring(told)


@st.cache_data(max_entries=128, ttl=_CACHE_SECONDS, show_spinner=False)
def _foretell(_workspace: Workspace, document: str, fingerprint: str, state: str) -> Forecast | None:  # noqa: ARG001
    """None while the pictures are not there. The last two arguments are part of the key."""
    found = preflight(_workspace, RunConfig.model_validate_json(document))
    return forecast(_workspace, found.config, found.material) if found.material is not None else None


def _figures(forecasts: Sequence[Forecast]) -> None:
    """Time, memory, disk, download; of several runs, which follow each other, in all."""
    measured = all(one.basis == "measured" for one in forecasts)
    download = sum(one.download_bytes for one in forecasts)
    # In a row that wraps: columns would stand one under the other on a phone.
    with st.container(horizontal=True, gap="medium"):
        st.metric(
            "Time",
            ("" if measured else "about ") + duration_text(sum(one.seconds for one in forecasts)),
            help="Measured on this computer." if measured else "An estimate; it can be off by a factor of two.",
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


def _problems(forecasts: Sequence[Forecast]) -> None:
    for problem in dict.fromkeys(problem for one in forecasts for problem in one.problems):
        st.warning(f"{problem.text} {problem.change}", icon=":material/memory:")
    for note in dict.fromkeys(note for one in forecasts for note in one.plan.notes):
        st.info(note, icon=":material/hourglass_top:")


def _details(told: Sequence[_Told]) -> None:
    with st.expander("Where the time goes", icon=":material/timer:"):
        for one in told:
            if len(told) > 1:
                st.markdown(f"**{find_backbone(one.config.backbone).name}, {one.config.mode.value}**")
            st.markdown(
                "\n".join(f"- {_STEPS[step.name]}: {duration_text(step.seconds)}" for step in one.forecast.steps)
            )
        st.caption("Pictures that were looked at before take no time. Early stopping can make it shorter.")


def _measuring(told: Sequence[_Told]) -> None:
    """The measurement that is at work, or the button for one; where nothing speaks against it, it starts by itself."""
    working = [job for job in Registry(workspace()).unfinished() if job.kind == KIND]
    if working:  # also one for an earlier design: its end draws the page anew, and then it is this one's turn
        with guarded():
            watch_job(working[0].id)
        return
    for one in told:
        newest = latest_calibration(workspace(), one.config)
        if newest is not None and newest.error and one.forecast.basis == "estimated":
            st.warning(f"Measuring this computer failed. {plain_text(newest.error)}", icon=":material/speed:")
    unsure = [one.config for one in told if one.forecast.basis == "estimated"]
    if not unsure:
        return
    config = unsure[0]
    reason = why_not_now(workspace(), config)
    if not reason and _starts_by_itself(config):
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
