"""Trainings that were interrupted and go on by themselves: whether, when, and what is told of it.

Whoever finds a training interrupted (its worker when asked to end, the supervisor when the worker is gone) decides, and
leaves a flag in its folder. The supervisor queues it again after a short wait: time to see what happened, to decide
otherwise, and for a computer that is being switched off to end this program too. The flag outlives both.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Literal, get_args

from tlcore.errors import RunError, WorkspaceError
from tlcore.runs.attempts import earlier_files
from tlcore.runs.events import Event, EventWriter, last_event, read_events
from tlcore.runs.folder import RunFolder
from tlcore.runs.locks import take_lock
from tlcore.runs.registry import Registry
from tlcore.runs.retries import attempt_of, batch_retry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

RESUME_VARIABLE: Final = "TLCORE_RESUME"

Policy = Literal["auto", "ask"]
"""Whether interrupted trainings go on by themselves, or when a person asks for it."""

WAIT_SECONDS: Final = 10.0
"""How long a training stays interrupted before it goes on by itself."""

_KIND: Final = "train"
_FLAG: Final = "resume"
_LOOK_SECONDS: Final = 1.0

# An attempt that ends before it learned anything new, and after it another one: a third would end so too.
_MOST_FRUITLESS: Final = 2

GOES_ON: Final = "It goes on by itself in a few seconds, from its last whole round (epoch)."
GIVES_UP: Final = (
    "Twice in a row it was interrupted before it finished another round (epoch), so it is not started again by itself. "
    "Its log may tell why; then let it go on."
)

logger = logging.getLogger(__name__)


def resume_policy(workspace: Workspace, environment: Mapping[str, str] = os.environ) -> Policy:
    """What `TLCORE_RESUME` says; unset, demo workspaces ask and all others go on.

    Raises:
        WorkspaceError: The variable has an unknown value.
    """
    asked = environment.get(RESUME_VARIABLE)
    if not asked:
        return "ask" if workspace.mode == "demo" else "auto"
    if asked == "auto":
        return "auto"
    if asked == "ask":
        return "ask"
    raise WorkspaceError(
        f"The variable {RESUME_VARIABLE} has an unknown value",
        value=asked[:100],
        options=get_args(Policy),
        hint="Set it to one of these, or remove it.",
    )


def decide(workspace: Workspace, kind: str, folder: RunFolder) -> str:
    """Decides whether an interrupted job goes on by itself, and flags it if so; call it before its row is moved.

    Returns:
        What to tell of the decision, to be added to why it was interrupted; "" where nothing was to be decided.
    """
    flag = folder.path / _FLAG
    flag.unlink(missing_ok=True)
    if kind != _KIND or folder.stop_flag.exists() or resume_policy(workspace) == "ask":
        return ""
    if _is_fruitless(folder):
        return GIVES_UP
    flag.touch()
    return GOES_ON


def waits_to_go_on(folder: RunFolder) -> bool:
    """Whether an interrupted training will go on by itself."""
    return (folder.path / _FLAG).exists()


def stay_interrupted(folder: RunFolder) -> None:
    """Lets an interrupted training wait for a person."""
    (folder.path / _FLAG).unlink(missing_ok=True)


def any_waits(workspace: Workspace) -> bool:
    """Whether the workspace needs a supervisor to let a training go on."""
    if resume_policy(workspace) == "ask":
        return False
    registry = Registry(workspace)
    return any(_state(registry, folder) is State.INTERRUPTED for folder in _flagged(workspace))


class Resumer:
    """Lets flagged trainings go on, each some seconds after it was first seen.

    Args:
        workspace: Where they are.
        monotonic: Seconds.
    """

    def __init__(self, workspace: Workspace, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._workspace = workspace
        self._registry = Registry(workspace)
        self._monotonic = monotonic
        self._seen: dict[str, float] = {}
        self._looked = float("-inf")

    def step(self) -> bool:
        """Queues those again whose time has come; returns whether others still wait."""
        now = self._monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return bool(self._seen)
        self._looked = now
        waiting: dict[str, float] = {}
        if resume_policy(self._workspace) == "auto":
            for folder in _flagged(self._workspace):
                state = _state(self._registry, folder)
                if state is State.INTERRUPTED:
                    waiting[folder.id] = self._seen.get(folder.id, now)
                elif state is None or not state.active:
                    stay_interrupted(folder)  # somebody else queued it, or it has ended since
        due = [run_id for run_id, seen in waiting.items() if now - seen >= WAIT_SECONDS]
        self._seen = {run_id: seen for run_id, seen in waiting.items() if run_id not in due}
        for run_id in due:
            self._go_on(run_id)
        return bool(waiting)

    def _go_on(self, run_id: str) -> None:
        try:
            go_on(self._workspace, run_id)
        except RunError:
            logger.info("%s does not go on by itself now", run_id, exc_info=True)


def go_on(workspace: Workspace, run_id: str) -> None:
    """Queues an interrupted training again; its events begin with why, and how often that has happened.

    Ended halfway, it can be done again.

    Raises:
        RunError: It is not interrupted any more, or its last worker is still there.
    """
    registry = Registry(workspace)
    folder = RunFolder.find(workspace, run_id)
    lock = take_lock(folder.lock)
    if lock is None:
        raise RunError("The run's last worker is still ending", value=run_id, hint="Try again in a moment.")
    try:
        if registry.get(run_id).state is not State.INTERRUPTED:
            raise RunError("This run is not interrupted any more", value=run_id)
        number = 1 + sum(event["kind"] == "resume" for events in _attempts(folder) for event in events[:2])
        reason, smaller = _what_ended(folder)
        with folder.prepared_again():
            with EventWriter(folder.events) as events:
                if smaller is not None:
                    events.write(**{name: value for name, value in smaller.items() if name not in ("time", "why")})
                often = f" (time {number})" if number > 1 else ""
                why = f"The training was interrupted and went on by itself{often}. {reason}".rstrip()
                events.write("resume", number=number, why=why)
            registry.move(run_id, State.QUEUED)
        stay_interrupted(folder)
        logger.info("%s goes on by itself (time %d): %s", run_id, number, reason)
    finally:
        lock.release()


def _what_ended(folder: RunFolder) -> tuple[str, Event | None]:
    """Why the attempt at hand was interrupted, and the event that made its batches smaller, which holds on."""
    last = last_event(folder.events) or {}
    events = read_events(folder.events).events
    return str(last.get("reason") or ""), batch_retry(events) if attempt_of(events) > 1 else None


def _is_fruitless(folder: RunFolder) -> bool:
    """Whether the latest attempts all ended without a whole new epoch. Attempts tell earlier epochs again."""
    known: set[tuple[object, object]] = set()
    fruitless = 0
    for events in _attempts(folder):
        told = {(event.get("phase"), event.get("epoch")) for event in events if event["kind"] == "epoch"}
        fruitless = 0 if told - known else fruitless + 1
        known |= told
    return fruitless >= _MOST_FRUITLESS


def _attempts(folder: RunFolder) -> Iterator[tuple[Event, ...]]:
    """The events of each attempt in which a worker began, oldest first."""
    for path in (*earlier_files(folder), folder.events):
        events = read_events(path).events
        if any(event["kind"] == "started" for event in events):
            yield events


def _flagged(workspace: Workspace) -> Iterator[RunFolder]:
    for flag in workspace.runs.glob(f"*/{_FLAG}"):
        if flag.parent.name[0] != ".":
            yield RunFolder(flag.parent)


def _state(registry: Registry, folder: RunFolder) -> State | None:
    """None for one that is gone, or put into the bin since: it does not go on by itself."""
    try:
        record = registry.get(folder.id)
    except RunError:
        return None
    return None if record.archived else record.state
