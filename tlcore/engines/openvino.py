"""Feature extraction on the CPU by OpenVINO: many small requests at once, results in order.

On two cores EfficientNet-Lite0 at 224 pixels takes 5 ms of processor time a picture, with two requests of two pictures
computed side by side and pixels converted inside the network. One request of 32 pictures on both cores takes 7 ms, and
Keras's `predict` 12. Float32 results agree with Keras's to 2e-6. bfloat16 would double the speed once more but changes
features by 7%, so the precision is always pinned.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino.preprocess import PrePostProcessor

from tlcore.engines.ahead import read_ahead
from tlcore.engines.protocol import EMBEDDING, EngineChoice, EngineName, Precision
from tlcore.errors import WorkspaceError

PICTURES: Final = 2
"""Pictures a request. 1 to 4 are equally fast with the networks that were tried (EfficientNet, MobileNet, ResNet,
ConvNeXt, NASNet); from 8 on their activations leave the processor's cache."""

_AHEAD: Final = 2  # batches that are read while others are computed
_UNDER_WAY: Final = 2  # batches that are computed while the oldest is waited for

# OpenVINO's bindings look NumPy up on first use, and two threads that do so at the same moment wait for each other for
# ever: one holds the look-up's guard and wants the interpreter's lock, the other the reverse. While a module is loaded
# there is one thread.
ov.Type.u8.to_dtype()


class CannotConvert(Exception):
    """OpenVINO has no equivalent for a layer of a model. The model is fine: something else must compute it."""


_HINTS: Final[dict[Precision, str]] = {"float32": "f32", "bfloat16": "bf16"}


def convert(model: Any, path: Path) -> None:
    """Converts a Keras model with named outputs and writes `path` (.xml) and its weights beside it (.bin).

    The two files appear together: the weights first, the description last, each under its final name only when whole.

    Args:
        model: A `keras.Model` with one picture input, or TensorFlow's concrete function of one, which saves tracing it.
        path: Where the description goes; its suffix is `.xml`.

    Raises:
        CannotConvert: OpenVINO has no equivalent for a layer of the model.
        WorkspaceError: The files can't be written.
    """
    with warnings.catch_warnings(), _own_log_level():
        # OpenVINO calls the model with a tuple where Keras expects one tensor: harmless, and not ours to change.
        warnings.filterwarnings("ignore", message="The structure of `inputs` doesn't match")
        try:
            converted = ov.convert_model(model)
        except Exception as error:  # the failures of its frontends share no other base, and have no public names
            raise CannotConvert(str(error)) from error
    save(converted, path)


@contextmanager
def _own_log_level() -> Iterator[None]:
    """Restores the level below which nothing is logged: a conversion that fails leaves all but errors silent."""
    level = logging.root.level
    try:
        yield
    finally:
        logging.root.setLevel(level)


def save(network: ov.Model, path: Path) -> None:
    """Writes a network: `path` (.xml) and its weights beside it (.bin), both whole or absent.

    Raises:
        WorkspaceError: The files can't be written.
    """
    temporary = path.with_name(f".{uuid4().hex}.xml")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        ov.save_model(network, temporary, compress_to_fp16=False)
        for suffix in (".bin", ".xml"):
            with temporary.with_suffix(suffix).open("rb") as file:
                os.fsync(file.fileno())
            temporary.with_suffix(suffix).replace(path.with_suffix(suffix))
    except (OSError, RuntimeError) as error:  # RuntimeError: OpenVINO's own, for a disk that is full
        raise WorkspaceError(
            "The converted network can't be written",
            value=path.parent,
            hint="Free some disk space, or make the folder writable, and start again.",
        ) from error
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
    return core.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": _HINTS["float32"]})


@dataclass(frozen=True)
class _Pending:
    """A batch on its way through the network: the arrays that its requests fill, and the requests."""

    outputs: tuple[NDArray[np.float32], ...]
    requests: list[Future[None]]

    def wait(self) -> tuple[NDArray[np.float32], ...]:
        for request in self.requests:
            request.result()
        return self.outputs


class OpenVinoEngine:
    """Outputs of a converted network."""

    name: EngineName = "openvino"

    def __init__(self, path: Path, choice: EngineChoice) -> None:
        """Reads the network; it is compiled when the first pictures come, for the outputs that are asked for.

        Args:
            path: A converted network with named outputs, which the file must keep for as long as the engine is used.
            choice: What is told of the engine, and its precision.

        Raises:
            RuntimeError: The file is missing or damaged.
        """
        self.choice = choice
        self.note = choice.note
        self._core = ov.Core()
        self._network = self._core.read_model(path)
        self._compiled: tuple[tuple[str, ...], Any] | None = None

    def extract(
        self, batches: Iterable[NDArray[np.uint8]], outputs: tuple[str, ...] = (EMBEDDING,)
    ) -> Generator[tuple[NDArray[np.float32], ...]]:
        """The outputs for all pictures, in order; see `FeatureEngine`."""
        compiled = self._compile(outputs)
        # One request computes in each stream while the next one is handed over.
        count = 2 * compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        idle = deque(compiled.create_infer_request() for _ in range(count))
        waiting: deque[_Pending] = deque()
        with closing(read_ahead(batches, _AHEAD)) as source, ThreadPoolExecutor(count, "openvino") as pool:
            try:
                for batch in source:
                    waiting.append(_submit(pool, idle, compiled, batch))
                    if len(waiting) > _UNDER_WAY:
                        yield waiting.popleft().wait()
                while waiting:
                    yield waiting.popleft().wait()
            finally:
                for pending in waiting:
                    for request in pending.requests:
                        request.cancel()

    def _compile(self, outputs: tuple[str, ...]) -> Any:
        """The network with only these outputs, for `PICTURES` uint8 pictures. One is kept: each takes memory."""
        if self._compiled is None or self._compiled[0] != outputs:
            network = self._network.clone()
            network = ov.Model([network.output(name) for name in outputs], network.get_parameters())
            network.reshape([PICTURES, *network.inputs[0].partial_shape[1:]])
            processor = PrePostProcessor(network)
            processor.input().tensor().set_element_type(ov.Type.u8)
            options = {
                "INFERENCE_PRECISION_HINT": _HINTS[self.choice.precision],
                "PERFORMANCE_HINT": "THROUGHPUT",
            }
            self._compiled = (outputs, self._core.compile_model(processor.build(), "CPU", options))
        return self._compiled[1]


def _submit(pool: ThreadPoolExecutor, idle: deque[Any], compiled: Any, batch: NDArray[np.uint8]) -> _Pending:
    """Hands a batch over in parts of `PICTURES`."""
    filled = tuple(
        np.empty((len(batch), *(int(side) for side in output.shape[1:])), dtype=np.float32)
        for output in compiled.outputs
    )

    def run(start: int) -> None:
        pictures = batch[start : start + PICTURES]
        count = len(pictures)
        if count < PICTURES:
            pictures = np.concatenate([pictures, np.zeros((PICTURES - count, *pictures.shape[1:]), dtype=np.uint8)])
        request = idle.popleft()  # there is one for each thread
        try:
            request.infer([pictures], share_inputs=True)
            for place, array in enumerate(filled):
                array[start : start + count] = request.get_output_tensor(place).data[:count]
        finally:
            idle.append(request)

    return _Pending(filled, [pool.submit(run, start) for start in range(0, len(batch), PICTURES)])
