"""Feature extraction by TensorFlow: on GPUs, and wherever OpenVINO can't convert a backbone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


def forward(model: keras.Model) -> Callable[[NDArray[np.generic]], NDArray[np.float32]]:
    """A function that runs a batch through a model in inference mode, each row once, and follows the model's weights.

    `predict_on_batch` gives every replica of a MirroredStrategy the whole batch and joins the answers: with two GPUs
    there would be twice as many rows as pictures (Keras 3.15). The batch's size may differ from call to call.

    Args:
        model: With one input and one output.
    """

    @tf.function(input_signature=[tf.TensorSpec(model.input.shape, tf.float32)])  # type: ignore[untyped-decorator]
    def run(batch: tf.Tensor) -> tf.Tensor:
        return model(batch, training=False)

    def answer(batch: NDArray[np.generic]) -> NDArray[np.float32]:
        return np.asarray(run(tf.constant(batch, tf.float32)).numpy(), dtype=np.float32)

    return answer


class TensorFlowEngine:
    """Embeddings from a Keras model."""

    name = "tensorflow"

    def __init__(self, model: keras.Model, note: str = "") -> None:
        """Keeps the model.

        Args:
            model: Raw pictures in, embedding out.
            note: Why TensorFlow and not OpenVINO.
        """
        self._run = forward(model)
        self.note = note

    def extract(self, batches: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.float32]]:
        """Embeddings, a batch at a time, in order; see `FeatureEngine`."""
        for batch in batches:
            yield self._run(batch.astype(np.float32))
