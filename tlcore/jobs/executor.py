"""What the supervisor needs of whatever runs workers. The local executor is one; a cluster's would be another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


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

    def submit(self, job_id: str) -> None:
        """Starts a worker for a queued job.

        Raises:
            WorkspaceError: It can't be started.
        """
        ...

    def stop(self, job_id: str) -> None:
        """Asks the job's worker to stop. Needs no knowledge of the worker: any process may call it."""
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
