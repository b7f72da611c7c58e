"""Predicting with any finished run: in this process where OpenVINO can, through a worker with Keras where it can't."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

from tlcore.errors import BundleError, PictureError
from tlcore.images.guard import GuardedDecoder
from tlcore.jobs.service import read_error, read_result, submit, wait
from tlcore.runs.folder import RunFolder
from tlcore.runs.states import State
from tlcore.serving.bundle import read_info
from tlcore.serving.inputs import Picture
from tlcore.serving.predictor import Prediction, Predictor
from tlcore.workspace import Workspace


def predict_pictures(
    workspace: Workspace,
    run_id: str,
    decoder: GuardedDecoder,
    pictures: Iterable[Picture],
    image_size: int | None = None,
) -> Iterator[Prediction]:
    """What a run's model says of pictures, one at a time, in order.

    Args:
        workspace: Where the run is.
        run_id: A finished run.
        decoder: Decodes them, guarded.
        pictures: Names, and how to read each.
        image_size: Another side in pixels than the run was trained with, or None.

    Raises:
        RunError: There is no such run.
        BundleError: The run has no model, or it does not work at that size.
        StudioError: The worker failed.
    """
    info = read_info(RunFolder.find(workspace, run_id).bundle)
    if info.engine == "openvino":
        yield from Predictor.open(workspace, run_id, decoder.load, image_size).predict_all(pictures)
    elif image_size in (None, info.image_size):
        yield from _predict_in_worker(workspace, run_id, pictures)
    else:
        raise BundleError(
            "This model only works at the size that it was trained with",
            value=image_size,
            options=[info.image_size],
            hint="Leave the image size out.",
        )


def _predict_in_worker(workspace: Workspace, run_id: str, pictures: Iterable[Picture]) -> Iterator[Prediction]:
    folder = workspace.incoming / f"predict-{uuid4().hex}"
    folder.mkdir()
    try:
        wanted: list[dict[str, Any]] = []
        for number, (name, read) in enumerate(pictures):
            path = folder / f"{number}.picture"
            # One that can't be read has no file: the worker then says so.
            with suppress(PictureError):
                path.write_bytes(read())
            wanted.append({"name": name, "path": str(path)})
        payload = {"run": run_id, "pictures": wanted}
        job = submit(workspace, "predict", payload, f"Predict {len(wanted)} pictures")
        record = wait(workspace, job)
        if record.state is not State.COMPLETED:
            raise read_error(workspace, job)
        yield from (Prediction.model_validate(item) for item in read_result(workspace, job)["predictions"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
