"""The audit job: checks a dataset, so that people know what is wrong with it before they train."""

from __future__ import annotations

from typing import Any

from tlcore.audit.files import read_audit
from tlcore.data.catalog import open_dataset
from tlcore.data.dataset import DatasetInfo
from tlcore.jobs.context import JobContext
from tlcore.jobs.service import submit
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

KIND = "audit"


def run(context: JobContext) -> dict[str, Any]:
    """Checks the dataset `payload["dataset"]`.

    Returns:
        The check, as `tlcore.audit.record.Audit` in plain JSON data.

    Raises:
        DatasetError: There is no such dataset, or it is not prepared.
        WorkspaceError: The disk is full or can't be written.
        Stopped: Somebody asked to stop; embeddings so far are kept, nothing else.
    """
    from tlcore.audit.check import check_dataset

    audit = check_dataset(context.workspace, context.payload["dataset"], context.reporter)
    return audit.model_dump(mode="json")


def submit_audit(workspace: Workspace, dataset_id: str) -> str:
    """Queues the check of a dataset and returns the job's id; the id of the job at hand where one is at it already, or
    has checked the dataset as it is now.

    Raises:
        DatasetError: There is no such dataset, or it is not prepared.
        WorkspaceError: The job can't be written down.
    """
    info = open_dataset(workspace, dataset_id).info
    jobs = [job for job in Registry(workspace).list(KIND) if job.dataset == info.id]
    known = read_audit(workspace, info.id)
    current = known is not None and known.fingerprint == info.fingerprint
    for job in jobs:
        if not job.state.ended or (current and job.state is State.COMPLETED):
            return job.id
    return _submit(workspace, info, jobs)


def _submit(workspace: Workspace, info: DatasetInfo, before: list[JobRecord]) -> str:
    # Two presses at once have the same token, and make one job; a check after an earlier one is another.
    newest = before[0].id if before else "first"
    token = f"{KIND} {info.id} {info.fingerprint} {newest}"
    return submit(workspace, KIND, {"dataset": info.id}, f"Check {info.name}", info.id, token=token)
