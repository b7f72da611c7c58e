"""Feature extraction on the CPU by OpenVINO, in float32.

On two cores it runs EfficientNet-Lite0 about 1.7 times as fast as Keras; float32 results agree to 2e-6. bfloat16 would
double that again but changes features by 7%, so the precision is pinned.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import openvino as ov
from numpy.typing import NDArray


class CannotConvert(Exception):
    """OpenVINO has no equivalent for a layer of a model. The model is fine: something else must compute it."""


_FLOAT32: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}


def convert(model: Any, path: Path) -> None:
    """Converts a Keras model with named outputs and writes `path` (.xml) and its weights beside it (.bin).

    The two files appear together: the weights first, the description last, each under its final name only when whole.

    Args:
        model: A `keras.Model` with one picture input.
        path: Where the description goes; its suffix is `.xml`.

    Raises:
        CannotConvert: OpenVINO has no equivalent for a layer of the model.
        OSError: The files can't be written.
    """
    with warnings.catch_warnings():
        # OpenVINO calls the model with a tuple where Keras expects one tensor: harmless, and not ours to change.
        warnings.filterwarnings("ignore", message="The structure of `inputs` doesn't match")
        try:
            converted = ov.convert_model(model)
        except Exception as error:  # the failures of its frontends share no other base, and have no public names
            raise CannotConvert(str(error)) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid4().hex}.xml")
    try:
        ov.save_model(converted, temporary, compress_to_fp16=False)
        temporary.with_suffix(".bin").replace(path.with_suffix(".bin"))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        temporary.with_suffix(".bin").unlink(missing_ok=True)


def compile_for_cpu(path: Path, image_size: int | None = None) -> Any:
    """A compiled network, ready to be called with a float32 batch of pictures.

    Args:
        path: The `.xml` file that `convert` wrote.
        image_size: Another side of the pictures, in pixels, than the network was converted with; None is the same.

    Raises:
        RuntimeError: The file is missing or damaged, or the network does not work at that size.
    """
    core = ov.Core()
    network = core.read_model(path)
    if image_size is not None:
        network.reshape([-1, image_size, image_size, 3])
    return core.compile_model(network, "CPU", _FLOAT32)


class OpenVinoEngine:
    """Embeddings from a converted backbone."""

    name = "openvino"
    note = ""

    def __init__(self, path: Path) -> None:
        """Compiles the network.

        Args:
            path: A converted network whose one output is the embedding.
        """
        self._network = compile_for_cpu(path)

    def extract(self, batches: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.float32]]:
        """Embeddings, a batch at a time, in order; see `FeatureEngine`."""
        for batch in batches:
            yield self._network(batch.astype(np.float32))[0].copy()
