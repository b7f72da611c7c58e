"""Predicting pictures with a finished run, in the app process and on the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from tlcore.backbones.registry import find_backbone
from tlcore.engines.openvino import compile_for_cpu
from tlcore.errors import BundleError, InputError, PictureError
from tlcore.serving.bundle import NETWORK, PROBABILITIES, BundleInfo, read_info
from tlcore.serving.inputs import Picture
from tlcore.workspace import Workspace, check_id

Decode = Callable[[bytes, int], NDArray[np.uint8]]
"""Encoded picture and side in pixels, to uint8 RGB (side, side, 3); raises PictureError."""


class Prediction(BaseModel):
    """What a model says of one picture.

    Attributes:
        file: The picture's name.
        label: The most probable class; None when the picture can't be read.
        confidence: Its probability.
        probabilities: By class, most probable first; empty when the picture can't be read.
        error: Why the picture can't be read, or None.
    """

    model_config = ConfigDict(frozen=True)

    file: str
    label: str | None
    confidence: float | None
    probabilities: dict[str, float]
    error: str | None

    @classmethod
    def answered(cls, file: str, class_names: tuple[str, ...], probabilities: NDArray[np.float32]) -> Prediction:
        """From the probabilities of one picture, shape (classes,)."""
        ranked = {
            class_names[index]: float(probabilities[index]) for index in np.argsort(-probabilities, kind="stable")
        }
        label = next(iter(ranked))
        return cls(file=file, label=label, confidence=ranked[label], probabilities=ranked, error=None)

    @classmethod
    def refused(cls, file: str, error: PictureError) -> Prediction:
        """For a picture that can't be read."""
        return cls(file=file, label=None, confidence=None, probabilities={}, error=str(error))

    def to_json(self) -> dict[str, Any]:
        """The prediction as a JSON document."""
        return self.model_dump(mode="json")


def check_size(info: BundleInfo, image_size: int) -> None:
    """Smaller pictures shrink to nothing before the last layer.

    Raises:
        BackboneError: This installation does not know the model's backbone.
        InputError: The pictures are too small.
    """
    smallest = find_backbone(info.backbone).smallest_size
    if image_size < smallest:
        raise InputError(
            "The pictures are too small for this model",
            value=f"{image_size} pixels",
            hint=f"Choose {smallest} or more; {info.image_size} is the size that it was trained with.",
        )


_AT_ONCE: Final = 2
"""Pictures that go through together: OpenVINO keeps the memory of the largest batch, 10 MB a picture with Lite0."""


class Predictor:
    """A bundle's network, compiled. Threads may share it: one picture goes through at a time."""

    @classmethod
    def open(cls, workspace: Workspace, run_id: str, decode: Decode, image_size: int | None = None) -> Predictor:
        """The predictor of a finished run of the workspace; see `__init__`."""
        return cls(workspace.runs / check_id("run", run_id) / "bundle", decode, image_size)

    def __init__(self, folder: Path, decode: Decode, image_size: int | None = None) -> None:
        """Loads the bundle.

        Args:
            folder: The run's `bundle` folder.
            decode: How encoded pictures are decoded: guarded, for pictures from outside.
            image_size: Another side in pixels than the model was trained with; None is the same.

        Raises:
            BundleError: There is no bundle, it is damaged, or can't be used without Keras.
            InputError: The model does not work at that size.
        """
        self.info: BundleInfo = read_info(folder)
        if image_size is not None:
            check_size(self.info, image_size)
        if self.info.engine != "openvino":
            raise BundleError(
                "This model predicts through a worker with Keras",
                value=self.info.run_id,
                hint="OpenVINO could not convert it.",
            )
        try:
            self._network = compile_for_cpu(folder / NETWORK, image_size)
        except RuntimeError as error:
            if image_size is not None and image_size != self.info.image_size:
                raise InputError(
                    "This model does not work with pictures of that size",
                    value=f"{image_size} pixels",
                    hint=f"Leave the image size out: the model was trained with {self.info.image_size}.",
                ) from error
            raise BundleError(
                "This run's model can't be loaded",
                value=self.info.run_id,
                hint="Train it again, or bring back a download.",
            ) from error
        self.image_size = image_size or self.info.image_size
        self._decode = decode
        self._lock = Lock()

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the probabilities."""
        return self.info.class_names

    def probabilities(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities of raw RGB pictures.

        Args:
            pictures: Shape (n, size, size, 3), 0..255.

        Returns:
            Shape (n, classes), rows summing to 1.
        """
        parts = []
        for start in range(0, len(pictures), _AT_ONCE):
            with self._lock:
                outputs = self._network(pictures[start : start + _AT_ONCE].astype(np.float32))
                parts.append(outputs[PROBABILITIES].copy())
        return np.concatenate(parts)

    def predict(self, file: str, data: bytes) -> Prediction:
        """What the model says of one encoded picture; a bad picture is an answer too, not an exception.

        Args:
            file: The picture's name.
            data: Its bytes.
        """
        try:
            picture = self._decode(data, self.image_size)
        except PictureError as error:
            return Prediction.refused(file, error)
        return Prediction.answered(file, self.info.class_names, self.probabilities(picture[None])[0])

    def predict_all(self, pictures: Iterable[Picture]) -> Iterator[Prediction]:
        """`predict` for each picture, in order; one that can't even be read is an answer too."""
        for file, read in pictures:
            try:
                data = read()
            except PictureError as error:
                yield Prediction.refused(file, error)
            else:
                yield self.predict(file, data)
