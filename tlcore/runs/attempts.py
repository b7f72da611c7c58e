"""The attempts of a run, each with a file of events: what the earlier ones add to the one at hand.

A training that goes on tells `resumed`: the phase and the whole epoch that it goes on from. What earlier attempts did
up to there counts, and what they did after it is done again. One that begins to learn without that word began anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from tlcore.runs.events import Event, read_events
from tlcore.runs.folder import RunFolder
from tlcore.runs.story import RunStory


def earlier_files(folder: RunFolder) -> tuple[Path, ...]:
    """The events of all attempts but the one at hand, oldest first."""
    return tuple(sorted(folder.path.glob("events-*.jsonl"), key=lambda path: (len(path.name), path.name)))


def story_after_earlier(folder: RunFolder) -> RunStory:
    """An empty story of the attempt at hand, which knows what the earlier ones left to go on from."""
    story = RunStory()
    for path in earlier_files(folder):
        story.add_all(read_events(path).events)
        story = RunStory(story)
    return story


def learning_events(folder: RunFolder) -> tuple[Event, ...]:
    """The events of a training as if nothing had interrupted it: for reading its pace off them.

    Each attempt's end is where the next one goes on from. What a later attempt told of its own beginning is left out,
    and so is the time between.
    """
    joined: tuple[Event, ...] = ()
    for path in (*earlier_files(folder), folder.events):
        events = read_events(path).events
        resumed = next((event for event in events if event["kind"] == "resumed"), None)
        if resumed is not None:
            joined = _joined(joined, events, (resumed["phase"], resumed["epoch"]))
        elif path == folder.events or any(event["kind"] == "phase" for event in events):
            joined = events
    return joined


def _joined(before: tuple[Event, ...], after: tuple[Event, ...], epoch: tuple[str, int]) -> tuple[Event, ...]:
    """Both without what follows that epoch in the first, and what comes up to it in the second; () without it."""
    end, start = _after_epoch(before, epoch), _after_epoch(after, epoch)
    if not end or not start:
        return ()
    gap = datetime.fromisoformat(after[start - 1]["time"]) - datetime.fromisoformat(before[end - 1]["time"])
    moved = (event | {"time": (datetime.fromisoformat(event["time"]) - gap).isoformat()} for event in after[start:])
    return (*before[:end], *moved)


def _after_epoch(events: Iterable[Event], epoch: tuple[str, int]) -> int:
    """The place after the event of an epoch; 0 where it is not told."""
    places = (
        place
        for place, event in enumerate(events, start=1)
        if event["kind"] == "epoch" and (event["phase"], event["epoch"]) == epoch
    )
    return next(places, 0)
