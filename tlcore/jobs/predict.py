"""The prediction job: for models that OpenVINO could not convert, so that only Keras can answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tlcore.data.listing import read_file
from tlcore.errors import PictureError
from tlcore.images.guard import GuardedDecoder
from tlcore.jobs.context import JobContext
from tlcore.progress import Stopped
from tlcore.runs.folder import RunFolder
from tlcore.serving.bundle import read_info
from tlcore.serving.predictor import Prediction


def run(context: JobContext) -> dict[str, Any]:
    """Predicts `payload["pictures"]` ([{"name", "path"}]) with the run `payload["run"]`.

    Returns:
        `{"predictions": [...]}`, elements of the predict JSON, in order.

    Raises:
        BundleError: The run has no model.
        Stopped: Somebody asked to stop.
    """
    run_folder = RunFolder.find(context.workspace, context.payload["run"])
    info = read_info(run_folder.bundle)
    import keras

    from tlcore.training.compiling import probabilities

    model = keras.models.load_model(run_folder.model, compile=False, safe_mode=True)
    predictions: list[Prediction] = []
    wanted = context.payload["pictures"]
    with GuardedDecoder(context.workspace.limits) as decoder:
        for number, picture in enumerate(wanted):
            if context.reporter.stop_requested():
                raise Stopped
            try:
                pixels = decoder.load(read_file(Path(picture["path"]), context.workspace.limits), info.image_size)
            except PictureError as error:
                predictions.append(Prediction.refused(picture["name"], error))
            else:
                output = np.asarray(model.predict_on_batch(pixels[None].astype(np.float32)))
                predictions.append(Prediction.answered(picture["name"], info.class_names, probabilities(output)[0]))
            context.reporter.progress("Predicting pictures", number + 1, len(wanted))
    return {"predictions": [prediction.to_json() for prediction in predictions]}
