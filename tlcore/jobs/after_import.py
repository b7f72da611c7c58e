"""What a job that brings in pictures tells at its end, and the check that it starts."""

from __future__ import annotations

import logging
from typing import Any

from tlcore.data.dataset import DatasetInfo
from tlcore.data.source_note import find_made_by
from tlcore.errors import StudioError
from tlcore.jobs.context import JobContext
from tlcore.runs.registry import Registry

_log = logging.getLogger(__name__)


def import_result(info: DatasetInfo) -> dict[str, Any]:
    """What an import tells: the dataset's id and name, pictures by class, what was left out and why."""
    return {
        "dataset_id": info.id,
        "name": info.name,
        "classes": dict(info.counts or {}),
        "rejected": [{"file": rejected.file, "reason": rejected.reason} for rejected in info.rejected],
        "duplicates": info.duplicates,
        "version": info.version,
    }


def brought_in_before(context: JobContext) -> DatasetInfo | None:
    """The dataset that an earlier attempt of this job made before it was killed, with its work done but not told."""
    return find_made_by(context.workspace, context.folder.id) if is_another_attempt(context) else None


def run_brought_in_before(context: JobContext) -> str | None:
    """The id of the run that an earlier attempt of this job brought in before it was killed."""
    token = token_of(context.folder.id)
    if token is None or not is_another_attempt(context):
        return None
    registry = Registry(context.workspace)
    registry.rebuild()  # it may have been killed before the list knew the run
    return registry.id_of_token(token)


def token_of(job_id: str) -> str | None:
    """What a run that a job brings in has in place of the token of a submit; None where no job does it."""
    return f"brought-in-by-{job_id}" if job_id else None


def is_another_attempt(context: JobContext) -> bool:
    """Whether the job was begun before."""
    return any(context.folder.path.glob("events-*.jsonl"))


def with_audit(context: JobContext, result: dict[str, Any]) -> dict[str, Any]:
    """Starts the check of the dataset, where `payload["audit"]` asks for it, and notes its job in the result.

    The pictures are in by now: a check that can't be started is told, and does not make the import fail.
    """
    if not context.payload.get("audit"):
        return result
    from tlcore.jobs.audit import submit_audit

    try:
        return result | {"audit": submit_audit(context.workspace, result["dataset_id"])}
    except StudioError as error:
        _log.warning("the check was not started: %s", error)
        context.reporter.event("note", text=f"The pictures could not be checked: {error}", level="warning")
        return result
