"""The states of a job and the moves between them: the only place that knows which are allowed."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    COMPLETED = "completed"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in ENDED

    @property
    def can_resume(self) -> bool:
        """Whether a person may let it go on: what it was to do isn't done. A stopped job can if it is a training."""
        return self in (State.INTERRUPTED, State.FAILED, State.STOPPED)

    @property
    def can_extend(self) -> bool:
        """Whether a person may ask a training of it to learn for longer: it has left a model."""
        return self in (State.STOPPED, State.COMPLETED)

    @property
    def active(self) -> bool:
        """Whether a worker has it now."""
        return self in (State.RUNNING, State.STOPPING)


ENDED = frozenset({State.STOPPED, State.INTERRUPTED, State.FAILED, State.COMPLETED})

MOVES: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.STOPPED, State.FAILED}),
    State.RUNNING: frozenset(
        # Back to the queue: a second attempt, in smaller batches.
        {State.QUEUED, State.STOPPING, State.STOPPED, State.INTERRUPTED, State.FAILED, State.COMPLETED}
    ),
    State.STOPPING: frozenset({State.STOPPED, State.INTERRUPTED, State.FAILED, State.COMPLETED}),
    State.STOPPED: frozenset({State.QUEUED}),
    State.INTERRUPTED: frozenset({State.QUEUED}),
    State.FAILED: frozenset({State.QUEUED}),
    State.COMPLETED: frozenset({State.QUEUED}),  # more epochs
}
