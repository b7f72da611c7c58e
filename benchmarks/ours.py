"""A training by the command line, as people start it, and what its events and its report say of the time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.material import BACKBONE, DATASET
from benchmarks.processes import run, watched_worker

_LAST_BEFORE_PICTURES = "Building the model"
_FIRST_AFTER_TEST = "Keeping the model"


@dataclass(frozen=True)
class Trained:
    """What a training took and reached.

    Attributes:
        process: Seconds from the command's start to its exit.
        first_to_test: Seconds from the first picture (or kept row) read to the test result.
        phases: Seconds of each phase's epochs.
        accuracy: Of the test pictures.
        loss: Of the test pictures.
        cache: What was found: hit, miss or none.
        seconds: As the report divides them.
        engine: Which engine ran the frozen part, and what the race said.
        merged: How far the saved model is from the trained upper part on the kept activations, where that applies.
        peak_mb: Largest anonymous memory of the worker.
    """

    process: float
    first_to_test: float
    phases: dict[str, list[float]]
    accuracy: float
    loss: float
    cache: dict[str, str]
    seconds: dict[str, float]
    engine: dict[str, Any] = field(default_factory=dict)
    merged: dict[str, Any] | None = None
    peak_mb: float = 0.0


def train(home: Path, log: Path, *options: str, dataset: str = DATASET) -> Trained:
    """Trains by `python -m tlcore train`.

    Args:
        home: The workspace.
        log: Where progress goes.
        options: Of the command.
        dataset: Id of the dataset.
    """
    command = ("train", "--dataset", dataset, "--backbone", BACKBONE, *options, "--json")
    with watched_worker(home) as memory:
        done = run("tlcore", *command, home=home, log=log)
    report = json.loads(done.output)
    events = read_events(home / "runs" / report["run_id"] / "events.jsonl")
    phases: dict[str, list[float]] = {}
    for row in report["history"]:
        phases.setdefault(row["phase"], []).append(row["seconds"])
    return Trained(
        process=done.seconds,
        first_to_test=first_to_test(events, report["seconds"]["features"]),
        phases=phases,
        accuracy=report["test"]["accuracy"],
        loss=report["test"]["loss"],
        cache=report["cache"],
        seconds=report["seconds"],
        engine=report.get("engine", {}),
        merged=report.get("merged"),
        peak_mb=round(memory.peak / 1e6, 1),
    )


def read_events(path: Path) -> list[dict[str, Any]]:
    """A run's events, in order."""
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def first_to_test(events: Iterable[dict[str, Any]], features: float) -> float:
    """Seconds from the first picture read to the test result.

    The worker tells that it begins to read before the first picture is read, and that it keeps the model once the test
    pictures are judged. Where everything was found in the caches it tells nothing of reading; then the time that
    gathering the features took comes before the judgement of the untrained model.

    Args:
        events: Of the run.
        features: The report's seconds of gathering features.

    Raises:
        SystemExit: The events don't say.
    """
    begun = None
    building = False
    for event in events:
        moment = datetime.fromisoformat(event["time"]).timestamp()
        if event["kind"] == "task" and event["task"] == _LAST_BEFORE_PICTURES:
            building = True
        elif building and begun is None and event["kind"] == "progress":
            begun = moment
        elif begun is None and event["kind"] in ("baseline", "phase"):
            begun = moment - features
        elif event["kind"] == "task" and event["task"] == _FIRST_AFTER_TEST and begun is not None:
            return moment - begun
    raise SystemExit("the events don't tell when the test result was there")


def forget_rows(home: Path) -> None:
    """Empties the caches of pictures, features and activations; converted networks stay."""
    shutil.rmtree(home / "cache" / "rows", ignore_errors=True)
