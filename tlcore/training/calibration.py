"""Reading speeds off what a run told while it worked: the short measurement and every finished run alike.

The short measurement is a real training on a few pictures, in the worker, through the very code that will do the whole:
nothing has to be modelled that the program does anyway, and the converted backbone and the features are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from tlcore.config import Mode, RunConfig
from tlcore.data.dataset import PARTS
from tlcore.data.splits import Split
from tlcore.training.cache_plan import CachePlan, learns_from_whole_network
from tlcore.training.material import Material
from tlcore.training.speeds import Learns, PhaseSpeed

Work = Literal["start", "convert", "read", "extract", "vary", "judge", "finish", "wait"]

CHECK_SHARE: Final = 0.35
"""Time of a validation batch as a share of a training batch: there is no way back through the layers."""

_TASKS: Final[tuple[tuple[str, Work], ...]] = (
    ("Reading pictures", "read"),
    ("Looking at changed", "vary"),
    ("Looking at", "extract"),
    ("Judging", "judge"),
    ("Checking", "judge"),
    ("Converting", "convert"),
    ("Comparing", "convert"),
    ("Trying", "convert"),
    ("Keeping", "finish"),
    ("Waiting for another", "wait"),
    ("Ending a measurement", "wait"),
)

_PICTURES: Final = 192
_FEWEST: Final = 48
_TEST: Final = 64
_EPOCHS: Final = 3
_STEPS: Final = 24
_SECONDS: Final = 2.0
_FEWEST_STEPS: Final = 4


def what_learns(config: RunConfig, plan: CachePlan) -> dict[str, Learns]:
    """What each phase of a run trains, by the phase's name, in the order of the phases."""
    if config.mode is Mode.SCRATCH:
        return {"scratch": "whole"}
    features = plan.features and not learns_from_whole_network(config)
    phases: dict[str, Learns] = {} if config.from_run else {"frozen": "head" if features else "whole"}
    if config.mode is Mode.FINE_TUNE:
        phases["fine_tune"] = "upper" if plan.trunk else "whole"
    return phases


def small_material(material: Material, batch_size: int, seconds_per_picture: float) -> Material:
    """A few pictures of each part, evenly drawn so that all classes are among them.

    Args:
        material: All of them.
        batch_size: Training needs a whole batch at least.
        seconds_per_picture: A guess of what the network takes for one, so that a slow one gets fewer.
    """
    most = int(np.clip(_SECONDS / max(seconds_per_picture, 1e-6), _FEWEST, _PICTURES))
    wanted = {"train": max(most, batch_size), "validation": min(batch_size, most), "test": min(_TEST, most)}
    parts = {part: _evenly(material.indices(part), wanted[part]) for part in PARTS}
    return replace(material, split=Split(**parts))


def small_config(config: RunConfig, seconds_per_step: float) -> RunConfig:
    """The same training cut short: enough rounds to tell the first from the others, and steps to time one.

    Args:
        config: Complete.
        seconds_per_step: A guess.
    """
    steps = int(np.clip(_SECONDS / max(seconds_per_step, 1e-6), _FEWEST_STEPS, _STEPS))
    augmentation = config.augmentation
    return config.replace(
        epochs=_EPOCHS,
        fine_tune_epochs=_EPOCHS,
        steps_per_epoch=steps,
        early_stopping=config.early_stopping.model_dump() | {"patience": None},
        augmentation=augmentation.model_dump() | {"views": min(augmentation.views, 1)},
    )


