"""Ending a worker that does not respond: never by the program itself, only by a person's press of a button."""

from __future__ import annotations

from tlcore.errors import RunError
from tlcore.jobs.executor import Executor
from tlcore.jobs.last_words import ENDED_BY_PERSON
from tlcore.jobs.local import LocalExecutor
from tlcore.jobs.service import ensure_supervisor
from tlcore.runs.folder import RunFolder
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.view import RunView
from tlcore.workspace import Workspace


def end_worker(workspace: Workspace, run_id: str, executor: Executor | None = None) -> JobRecord:
    """Kills the worker of a job that does not respond; the supervisor then marks the job interrupted.

    It doesn't go on by itself. Of a job that has ended meanwhile only the record is returned.

    Args:
        workspace: Where the job lives.
        run_id: The job.
        executor: What its worker runs on; this computer if None.

    Raises:
        RunError: There is no such job, it responds, or its worker is not found.
    """
    view = RunView.open(workspace, run_id)
    if view.state.ended:
        return view.record
    if not view.not_responding:
        raise RunError(
            "Only a job that does not respond can be ended this way",
            value=run_id,
            hint="This one responds: press Stop.",
        )
    # The supervisor reads who ended it from here; a stop that was asked for also keeps it from going on by itself.
    RunFolder.find(workspace, run_id).stop_flag.write_text(ENDED_BY_PERSON, encoding="utf-8")
    (executor or LocalExecutor(workspace)).end(run_id)
    ensure_supervisor(workspace)
    return Registry(workspace).get(run_id)
