"""Making a run's bundle anew from a Keras model that somebody brought: no converted network comes in from outside.

OpenVINO's parser would read such a network in the app's process; what Keras reads in its safe mode, and converts, is a
worker's matter.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import keras

from tlcore.backbones.registry import find_backbone
from tlcore.errors import ImportRefused, StudioError
from tlcore.export.bundle import write_bundle
from tlcore.files import is_disk_full
from tlcore.progress import Reporter
from tlcore.serving.bundle import BundleInfo

log = logging.getLogger(__name__)


def remake_bundle(
    path: Path,
    folder: Path,
    run_id: str,
    told: BundleInfo,
    reporter: Reporter,
    refused: Callable[[str], ImportRefused],
) -> BundleInfo:
    """Loads a model and writes its bundle anew; to be called in a worker.

    Args:
        path: The model, as `*.keras`: Keras goes by the name, and has no safe mode for its older formats.
        folder: The bundle's folder; what lies in it goes.
        run_id: The run that it belongs to.
        told: What its file says of it; only classes, size and backbone are taken from there, and must fit the model.
        reporter: Told what is being done.
        refused: Makes the error for what is wrong with the model.

    Raises:
        ImportRefused: The model can't be loaded, brings code, or is none of this studio's.
        InputError: There is no such backbone.
        OSError: The disk is full.
    """
    reporter.event("task", task="Loading the model")
    try:
        model = keras.models.load_model(path, compile=False, safe_mode=True)
        size, outputs = int(model.input.shape[1]), int(model.output.shape[-1])
    except Exception as error:
        # What a hostile or damaged file makes Keras, TensorFlow, h5py and the layers raise is on no list.
        if isinstance(error, MemoryError) or is_disk_full(error):
            raise
        log.warning("a model from outside can't be loaded", exc_info=True)
        raise refused("The model inside the zip can't be loaded") from error
    expected = {len(told.class_names), 1} if len(told.class_names) == 2 else {len(told.class_names)}
    if outputs not in expected or size != told.image_size:
        raise refused("The model inside the zip does not fit its description")
    reporter.event("task", task="Converting the model")
    try:
        return write_bundle(model, folder, run_id, told.class_names, find_backbone(told.backbone))
    except StudioError:
        raise
    except (ValueError, TypeError, AttributeError) as error:
        raise refused("The model inside the zip was not made by this studio") from error
