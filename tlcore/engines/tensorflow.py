"""Feature extraction by TensorFlow: on GPUs, and wherever OpenVINO can't convert a backbone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import keras
import numpy as np
from numpy.typing import NDArray


class TensorFlowEngine:
    """Embeddings from a Keras model."""

    name = "tensorflow"

    def __init__(self, model: keras.Model, note: str = "") -> None:
        """Keeps the model.

        Args:
            model: Raw pictures in, embedding out.
            note: Why TensorFlow and not OpenVINO.
        """
        self._model = model
        self.note = note

    def extract(self, batches: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.float32]]:
        """Embeddings, a batch at a time, in order; see `FeatureEngine`."""
        for batch in batches:
            yield np.asarray(self._model.predict_on_batch(batch.astype(np.float32)), dtype=np.float32)
