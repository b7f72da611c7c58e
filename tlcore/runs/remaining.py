"""How long a run still takes: by its own pace where it has one, by what was foretold for what is still to come."""

from __future__ import annotations

from datetime import datetime
from statistics import fmean
from typing import Final

from tlcore.runs.story import ExpectedStep, PhaseProgress, RunStory, TaskProgress

_TASKS: Final = (
    ("Reading pictures", "read"),
    ("Looking at changed", "copies"),
    ("Looking at", "features"),
    ("Converting", "convert"),
)
_RECENT_EPOCHS: Final = 3
_SETTLED_SECONDS: Final = 1.0


def seconds_to_end(story: RunStory, now: datetime) -> float | None:
    """Seconds until the run ends; None where nothing was foretold.

    Args:
        story: What the run has told.
        now: The time.
    """
    place = _place(story)
    if place is None:
        return None
    later = sum(step.seconds * _share_left(story, step) for step in story.expected[place + 1 :])
    return later + _rest_of(story, story.expected[place], now)


def _place(story: RunStory) -> int | None:
    """Which of the foretold steps the run is in. It never goes back: what it does in between counts to the one before.

    None where nothing was foretold, or not the phase at hand.
    """
    names = [step.name for step in story.expected]
    phase = story.phase
    if phase is None or not names:
        reached = [names.index(name) for task in story.tasks if (name := _step_of(task)) in names]
        return max(reached, default=0) if names else None
    if phase.name not in names:
        return None
    over = story.task is not None or (phase.done >= phase.epochs and not _more_to_learn(phase, names))
    return names.index("finish" if over and "finish" in names else phase.name)


def _share_left(story: RunStory, step: ExpectedStep) -> float:
    """Of a step that is still to come: epochs of it that an earlier attempt did are not done again."""
    done = sum(row.get("phase") == step.name for row in story.history)
    return max(1 - done / step.epochs, 0.0) if step.epochs else 1.0


def _more_to_learn(phase: PhaseProgress, names: list[str]) -> bool:
    return phase.name == "frozen" and "fine_tune" in names


def _step_of(task: TaskProgress) -> str:
    return next((name for beginning, name in _TASKS if task.task.startswith(beginning)), "")


def _rest_of(story: RunStory, step: ExpectedStep, now: datetime) -> float:
    if story.phase is not None and story.phase.name == step.name:
        return _rest_of_phase(story.phase, step, now)
    tasks = [task for task in story.tasks if _step_of(task) == step.name]
    rest = _rest_of_tasks(tasks, step, now)
    if rest is None:
        began = _began(story, step, tasks)
        passed = (now - began).total_seconds() if began is not None else 0.0
        rest = max(step.seconds - passed, 0.0)
    return max(rest, _rest_at_hand(story.task, now))


def _began(story: RunStory, step: ExpectedStep, tasks: list[TaskProgress]) -> datetime | None:
    if story.phase is not None:  # what follows the last phase
        phase_began = story.phase.began
        return next((task.began for task in story.tasks if task.began >= phase_began), None)
    if step.name == story.expected[0].name:
        return story.began
    return tasks[0].began if tasks else None


def _rest_of_tasks(tasks: list[TaskProgress], step: ExpectedStep, now: datetime) -> float | None:
    """By the pace of all that this step has done so far, one copy of the pictures after the other; None without one."""
    done = sum(task.done - task.first for task in tasks)
    if not done or step.name == "convert":
        return None
    latest = tasks[-1]
    seconds = (latest.told - tasks[0].began).total_seconds()
    if seconds < _SETTLED_SECONDS:
        return None
    units = max(step.units - done, latest.total - latest.done)
    return max(units * seconds / done - (now - latest.told).total_seconds(), 0.0)


def _rest_at_hand(task: TaskProgress | None, now: datetime) -> float:
    """What the task at hand, foretold or not, still takes by its own pace; 0 while it has none."""
    if task is None or (task.told - task.began).total_seconds() < _SETTLED_SECONDS:
        return 0.0
    own = task.seconds_left()
    return max(own - (now - task.told).total_seconds(), 0.0) if own is not None else 0.0


def _rest_of_phase(phase: PhaseProgress, step: ExpectedStep, now: datetime) -> float:
    """From the latest epochs but the first, which is slower; before, as foretold, but not below the batches' pace.

    Epochs of an earlier attempt tell the pace, too.
    """
    told = (now - phase.told).total_seconds()
    later = phase.seconds[1:]
    part = phase.batch / phase.batches if phase.batches else 0.0
    epochs = max(phase.epochs - phase.done - part, 0.0)
    if later:
        return max(epochs * fmean(later[-_RECENT_EPOCHS:]) - told, 0.0)
    own = epochs * phase.batches * phase.batch_seconds - told if phase.batch_seconds is not None else 0.0
    foretold = step.seconds * (1 - phase.again / phase.epochs) if phase.epochs else step.seconds
    return max(foretold - (now - phase.began).total_seconds(), own, 0.0)
