"""What a model says of pictures, by the shortest way: from features, from the kept trunk, or from the pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from tlcore.caches import Rows
from tlcore.data.dataset import Part
from tlcore.engines.protocol import EMBEDDING, TRUNK
from tlcore.engines.tensorflow import forward
from tlcore.progress import DeafReporter, Reporter
from tlcore.training.assembly import Assembled
from tlcore.training.compiling import probabilities
from tlcore.training.inputs import Inputs
from tlcore.training.pictures import BATCH, told_batches
from tlcore.training.sources import in_batches
from tlcore.training.trunk import Upper
from tlcore.workspace import MEBIBYTE

_BYTES_AT_ONCE: Final = 4 * MEBIBYTE
"""Of kept rows that go through together, as float32: 800 features, or 50 activations, whose way through the upper part
takes many times their own memory."""


class Judge:
    """Answers with the weights that the model has at the time."""

    def __init__(self, assembled: Assembled, upper: Upper | None, inputs: Inputs, reporter: Reporter) -> None:
        """Keeps what it needs.

        Args:
            assembled: The model.
            upper: Its upper part, where a trunk is kept.
            inputs: The pictures, and what is kept of them.
            reporter: Who is told, and who may ask to stop.
        """
        self._assembled = assembled
        self._upper = upper
        self._inputs = inputs
        self._reporter = reporter
        self._runs: dict[str, Callable[[NDArray[np.generic]], NDArray[np.float32]]] = {}

    def heed_no_stop(self) -> None:
        """From now on nobody can stop the judging: what was learned would be thrown away."""
        self._reporter = DeafReporter(self._reporter)

    def answers(self, part: Part, network_trained: bool) -> NDArray[np.float32]:
        """Probabilities for a part's pictures, shape (n, classes).

        Args:
            part: Which.
            network_trained: Whether more than the head was trained: features say nothing of such a model.
        """
        features = None if network_trained else self._inputs.unchanged(EMBEDDING, part)
        if features is not None:
            return self._answer_rows(self._assembled.head, features)
        trunk = self._inputs.unchanged(TRUNK, part)
        if trunk is not None and self._upper is not None:
            return self._answer_rows(self._upper.model, trunk)
        return self.whole_answers(part)

    def whole_answers(self, part: Part) -> NDArray[np.float32]:
        """Probabilities for a part's pictures from the whole Keras model, as it will be saved: shape (n, classes)."""
        stream = self.picture_batches(part, f"Judging the {part} pictures")
        return np.concatenate([self.answer_pictures(batch) for batch in stream])

    def answer_pictures(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities from the whole Keras model, shape (n, classes), for decoded pictures (n, size, size, 3)."""
        return probabilities(self._forward(self._assembled.model)(pictures))

    def picture_batches(self, part: Part, task: str, most: int | None = None) -> Iterator[NDArray[np.uint8]]:
        """A part's decoded pictures in order, shape (n, size, size, 3) each, with progress told as `task`.

        Args:
            part: Which.
            task: What is being done, in words.
            most: No more than so many, drawn evenly: pictures of a class stand together.

        Raises:
            PictureError: A stored picture can't be read any more.
            Stopped: Somebody asked to stop.
        """
        pictures = self._inputs.pictures(part)
        number = len(pictures) if most is None else min(most, len(pictures))
        places = np.linspace(0, len(pictures) - 1, number).round().astype(np.int64)
        return told_batches(in_batches(pictures, places, BATCH), task, len(places), self._reporter)

    def _answer_rows(self, model: keras.Model, rows: Rows) -> NDArray[np.float32]:
        run = self._forward(model)
        step = max(_BYTES_AT_ONCE // (4 * int(np.prod(rows.shape[1:]))), 1)
        parts = (rows[start : start + step] for start in range(0, len(rows), step))
        return probabilities(np.concatenate([run(part) for part in parts]))

    def _forward(self, model: keras.Model) -> Callable[[NDArray[np.generic]], NDArray[np.float32]]:
        """`forward`, compiled once for each model."""
        if model.name not in self._runs:
            self._runs[model.name] = forward(model)
        return self._runs[model.name]
