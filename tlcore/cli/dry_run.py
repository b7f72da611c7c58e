"""`train --dry-run`: what a training would take. Nothing is trained to keep."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import click

from tlcore.cli.follow import StderrReporter
from tlcore.config import RunConfig
from tlcore.data.catalog import ensure_dataset, find_dataset
from tlcore.errors import DatasetError, RunError
from tlcore.jobs.calibrate import submit_calibration, why_not_now
from tlcore.jobs.preflight import find_material, preflight
from tlcore.jobs.service import request_stop, wait
from tlcore.training.cache_plan import in_words
from tlcore.training.forecast import forecast
from tlcore.workspace import Workspace

_STEPS: Final = {
    "start": "Starting",
    "convert": "Converting the backbone (once)",
    "read": "Reading the pictures",
    "features": "Looking at the pictures",
    "copies": "Looking at their changed copies",
    "scratch": "Training from scratch",
    "frozen": "Training the head",
    "fine_tune": "Fine-tuning",
    "finish": "Testing and keeping the model",
}


def foretell(workspace: Workspace, config: RunConfig) -> dict[str, Any]:
    """The complete configuration and its forecast, after measuring this computer where that has not been done.

    Args:
        workspace: Where the pictures are.
        config: As it was typed.

    Raises:
        StudioError: The training would be refused.
    """
    for dataset in filter(None, (config.dataset, config.test_dataset)):
        _have_pictures(workspace, dataset)
    config = preflight(workspace, config).config
    material = find_material(workspace, config)
    expected = forecast(workspace, config, material)
    if expected.basis == "estimated":
        reason = why_not_now(workspace, config)
        if expected.problems:
            reason = reason or "What speaks against this training speaks against measuring this computer for it too."
        if reason:
            click.echo(f"This is an estimate. {reason}", err=True)
        else:
            _measure(workspace, config)
            expected = forecast(workspace, config, material)
    return {"config": config.to_json(), "forecast": expected.to_json()}


def _have_pictures(workspace: Workspace, dataset_id: str) -> None:
    """A bundled sample is made ready; others would have to be fetched, which nobody asked for."""
    info = find_dataset(workspace, dataset_id)
    if info.source == "sample":
        ensure_dataset(workspace, info.id, StderrReporter())
    elif info.counts is None:
        raise DatasetError(
            "The pictures of this dataset are not here yet, so what a training takes can't be told",
            value=info.id,
            hint=f"Prepare it first: 'datasets prepare {info.id}'.",
        )


def _measure(workspace: Workspace, config: RunConfig) -> None:
    """A measurement that fails is no reason to tell nothing: the estimate remains."""
    job = submit_calibration(workspace, config)
    reporter = StderrReporter()
    click.echo("Measuring this computer …", err=True)

    def tell(event: dict[str, Any]) -> None:
        if event["kind"] == "task":
            click.echo(f"{event['task']} …", err=True)
        elif event["kind"] == "progress":
            reporter.progress(event["task"], event["done"], event["total"])

    try:
        record = wait(workspace, job, on_event=tell)
    except KeyboardInterrupt:
        with suppress(RunError):  # it ended at this very moment
            request_stop(workspace, job)
        raise
    if record.error:
        click.echo(f"The measurement failed, so this is an estimate: {record.error}", err=True)


def describe_forecast(answer: dict[str, Any]) -> str:
    """A forecast in a few lines."""
    expected = answer["forecast"]
    seconds = dict(expected["seconds"])
    how = "measured on this computer" if expected["basis"] == "measured" else "an estimate"
    how += ", while other work was running" if expected.get("measured_while_busy") else ""
    lines = [f"About {seconds.pop('total'):.0f} s ({how}):"]
    lines += [f"  {value:7.1f} s  {_STEPS.get(name, name)}" for name, value in seconds.items()]
    lines.append(
        f"About {in_words(expected['memory_bytes'])} of memory, {in_words(expected['disk_bytes'])} of disk"
        + (f", {in_words(expected['download_bytes'])} to download." if expected["download_bytes"] else ".")
    )
    lines += expected["caches"]["notes"]
    lines += [f"{problem['text']} {problem['change']}" for problem in expected["problems"]]
    return "\n".join([*lines, "Nothing was trained."])
