"""Workers as processes of this computer."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable

from tlcore.errors import RunError, WorkspaceError
from tlcore.jobs.executor import WorkerEnd
from tlcore.jobs.process import INHERITS, kill_module, start_module
from tlcore.jobs.slots import HeldSlot
from tlcore.runs.folder import RunFolder
from tlcore.runs.locks import is_held
from tlcore.runs.registry import Registry
from tlcore.workspace import Workspace

_WORKER = "tlcore.jobs.worker"


class LocalExecutor:
    """Starts workers as processes, sees its own end by waiting for them and others' by their folder's lock."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._adopted: dict[str, RunFolder] = {}
        self._slots: dict[str, HeldSlot] = {}  # where workers can't hold them

    def submit(self, job_id: str, slot: HeldSlot | None = None) -> None:
        """Starts a worker whose output goes to the job's log, and hands it its slot.

        Raises:
            RunError: The job has no folder.
            WorkspaceError: The process can't be started.
        """
        slot = slot or HeldSlot()
        try:
            folder = RunFolder.find(self._workspace, job_id)
            self._children[job_id] = start_module(
                _WORKER,
                job_id,
                log=folder.log,
                environment={**self._workspace.environment(), **slot.environment},
                inherited=slot.inherited,
            )
        except OSError as error:
            raise WorkspaceError(
                f"A process for the job can't be started: {error.strerror}",
                value=job_id,
                hint="Close other programs or make room on the disk, then start the job again.",
            ) from error
        finally:
            if INHERITS or job_id not in self._children:
                slot.release()
            else:
                self._slots[job_id] = slot

    def stop(self, job_id: str) -> None:
        """Leaves the stop flag in the job's folder, where its worker looks a few times a second."""
        RunFolder.find(self._workspace, job_id).request_stop()

    def end(self, job_id: str) -> None:
        """Kills the worker, if the process that the registry names is really this job's worker.

        Raises:
            RunError: It is not, or may not be ended.
        """
        pid = Registry(self._workspace).get(job_id).pid
        if pid is None or not kill_module(pid, _WORKER, job_id):
            raise RunError(
                "The process of this job is not found on this computer",
                value=f"{job_id}, process {pid}",
                hint="If the app runs in a container or on another computer, end it there.",
            )

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
            self._slots.pop(end.job_id, HeldSlot()).release()
        return tuple(ended)
