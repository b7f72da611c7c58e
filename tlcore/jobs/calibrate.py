"""Measuring this computer for a training: a real training on a few pictures, whose pace is written down.

The converted backbone and the features of those pictures are kept, so nothing of it is done twice.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from tlcore.backbones.checks import fine_tune_start
from tlcore.backbones.registry import find_backbone, weights_state
from tlcore.config import Mode, RunConfig
from tlcore.data.catalog import ensure_dataset
from tlcore.devices import describe_host
from tlcore.errors import RunError
from tlcore.jobs.context import JobContext
from tlcore.jobs.measuring import KIND
from tlcore.jobs.preflight import find_material, preflight
from tlcore.jobs.service import delete_run, submit
from tlcore.runs.attempts import learning_events
from tlcore.runs.folder import RunFolder
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.training.calibration import observe, small_config, small_material, what_learns
from tlcore.training.demand import table_bytes
from tlcore.training.forecast import Forecast, forecast
from tlcore.training.material import Material
from tlcore.training.memory import available_bytes
from tlcore.training.pace import Pace, learning_load, looking_load, usable
from tlcore.training.speeds import Speeds, circumstances, keep_speeds, known_speeds
from tlcore.workspace import Workspace

__all__ = [
    "KIND",
    "latest_calibration",
    "may_begin_unasked",
    "remember",
    "run",
    "shorten",
    "submit_calibration",
    "tell_forecast",
    "why_not_now",
]

_LOOKED_THROUGH: Final = 30

_UNASKED_SECONDS: Final = 60.0
_UNASKED_MEMORY: Final = 0.5
"""Of the memory that is free: more than that is not taken unasked."""

log = logging.getLogger(__name__)


def run(context: JobContext) -> dict[str, Any]:
    """Measures what the training `context.payload` (a RunConfig's JSON) needs to be foretold.

    Returns:
        The forecast as JSON, then based on what was measured.

    Raises:
        StudioError: The training would be refused too.
        Stopped: Somebody asked to stop; what was converted is kept.
    """
    from tlcore.jobs.train import train_on

    workspace = context.workspace
    busy = other_work()
    config = preflight(workspace, RunConfig.from_json(context.payload)).config
    for dataset in filter(None, (config.dataset, config.test_dataset)):
        ensure_dataset(workspace, dataset, context.reporter)
    material = find_material(workspace, config)
    try:
        small = shorten(workspace, config, material)
        train_on(context, *small, time.monotonic())
        remember(workspace, *small, context.folder, refine=False, busy=busy)
    finally:
        for path in (context.folder.model, context.folder.report, context.folder.test_pictures):
            path.unlink(missing_ok=True)
        for path in (context.folder.bundle, context.folder.checkpoints):
            shutil.rmtree(path, ignore_errors=True)
    return forecast(workspace, config, material).to_json()


def shorten(workspace: Workspace, config: RunConfig, material: Material) -> tuple[RunConfig, Material]:
    """The training in small: configuration and pictures.

    Args:
        workspace: Whose speeds guide how small.
        config: Complete.
        material: All pictures.
    """
    under = circumstances(config, _cut(config))
    pace = Pace(under, usable(known_speeds(workspace)))
    # Keras's pace: the head learns from features, whatever the network takes.
    per_load = pace.figure("judge").seconds / looking_load(under)
    step = per_load * learning_load(under, "upper") if config.mode is not Mode.FROZEN else 0.0
    if config.augmentation.active and not config.augmentation.views:
        step = per_load * learning_load(under, "whole")
    return (
        small_config(config, step),
        small_material(material, config.batch_size, pace.figure("extract").seconds),
    )


def remember(
    workspace: Workspace,
    config: RunConfig,
    material: Material,
    folder: RunFolder,
    refine: bool = True,
    busy: bool = False,
) -> None:
    """Writes down how fast a run was that has just ended well. Losing it is no reason to fail the run.

    Args:
        workspace: Where speeds are kept.
        config: Of the run.
        material: Its pictures.
        folder: The run's; its events tell the pace.
        refine: Take the mean with what was known.
        busy: Whether other work was going on meanwhile.
    """
    try:
        events = learning_events(folder)
        if not events or any(event["kind"] == "retry" for event in events):
            return  # part of it was done twice, with another batch size, or is not told any more
        seen = observe(events, len(material.indices("validation")) / config.batch_size)
        plan = forecast(workspace, config, material).plan
        learns = what_learns(config, plan)
        phases = {learns[name]: speed for name, speed in seen.phases.items() if name in learns}
        figures: dict[str, Any] = dict(seen.figures)
        # Converting takes more memory than all that follows, and is done once.
        memory = None if seen.memory_bytes is None or "convert" in figures else seen.memory_bytes - table_bytes(plan)
        under = circumstances(config, _cut(config))
        speeds = Speeds(under=under, seen=datetime.now(UTC), phases=phases, memory_bytes=memory, busy=busy, **figures)
        keep_speeds(workspace, speeds, refine)
    except Exception:
        log.exception("the speeds of %s were not written down", folder.id)


def tell_forecast(context: JobContext, config: RunConfig, material: Material) -> None:
    """Tells at the start of a training what it will take, so that whoever watches knows what is still to come.

    A forecast that fails is no reason to fail the training.
    """
    try:
        expected = forecast(context.workspace, config, material)
    except Exception:
        log.exception("there is no forecast for %s", context.folder.id)
        return
    epochs = {"scratch": config.epochs, "frozen": config.epochs, "fine_tune": config.fine_tune_epochs}
    steps = [
        {
            "name": step.name,
            "seconds": round(step.seconds, 2),
            "units": step.units,
            "epochs": epochs.get(step.name, 0),
        }
        for step in expected.steps
    ]
    context.reporter.event("forecast", steps=steps, basis=expected.basis)


def submit_calibration(workspace: Workspace, config: RunConfig) -> str:
    """Queues the measurement for a training and returns the job's id; the same job's while one is at it.

    Args:
        workspace: Where.
        config: Complete.

    Raises:
        WorkspaceError: The job can't be written down.
    """
    newest = latest_calibration(workspace, config)
    if newest is not None and not newest.state.ended:
        return newest.id
    # Two presses at once have the same token, and make one job; a measurement after an earlier one is another.
    digest = hashlib.sha256(config.model_dump_json().encode()).hexdigest()
    token = f"{KIND} {digest} {newest.id if newest else 'first'}"
    title = f"Measuring this computer: {find_backbone(config.backbone).name}"
    _tidy(workspace)
    return submit(workspace, KIND, config.to_json(), title, config.dataset, token=token)


def _tidy(workspace: Workspace) -> None:
    """Removes old measurements: what they found is kept elsewhere."""
    ended = [job for job in Registry(workspace).list(KIND) if job.state.ended]
    for job in ended[_LOOKED_THROUGH - 1 :]:
        with suppress(RunError):  # somebody else is at it
            delete_run(workspace, job.id)


def latest_calibration(workspace: Workspace, config: RunConfig) -> JobRecord | None:
    """The newest measurement for a training, ended or not; None where there was none lately."""
    wanted = config.to_json()
    jobs = [job for job in Registry(workspace).list(KIND) if job.dataset == config.dataset]
    for job in jobs[:_LOOKED_THROUGH]:
        try:
            if RunFolder.find(workspace, job.id).read_config() == wanted:
                return job
        except RunError:
            continue  # deleted meanwhile
    return None


def why_not_now(workspace: Workspace, config: RunConfig) -> str:
    """Why this computer can't be measured for a training now, in plain words; "" when it can.

    Args:
        workspace: Where.
        config: Complete.
    """
    if config.mode is not Mode.SCRATCH and weights_state(find_backbone(config.backbone), config.width) == "download":
        return "The backbone would have to be downloaded first, which the training itself does."
    if Registry(workspace).unfinished():
        return "Something else is at work, and would make this computer seem slow."
    return ""


def may_begin_unasked(workspace: Workspace, config: RunConfig, material: Material, expected: Forecast) -> bool:
    """Whether measuring for a training is so short and small that nobody has to be asked.

    Args:
        workspace: Where.
        config: Complete.
        material: All pictures.
        expected: What is foretold of the whole training.
    """
    if expected.problems or expected.memory_bytes > _UNASKED_MEMORY * available_bytes():
        return False
    return forecast(workspace, *shorten(workspace, config, material)).seconds <= _UNASKED_SECONDS


def other_work() -> bool:
    """Whether so much is going on that this computer would seem slow."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return load > describe_host().cores / 2


def _cut(config: RunConfig) -> int | None:
    return fine_tune_start(config) if config.mode is Mode.FINE_TUNE else None
