"""The prepare job: makes a bundled sample ready for training."""

from __future__ import annotations

from typing import Any

from tlcore.data.samples import prepare_sample
from tlcore.jobs.context import JobContext
from tlcore.jobs.import_pictures import import_result


def run(context: JobContext) -> dict[str, Any]:
    """Prepares the sample `payload["dataset"]`; one that is ready stays as it is.

    Returns:
        `import_result` of the dataset.

    Raises:
        DatasetError: There is no such sample.
        Stopped: Somebody asked to stop; nothing is kept.
    """
    return import_result(prepare_sample(context.workspace, context.payload["dataset"], context.reporter))
