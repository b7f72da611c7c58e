"""The import job: a zip or folder in, a dataset out."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tlcore.data.importer import Origin, import_pictures
from tlcore.jobs.after_import import brought_in_before, import_result, with_audit
from tlcore.jobs.context import JobContext
from tlcore.jobs.leftovers import consumed, is_upload, remove_uploads, sweep_leftovers

__all__ = ["import_result", "run"]


def run(context: JobContext) -> dict[str, Any]:
    """Imports `payload["path"]` under `payload["name"]`, with the table of labels `payload["labels"]` if there is one.

    With `payload["remove_after"]` the path is an upload (a zip or a folder) in the workspace's incoming folder; it is
    removed whether the import succeeds or not, and `payload["origin"]` says what the upload was called. A table of
    labels that lies in the incoming folder is an upload, too. With `payload["new_version"]` a dataset that has the name
    gets a new version; with `payload["audit"]` the pictures are checked afterwards.

    Returns:
        `import_result` of the dataset, with the check's job as `audit`.

    Raises:
        DatasetError: Somebody else is changing the dataset that would get a new version.
        ImportRefused: The pictures can't become a dataset, or an upload lies elsewhere.
        Stopped: Somebody asked to stop; nothing is kept.
    """
    payload, workspace = context.payload, context.workspace
    path = Path(payload["path"])
    labels = Path(payload["labels"]) if payload.get("labels") else None
    done = brought_in_before(context)
    if done is not None:
        remove_uploads(workspace, *([path] if payload.get("remove_after") else []), *([labels] if labels else []))
        return with_audit(context, import_result(done))
    with ExitStack() as stack:
        if labels is not None and labels.is_absolute() and is_upload(workspace, labels):
            stack.enter_context(consumed(workspace, labels))
        if payload.get("remove_after"):
            stack.enter_context(consumed(workspace, path))
        sweep_leftovers(workspace)
        info = import_pictures(
            workspace,
            path,
            payload["name"],
            context.reporter,
            Origin(payload.get("origin", "") if payload.get("remove_after") else ""),
            labels=labels,
            new_version=bool(payload.get("new_version")),
            made_by=context.folder.id,
        )
    return with_audit(context, import_result(info))
