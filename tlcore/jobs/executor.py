"""What the supervisor needs of whatever runs workers. The local executor is one; a cluster's would be another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from tlcore.jobs.slots import HeldSlot


@dataclass(frozen=True)
class WorkerEnd:
    """A worker that is no longer there.

    Attributes:
        job_id: The job that it worked on.
        exit_code: Its exit status, negative for a signal, None when that can't be known.
    """

    job_id: str
    exit_code: int | None


class Executor(Protocol):
    """Runs workers, each `python -m tlcore.jobs.worker JOB_ID`, that live on when the supervisor does not."""

    def submit(self, job_id: str, slot: HeldSlot | None = None) -> None:
        """Starts a worker for a queued job.

        Args:
            job_id: The job.
            slot: What this process took for it. The worker keeps it for life; it is let go of here, whatever happens.

        Raises:
            WorkspaceError: It can't be started.
        """
        ...

    def stop(self, job_id: str) -> None:
        """Asks the job's worker to stop. Needs no knowledge of the worker: any process may call it."""
        ...

    def end(self, job_id: str) -> None:
        """Ends the job's worker at once, whatever it does; any process may call it.

        Raises:
            RunError: Its worker is not found.
        """
        ...

    def recover(self, job_ids: Iterable[str]) -> None:
        """Takes over workers that an earlier supervisor started and that still live."""
        ...

    def working(self) -> frozenset[str]:
        """Jobs with a worker that has been started or taken over and has not been seen to end."""
        ...

    def poll(self) -> tuple[WorkerEnd, ...]:
        """Workers that ended since the last call."""
        ...
