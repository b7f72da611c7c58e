"""How long a run still takes: by its own pace where it has one, by what was foretold for what is still to come."""

from __future__ import annotations

from datetime import datetime
from statistics import fmean
from typing import Final

from tlcore.runs.story import PhaseProgress, RunStory, TaskProgress

_TASKS: Final = (("Reading pictures", "read"), ("Looking at", "features"), ("Converting", "convert"))
_RECENT_EPOCHS: Final = 3


def seconds_to_end(story: RunStory, now: datetime) -> float | None:
    """Seconds until the run ends; None where nothing was foretold.

    Args:
        story: What the run has told.
        now: The time.
    """
    names = [name for name, _ in story.expected]
    at_hand = _step_at_hand(story, names)
    if at_hand is None:
        return None
    index = names.index(at_hand)
    foretold = story.expected[index][1]
    later = sum(seconds for _, seconds in story.expected[index + 1 :])
    return later + _rest_of(story, at_hand, foretold, now)


def _step_at_hand(story: RunStory, names: list[str]) -> str | None:
    """The foretold step that the run is in; what it does for a moment between steps counts to the one before."""
    if not names:
        return None
    phase = story.phase
    if phase is not None:
        over = story.task is not None or phase.done >= phase.epochs
        following = [name for name in names if name in ("fine_tune", "finish")]
        if not over or phase.name not in names:
            return phase.name if phase.name in names else None
        if phase.done >= phase.epochs and phase.name == "frozen" and "fine_tune" in following and story.task is None:
            return phase.name
        return "finish" if "finish" in names else phase.name
    task = story.task.task if story.task is not None else ""
    for beginning, name in _TASKS:
        if task.startswith(beginning) and name in names:
            return name
    return names[0]


def _rest_of(story: RunStory, name: str, foretold: float, now: datetime) -> float:
    own, began, told = None, None, None
    if story.phase is not None and name == story.phase.name:
        own, began, told = _own_pace(story.phase), story.phase.began, story.phase.told
    elif story.task is not None:
        own, began, told = story.task.seconds_left(), story.task.began, story.task.told
        if name == "finish" or not _is_settled(story.task):
            own = None  # one of several tasks of this step, or too early to tell
    if own is not None and told is not None:
        return max(own - (now - told).total_seconds(), 0.0)
    passed = (now - began).total_seconds() if began is not None else 0.0
    return max(foretold - passed, 0.0)


def _own_pace(phase: PhaseProgress) -> float | None:
    """From the latest epochs but the first, which is slower than the others."""
    later = phase.seconds[1:]
    if not later:
        return None
    part = phase.batch / phase.batches if phase.batches else 0.0
    return max(phase.epochs - phase.done - part, 0.0) * fmean(later[-_RECENT_EPOCHS:])


def _is_settled(task: TaskProgress) -> bool:
    return (task.told - task.began).total_seconds() >= 1.0 and task.done > task.first