def _evenly(indices: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    places = np.linspace(0, len(indices) - 1, min(number, len(indices))).round().astype(np.int64)
    return indices[np.unique(places)]


@dataclass
class _Pace:
    """Pictures that one kind of work did, and the seconds that it took."""

    seconds: float = 0.0
    pictures: int = 0
    warm_seconds: float = 0.0
    warm_pictures: int = 0

    def add(self, seconds: float, pictures: int, first: bool) -> None:
        self.seconds += seconds
        self.pictures += pictures
        if not first:
            self.warm_seconds += seconds
            self.warm_pictures += pictures

    @property
    def each(self) -> float | None:
        """Seconds a picture once it is running: the first batch also starts threads and compiles."""
        if self.warm_pictures:
            return self.warm_seconds / self.warm_pictures
        return self.seconds / self.pictures if self.pictures else None

    @property
    def once(self) -> float:
        """Seconds beyond that."""
        return max(0.0, self.seconds - (self.each or 0.0) * self.pictures)


@dataclass
class _Phase:
    """One phase as its events tell it."""

    began: datetime
    name: str
    epochs: int
    steps: int
    seconds: list[float] = field(default_factory=list)
    first_batch: datetime | None = None
    last_batch: datetime | None = None
    batches: int = 0
    steps_seen: list[tuple[float, int]] = field(default_factory=list)

    def add_batch(self, when: datetime, number: int) -> None:
        if number == 1 or self.first_batch is None:
            self.first_batch, self.batches = when, 0
        self.last_batch, self.batches = when, self.batches + 1

    def add_epoch(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if self.first_batch is not None and self.last_batch is not None:
            self.steps_seen.append(((self.last_batch - self.first_batch).total_seconds(), self.batches - 1))
        self.first_batch = None

    def speed(self, validation_steps: float, whole: float) -> PhaseSpeed | None:
        """None before the second epoch: the first is slower than the others.

        Args:
            validation_steps: Batches of validation in an epoch.
            whole: Seconds from the beginning of the phase to its end.
        """
        if len(self.seconds) < 2 or not self.steps:
            return None
        later = float(np.median(self.seconds[1:]))
        seconds, steps = (sum(values) for values in zip(*self.steps_seen[1:], strict=True))
        per_step = seconds / steps if steps else later / (self.steps + CHECK_SHARE * validation_steps)
        epoch = max(0.0, later - per_step * (self.steps + CHECK_SHARE * validation_steps))
        return PhaseSpeed(first=max(0.0, whole - later * len(self.seconds)), step=per_step, epoch=epoch)


@dataclass(frozen=True)
class Observed:
    """What the events of one run say of its pace; see `tlcore.training.speeds.Speeds` for the figures."""

    figures: dict[str, float]
    phases: dict[str, PhaseSpeed]
    memory_bytes: int | None


def observe(events: Iterable[Mapping[str, Any]], validation_steps: float) -> Observed:
    """Adds up where the time went.

    Args:
        events: Of one attempt of a run, oldest first.
        validation_steps: Batches of validation in an epoch.
    """
    story = _Story(validation_steps)
    for event in events:
        story.add(event)
    return story.result()


class _Story:
    """Gives the time between two events to what the run was doing in it."""

    def __init__(self, validation_steps: float) -> None:
        self._validation_steps = validation_steps
        self._seconds: dict[str, float] = {}
        self._paces: dict[Work, _Pace] = {}
        self._phases: dict[str, PhaseSpeed] = {}
        self._memory: int | None = None
        self._doing: Work | None = "start"
        self._phase: _Phase | None = None
        self._trained = False
        self._task, self._done, self._started = "", 0, False
        self._last: datetime | None = None

    def add(self, event: Mapping[str, Any]) -> None:
        """Takes in one event."""
        now = datetime.fromisoformat(event["time"])
        passed = (now - self._last).total_seconds() if self._last is not None else 0.0
        self._last = now
        kind = event["kind"]
        if kind in ("task", "progress", "phase", "ended") and self._phase is not None:
            self._end_phase(now)
        if kind == "progress":
            self._add_progress(event, passed)
            return
        if self._doing is not None:
            self._seconds[self._doing] = self._seconds.get(self._doing, 0.0) + passed
        if kind == "task":
            self._doing, self._task = self._work(event["task"]), ""
        elif kind == "phase":
            self._doing, self._task = None, ""
            self._phase = _Phase(now, event["phase"], event["epochs"], event["batches"])
        elif kind == "batch" and self._phase is not None:
            self._phase.add_batch(now, event["batch"])
        elif kind == "epoch" and self._phase is not None:
            self._phase.add_epoch(event["seconds"])
        elif kind == "memory":
            self._memory = max(self._memory or 0, event["anonymous"])
        elif kind in ("baseline", "forecast"):
            self._doing = "start"

    def _work(self, task: str) -> Work:
        for beginning, work in _TASKS:
            if task.startswith(beginning):
                return work
        return "finish" if self._trained else "start"

    def _add_progress(self, event: Mapping[str, Any], passed: float) -> None:
        """Time goes to the pictures done meanwhile; what passed before the task's first word, to what was done then."""
        work, done = self._work(event["task"]), event["done"]
        if event["task"] != self._task or done < self._done:
            if self._doing is not None:
                self._seconds[self._doing] = self._seconds.get(self._doing, 0.0) + passed
            self._task, self._done, self._started = event["task"], done, False
        else:
            pace = self._paces.setdefault(work, _Pace())
            pace.add(passed, done - self._done, first=not self._started and done > self._done)
            self._started = self._started or done > self._done
            self._done = done
        self._doing = "finish" if self._trained else "start"  # until the next event says otherwise

    def _end_phase(self, now: datetime) -> None:
        if self._phase is None:
            return
        speed = self._phase.speed(self._validation_steps, (now - self._phase.began).total_seconds())
        if speed is not None:
            self._phases[self._phase.name] = speed
        self._phase, self._trained, self._doing = None, True, None

    def result(self) -> Observed:
        """All figures that there was occasion for."""
        figures: dict[str, float] = {name: self._seconds.get(name, 0.0) for name in ("start", "finish")}
        if "convert" in self._seconds:
            figures["convert"] = self._seconds["convert"]
        for work, pace in self._paces.items():
            if pace.each is not None and work != "wait":
                figures[work] = pace.each
                figures["finish" if work == "judge" else "start"] += pace.once
        return Observed(figures, self._phases, self._memory)
