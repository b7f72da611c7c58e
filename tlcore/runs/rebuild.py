"""What the registry would say of a run, read from its folder alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tlcore.runs.events import Event, last_event, read_events
from tlcore.runs.folder import RunFolder
from tlcore.runs.locks import is_held
from tlcore.runs.record import JobRecord
from tlcore.runs.retries import awaits_attempt
from tlcore.runs.states import State


@dataclass(frozen=True)
class FoundRun:
    """A run found in the workspace, and the token that it was submitted with."""

    record: JobRecord
    token: str | None


def run_in(folder: RunFolder) -> FoundRun:
    """The run in `folder`.

    Its state is that of the last `ended` event. Without one it is running (or stopping) while a worker holds its lock,
    queued when no worker ever wrote in this attempt, and interrupted otherwise.

    Raises:
        WorkspaceError: The folder's meta data is missing or damaged.
    """
    meta = folder.read_meta()
    last = last_event(folder.events)
    state = _state(folder, last)
    started = _started(folder) if last else None
    record = JobRecord(
        id=meta.id,
        kind=meta.kind,
        title=meta.name,
        dataset=meta.dataset,
        state=state,
        created=meta.created,
        owner=meta.owner,
        queued=meta.created,
        started=_time(started),
        ended=_time(last) if state.ended else None,
        pid=started.get("pid") if started else None,
        error=last.get("error") if last and state.ended else None,
        # An old end is no news.
        announced=state.ended,
        named=meta.named,
        note=meta.notes,
        tags=meta.tags,
        archived=meta.archived,
    )
    return FoundRun(record, meta.token)


def ended_state(event: Event | None) -> State | None:
    """The state that an `ended` event tells, None when `event` is not one."""
    if event is None or event["kind"] != "ended":
        return None
    state = event.get("state")
    return State(state) if state in tuple(State) else None


def _state(folder: RunFolder, last: Event | None) -> State:
    ended = ended_state(last)
    if ended is not None:
        return ended
    if is_held(folder.lock):
        return State.STOPPING if folder.stop_flag.exists() else State.RUNNING
    return State.QUEUED if awaits_attempt(last) else State.INTERRUPTED


def _started(folder: RunFolder) -> Event | None:
    """The first event that a worker wrote; what tells of a second attempt stands before it."""
    events = read_events(folder.events).events
    return next((event for event in events if not awaits_attempt(event)), None)


def _time(event: Event | None) -> datetime | None:
    return datetime.fromisoformat(event["time"]) if event else None
