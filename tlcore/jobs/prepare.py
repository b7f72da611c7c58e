"""The prepare job: makes a bundled sample, or a dataset of TensorFlow Datasets, ready for training."""

from __future__ import annotations

from typing import Any

from tlcore.data.catalog import prepare_dataset
from tlcore.jobs.after_import import import_result, with_audit
from tlcore.jobs.context import JobContext


def run(context: JobContext) -> dict[str, Any]:
    """Prepares the dataset `payload["dataset"]`; one that is ready stays as it is.

    `payload["split"]` says whose training, validation and test parts a dataset of TensorFlow Datasets has: `own`, its
    makers', or `ours`. With `payload["audit"]` its pictures are checked afterwards.

    Returns:
        `import_result` of the dataset, with the check's job as `audit`.

    Raises:
        DatasetError: There is no such dataset, or it can't be used.
        DownloadFailed: It can't be fetched.
        WorkspaceError: There is too little room, or a folder can't be written.
        Stopped: Somebody asked to stop; nothing half-made is kept.
    """
    payload = context.payload
    info = prepare_dataset(context.workspace, payload["dataset"], payload.get("split"), context.reporter)
    return with_audit(context, import_result(info))
