"""The import job: a zip or folder in, a dataset out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tlcore.data.dataset import DatasetInfo
from tlcore.data.importer import import_pictures
from tlcore.errors import ImportRefused
from tlcore.jobs.context import JobContext


def run(context: JobContext) -> dict[str, Any]:
    """Imports `payload["path"]` under `payload["name"]`.

    With `payload["remove_after"]` the path is an upload (a zip or a folder) in the workspace's incoming folder; it is
    removed whether the import succeeds or not, and `payload["origin"]` says what the upload was called.

    Returns:
        `import_result` of the new dataset.

    Raises:
        ImportRefused: The pictures can't become a dataset, or an upload lies elsewhere.
        Stopped: Somebody asked to stop; nothing is kept.
    """
    path = Path(context.payload["path"])
    name = context.payload["name"]
    if not context.payload.get("remove_after"):
        return import_result(import_pictures(context.workspace, path, name, context.reporter))
    incoming = context.workspace.incoming.resolve()
    if not path.resolve().is_relative_to(incoming) or path.resolve() == incoming:
        raise ImportRefused("An upload must lie in the workspace's incoming folder", value=path)
    try:
        origin = context.payload.get("origin", "")
        return import_result(import_pictures(context.workspace, path, name, context.reporter, origin))
    finally:
        _remove(path)


def _remove(upload: Path) -> None:
    if upload.is_dir():
        shutil.rmtree(upload)
    else:
        upload.unlink(missing_ok=True)


def import_result(info: DatasetInfo) -> dict[str, Any]:
    """What an import tells: the dataset's id and name, pictures by class, what was left out and why."""
    return {
        "dataset_id": info.id,
        "name": info.name,
        "classes": dict(info.counts or {}),
        "rejected": [{"file": rejected.file, "reason": rejected.reason} for rejected in info.rejected],
        "duplicates": info.duplicates,
    }
