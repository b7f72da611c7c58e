"""Making the bundle from a trained Keras model."""

from __future__ import annotations

import logging
import shutil
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from tlcore.backbones.record import Backbone
from tlcore.engines.head import save_with_head
from tlcore.engines.openvino import CannotConvert, convert
from tlcore.serving.bundle import EMBEDDING, FEATURE_MAP, NETWORK, PROBABILITIES, BundleInfo, write_info

log = logging.getLogger(__name__)

PACKAGES = ("tensorflow", "keras", "openvino", "numpy", "pillow")


def versions() -> dict[str, str]:
    """Versions of the packages that decide what a model computes."""
    return {package: version(package) for package in PACKAGES}


def three_outputs(model: keras.Model) -> keras.Model:
    """The same network with named outputs: a probability for each class, the embedding, the last feature map."""
    answer = model.output
    if answer.shape[-1] == 1:
        # In float32 whatever Keras's policy is: probabilities are not rounded.
        answer = keras.layers.Concatenate(name="both_classes", dtype="float32")([1.0 - answer, answer])
    pooling = model.get_layer("embedding")
    outputs = {PROBABILITIES: answer, EMBEDDING: pooling.output, FEATURE_MAP: pooling.input}
    return keras.Model(model.input, outputs)


def write_bundle(
    model: keras.Model,
    folder: Path,
    run_id: str,
    class_names: tuple[str, ...],
    backbone: Backbone,
    kept: Path | None = None,
    head: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
) -> BundleInfo:
    """Writes `folder` anew; where OpenVINO can't convert the model, the description says that Keras predicts.

    A frozen run's backbone was converted before its features were computed: with `kept` and `head` its bundle is that
    network with the dense layer on it, and nothing is converted.

    Args:
        model: Raw pictures in, the head's output out.
        folder: The run's bundle folder.
        run_id: The run.
        class_names: In the order of the outputs.
        backbone: For its id and preprocessing.
        kept: The converted backbone (.xml), if nothing in the model's backbone has learned since.
        head: The dense layer's kernel, shape (channels, outputs), and bias, shape (outputs,).
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    converted = kept is not None and head is not None and _from_kept(kept, head, folder)
    converted = converted or _from_keras(model, folder, run_id)
    info = BundleInfo(
        run_id=run_id,
        engine="openvino" if converted else "keras",
        class_names=class_names,
        image_size=int(model.input.shape[1]),
        backbone=backbone.id,
        preprocessing=backbone.preprocessing,
        versions=versions(),
    )
    write_info(folder, info)
    return info


def _from_kept(kept: Path, head: tuple[NDArray[np.float32], NDArray[np.float32]], folder: Path) -> bool:
    """Whether the kept network could be used: it may have been removed or damaged meanwhile."""
    try:
        save_with_head(kept, *head, folder / NETWORK, PROBABILITIES)
    except RuntimeError as error:
        log.warning("The kept network %s can't be read, so the whole model is converted: %s", kept.name, error)
        return False
    return True


def _from_keras(model: keras.Model, folder: Path, run_id: str) -> bool:
    """Whether OpenVINO could convert the whole model."""
    try:
        convert(three_outputs(model), folder / NETWORK)
    except CannotConvert:
        log.exception("OpenVINO can't convert the model of run %s; Keras will predict", run_id)
        return False
    return True
