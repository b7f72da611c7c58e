"""What the events of a run add up to, one event at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from statistics import fmean
from typing import Any, Final

from tlcore.runs.batches import BatchCurve
from tlcore.runs.events import Event
from tlcore.runs.spent import Spent, WorkClock

_RECENT_EPOCHS: Final = 3
_FEWEST_BATCHES: Final = 3
_FIGURES: Final = ("loss", "accuracy", "val_loss", "val_accuracy")


@dataclass(frozen=True)
class Note:
    """Something worth telling that is not a figure; `level` is "info" or "warning"."""

    time: datetime
    text: str
    level: str


@dataclass(frozen=True)
class ExpectedStep:
    """One part of a run as it was foretold at its start.

    Attributes:
        name: Which.
        seconds: How long it takes.
        units: Pictures that it has to go through; 0 where it does something else.
        epochs: Of a phase, with those that an earlier attempt did; 0 where it is none, or this was not told.
    """

    name: str
    seconds: float
    units: int = 0
    epochs: int = 0


@dataclass
class TaskProgress:
    """What the run is doing outside of epochs, such as reading pictures.

    Attributes:
        task: In plain words.
        done, total: Units finished and in all; `total` is 0 while unknown.
        began, told: When its first and its latest progress were told, and `first`, how much was done at the former.
    """

    task: str
    began: datetime
    told: datetime
    done: int = 0
    total: int = 0
    first: int = 0

    def seconds_left(self) -> float | None:
        """Seconds from the latest progress to the end at the pace so far; None while there is no pace."""
        seconds = (self.told - self.began).total_seconds()
        if self.done <= self.first or seconds <= 0:
            return None
        return (self.total - self.done) * seconds / (self.done - self.first)


@dataclass
class PhaseProgress:
    """One phase of training.

    Attributes:
        name: "scratch", "frozen" or "fine_tune".
        epochs: Epochs planned.
        batches: Batches in an epoch.
        trainable: Weights that learn.
        began: When it began.
        done: Epochs finished.
        again: How many of these an earlier attempt did; their time is in `seconds`, too.
        batch: Batches finished in the epoch after those.
        told: When its latest batch or epoch was told.
        seconds: How long each finished epoch took.
        batch_seconds: How long a batch takes, without the first of an epoch; None while there are too few.
    """

    name: str
    epochs: int
    batches: int
    trainable: int
    began: datetime
    told: datetime
    done: int = 0
    batch: int = 0
    seconds: list[float] = field(default_factory=list)
    batch_seconds: float | None = None
    again: int = 0
    _first_batch: tuple[datetime, int] | None = None

    def add_batch(self, time: datetime, batch: int) -> None:
        """Takes in that a batch is finished."""
        if self._first_batch is None or batch <= self.batch:
            self._first_batch = (time, batch)
        began, first = self._first_batch
        if batch - first >= _FEWEST_BATCHES:
            self.batch_seconds = (time - began).total_seconds() / (batch - first)
        self.batch, self.told = batch, time

    def add_epoch(self, time: datetime, epoch: int, seconds: float) -> None:
        """Takes in that an epoch is finished."""
        self.done, self.batch, self.told = epoch, 0, time
        self.seconds.append(seconds)
        self._first_batch = None

    @property
    def fraction(self) -> float:
        """Share of the planned epochs that is done, with the part of the epoch at hand."""
        part = self.batch / self.batches if self.batches else 0.0
        return min((self.done + part) / self.epochs, 1.0) if self.epochs else 0.0

    def seconds_left(self) -> float | None:
        """Seconds from the latest news to the planned end of this phase; None while there is no pace.

        From the latest epochs where there are some (the first is slower than the rest), else from the batches.
        """
        if self.seconds:
            part = self.batch / self.batches if self.batches else 0.0
            return max(self.epochs - self.done - part, 0.0) * fmean(self.seconds[-_RECENT_EPOCHS:])
        seconds = (self.told - self.began).total_seconds()
        if not self.batch or seconds <= 0:
            return None
        return (self.epochs * self.batches - self.batch) * seconds / self.batch


class RunStory:
    """Adds up the events of one attempt of a run, and what earlier ones left that it goes on from.

    Until it is known whether it does, what they left is shown: the attempt at hand tells it when it begins to learn.

    Args:
        before: The story of the attempt before; None where there was none.

    Attributes:
        phases: Phases begun so far; the last is the one at hand.
        history: The `epoch` events' figures, oldest first; a figure that was not a number is NaN.
        curve: The `batch` events' figures, each batch once.
        task: What is done outside of epochs now, None in an epoch.
        tasks: All that was done outside of epochs so far, with `task`, oldest first.
        began: When the first event was told; None before.
        notes: What was worth telling.
        baseline: Loss and accuracy on the test pictures before training, None while unknown.
        versions: Versions of the packages that the worker uses.
        expected: Steps of the run, in order, as they were foretold at its start.
        memory: Most anonymous memory that the worker told of, in bytes; None while it told none.
        spent_before: The work of the earlier attempts that it goes on from.
    """

    def __init__(self, before: RunStory | None = None) -> None:
        self.phases: list[PhaseProgress] = []
        self.history: list[dict[str, Any]] = [] if before is None else list(before.history)
        self.task: TaskProgress | None = None
        self.tasks: list[TaskProgress] = []
        self.began: datetime | None = None
        self.notes: list[Note] = []
        self.baseline: dict[str, Any] | None = None
        self.versions: dict[str, str] = {}
        self.expected: list[ExpectedStep] = []
        self.memory: int | None = None
        self.spent_before = Spent() if before is None else before.spent
        self.curve: BatchCurve = BatchCurve() if before is None else before.curve.copy()
        self._work = WorkClock()
        self._learns = False
        self._from: tuple[str, int] | None = None

    @property
    def batches(self) -> list[dict[str, Any]]:
        """The curve's rows."""
        return self.curve.rows

    @property
    def spent(self) -> Spent:
        """The work so far, of all attempts that count, without the time between them."""
        return self.spent_before + self._work.spent

    @property
    def phase(self) -> PhaseProgress | None:
        """The phase at hand or the last one, None before the first."""
        return self.phases[-1] if self.phases else None

    def add_all(self, events: Iterable[Event]) -> None:
        """Adds events, oldest first."""
        for event in events:
            self.add(event)

    def add(self, event: Event) -> None:
        """Adds one event; kinds that this version does not know are left out."""
        time = datetime.fromisoformat(event["time"])
        self.began = self.began or time
        self._work.add(event, time)
        match event["kind"]:
            case "started":
                self.versions = event.get("versions", {})
            case "task":
                self._begin_task(TaskProgress(event["task"], time, time))
            case "progress":
                self._add_progress(event, time)
            case "resumed":
                self._go_on_from(event["phase"], event["epoch"])
            case "phase":
                self._add_phase(event, time)
            case "batch":
                self._add_batch(event, time)
            case "epoch":
                self._add_epoch(event, time)
            case "note":
                self.notes.append(Note(time, event["text"], event.get("level", "info")))
            case "memory":
                self.memory = max(self.memory or 0, event["anonymous"])
            case "resume":
                self.notes.append(Note(time, event["why"], "info"))
            case "retry":
                self._add_retry(event, time)
            case "forecast":
                self.expected = [
                    ExpectedStep(step["name"], step["seconds"], step.get("units", 0), step.get("epochs", 0))
                    for step in event["steps"]
                ]
            case "baseline":
                self.baseline = _figures(event)
            case "ended":
                self.task = None

    def _add_progress(self, event: Event, time: datetime) -> None:
        task = self.task
        if task is None or task.task != event["task"] or task.total == 0 or event["done"] < task.done:
            task = self._begin_task(TaskProgress(event["task"], time, time, first=event["done"]))
        task.done, task.total, task.told = event["done"], event["total"], time

    def _begin_task(self, task: TaskProgress) -> TaskProgress:
        self.task = task
        self.tasks.append(task)
        return task

    def _go_on_from(self, phase: str, epoch: int) -> None:
        """What earlier attempts did up to there counts; their epochs are told again."""
        self._learns, self._from = True, (phase, epoch)
        self.history = []
        self.curve.keep_until(phase, epoch)

    def _add_phase(self, event: Event, time: datetime) -> None:
        self.task = None
        if not self._learns:  # nothing was said of going on
            self._learns = True
            self.history, self.curve, self.spent_before = [], BatchCurve(), Spent()
        done = event.get("start_epoch", 1) - 1
        self.phases.append(
            PhaseProgress(event["phase"], event["epochs"], event["batches"], event["trainable"], time, time, done)
        )
        if self._from is not None and self._from[0] == event["phase"]:
            self.phases[-1].again = self._from[1]

    def _add_retry(self, event: Event, time: datetime) -> None:
        """The phase begins anew: what the attempt that failed had reached is not counted twice."""
        if event.get("why"):
            self.notes.append(Note(time, event["why"], "warning"))
        if not self._learns:  # it is what this attempt began with: whether it goes on is still to be told
            return
        phase = event.get("phase")
        for known in self.phases:
            if known.name == phase:
                self.curve.keep_until(known.name, known.done)
        self.phases = [known for known in self.phases if known.name != phase]
        self.history = [row for row in self.history if row["phase"] != phase]

    def _add_batch(self, event: Event, time: datetime) -> None:
        self.task = None
        if self.phase is not None:
            self.phase.add_batch(time, event["batch"])
        self.curve.add(event)

    def _add_epoch(self, event: Event, time: datetime) -> None:
        self.task = None
        self.history.append(_figures(event))
        if self.phase is not None:
            self.phase.add_epoch(time, event["epoch"], event["seconds"])


def _figures(event: Event) -> dict[str, Any]:
    row = {key: value for key, value in event.items() if key not in ("time", "kind")}
    return row | {key: math.nan for key in _FIGURES if key in row and row[key] is None}
