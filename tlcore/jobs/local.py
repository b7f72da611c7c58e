"""Workers as processes of this computer."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable

from tlcore.errors import WorkspaceError
from tlcore.jobs.executor import WorkerEnd
from tlcore.jobs.process import start_module
from tlcore.runs.folder import RunFolder
from tlcore.runs.locks import is_held
from tlcore.workspace import Workspace


class LocalExecutor:
    """Starts workers as processes, sees its own end by waiting for them and others' by their folder's lock."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._adopted: dict[str, RunFolder] = {}

    def submit(self, job_id: str) -> None:
        """Starts a worker whose output goes to the job's log.

        Raises:
            RunError: The job has no folder.
            WorkspaceError: The process can't be started.
        """
        folder = RunFolder.find(self._workspace, job_id)
        try:
            self._children[job_id] = start_module(
                "tlcore.jobs.worker",
                job_id,
                log=folder.log,
                environment=self._workspace.environment(),
            )
        except OSError as error:
            raise WorkspaceError(
                f"A process for the job can't be started: {error.strerror}",
                value=job_id,
                hint="Close other programs or make room on the disk, then start the job again.",
            ) from error

    def stop(self, job_id: str) -> None:
        """Leaves the stop flag in the job's folder, where its worker looks a few times a second."""
        RunFolder.find(self._workspace, job_id).request_stop()

    def recover(self, job_ids: Iterable[str]) -> None:
        """Watches workers that are not children of this process."""
        for job_id in job_ids:
            self._adopted[job_id] = RunFolder.find(self._workspace, job_id)

    def working(self) -> frozenset[str]:
        """Jobs whose workers have not been seen to end."""
        return frozenset(self._children) | frozenset(self._adopted)

    def poll(self) -> tuple[WorkerEnd, ...]:
        """Reaps children that ended and finds adopted workers whose lock is free."""
        ended = [
            WorkerEnd(job_id, code) for job_id, child in self._children.items() if (code := child.poll()) is not None
        ]
        ended += [WorkerEnd(job_id, None) for job_id, folder in self._adopted.items() if not is_held(folder.lock)]
        for end in ended:
            self._children.pop(end.job_id, None)
            self._adopted.pop(end.job_id, None)
        return tuple(ended)
