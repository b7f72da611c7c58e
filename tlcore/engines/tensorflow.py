"""Feature extraction by TensorFlow: on GPUs, where it wins the race, and wherever OpenVINO can't convert a network."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from typing import Any, Final, Literal

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tlcore.engines.ahead import read_ahead
from tlcore.engines.networks import FrozenNetwork
from tlcore.engines.protocol import EMBEDDING, EngineChoice, EngineName

log = logging.getLogger(__name__)

BATCH: Final = 8
"""Pictures that go through together on the CPU. EfficientNet-Lite0, EfficientNetB0 and MobileNetV2 are fastest with 8,
1.4 to 1.6 times as fast as with 32. Lite0 takes 120 MB for 8, 200 for 16 and 380 for 32, and TensorFlow's allocator
never gives it back."""

_UNKNOWN_CARD: Final = 32  # pictures that go through together on a GPU whose memory nobody tells

_AHEAD: Final = 2
_LARGEST_BATCH: Final = 256
_NOT_FOR_XLA: Final = (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError, tf.errors.InternalError)


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
    """Outputs of a Keras model; on all GPUs of the MirroredStrategy that it was built under."""

    name: EngineName = "tensorflow"

    def __init__(self, model: keras.Model, choice: EngineChoice, batch: int = BATCH, xla: bool = False) -> None:
        """Keeps the model.

        Args:
            model: Raw pictures, float32, to a dict of outputs.
            choice: What is told of the engine.
            batch: Pictures that go through together on each device, to begin with; halved where memory runs out.
            xla: Whether XLA compiles the network, for one size of batch: worth it on GPUs, 14 times slower on the CPU.
        """
        self.model = model
        self.choice = choice
        self.note = choice.note
        self._strategy = _strategy_of(model)
        self._replicas = 1 if self._strategy is None else int(self._strategy.num_replicas_in_sync)
        self._batch = batch
        self._xla = xla

        self._run = _graph(model, xla)

    def traced(self) -> Any:
        """The network as TensorFlow's concrete function, for OpenVINO's converter."""
        return self._run.get_concrete_function()

    def extract(
        self, batches: Iterable[NDArray[np.uint8]], outputs: tuple[str, ...] = (EMBEDDING,)
    ) -> Generator[tuple[NDArray[np.float32], ...]]:
        """The outputs for all pictures, in order; see `FeatureEngine`."""
        with closing(read_ahead(batches, _AHEAD)) as source:
            group: list[NDArray[np.uint8]] = []
            for batch in source:
                group.append(batch)
                if sum(map(len, group)) >= self._batch * self._replicas:
                    yield from self._answer(group, outputs)
                    group = []
            if group:
                yield from self._answer(group, outputs)

    def _answer(
        self, group: list[NDArray[np.uint8]], outputs: tuple[str, ...]
    ) -> Generator[tuple[NDArray[np.float32], ...]]:
        """A group of batches computed together, and taken apart again."""
        pictures = group[0] if len(group) == 1 else np.concatenate(group)
        parts: list[tuple[NDArray[np.float32], ...]] = []
        done = 0
        while done < len(pictures):
            step = self._batch * self._replicas
            try:
                parts.append(self._compute(pictures[done : done + step], outputs))
            except tf.errors.ResourceExhaustedError:
                if self._batch == 1:
                    raise
                self._batch //= 2
                log.warning("Out of memory with %d pictures at a time; going on with half as many", step)
            except _NOT_FOR_XLA as error:
                if not self._xla:
                    raise
                self._xla, self._run = False, _graph(self.model, xla=False)
                log.warning("XLA can't compile the network, so TensorFlow runs it as it is: %s", error)
            else:
                done += step
        joined = tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        ends = np.cumsum([len(batch) for batch in group])
        for batch, end in zip(group, ends.tolist(), strict=True):
            yield tuple(array[end - len(batch) : end] for array in joined)

    def _compute(self, pictures: NDArray[np.uint8], outputs: tuple[str, ...]) -> tuple[NDArray[np.float32], ...]:
        """One step on all devices. XLA compiles for each size anew, and replicas share evenly: hence the padding."""
        count = len(pictures)
        whole = self._batch * self._replicas if self._xla or self._strategy is not None else count
        values = np.zeros((whole, *pictures.shape[1:]), dtype=np.float32)
        values[:count] = pictures
        answers = [self._run(tf.constant(values))] if self._strategy is None else self._share(self._strategy, values)
        return tuple(np.concatenate([answer[name].numpy() for answer in answers])[:count] for name in outputs)

    def _share(self, strategy: tf.distribute.Strategy, values: NDArray[np.float32]) -> list[dict[str, tf.Tensor]]:
        """A step with an equal part of the pictures on each device."""

        def part(context: Any) -> tf.Tensor:
            start = context.replica_id_in_sync_group * self._batch
            return tf.constant(values[start : start + self._batch])

        shared = strategy.experimental_distribute_values_from_function(part)
        # `run` refuses a function with a signature, which is written for one device's part: hence the lambda.
        answer = strategy.run(lambda own: self._run(own), args=(shared,))
        local = {name: strategy.experimental_local_results(value) for name, value in answer.items()}
        return [{name: parts[place] for name, parts in local.items()} for place in range(self._replicas)]


def _graph(model: keras.Model, xla: bool) -> Any:
    """The model in inference mode as one function, whatever the size of the batch."""

    def run(pictures: tf.Tensor) -> dict[str, tf.Tensor]:
        answer = model(pictures, training=False)
        return {name: tf.cast(value, tf.float32) for name, value in answer.items()}

    return tf.function(run, input_signature=[tf.TensorSpec(model.input.shape, tf.float32)], jit_compile=xla or None)


def policy_precision() -> Literal["float32", "mixed_float16"]:
    """What new models compute in, by Keras's policy."""
    return "mixed_float16" if keras.config.dtype_policy().name == "mixed_float16" else "float32"


def fitting_batch(network: FrozenNetwork, free_megabytes: float | None) -> int:
    """Pictures that fit into a card's memory, a power of two: few enough for training would do, so inference fits.

    Args:
        network: What is run.
        free_megabytes: Free memory of the fullest card; None where it is not known.
    """
    if free_megabytes is None:
        return _UNKNOWN_CARD
    growth = (network.size / network.backbone.default_size) ** 2
    fitting = int(free_megabytes / (network.backbone.megabytes_per_picture * growth))
    return int(min(_LARGEST_BATCH, 1 << max(fitting, 1).bit_length() - 1))


def _strategy_of(model: keras.Model) -> tf.distribute.Strategy | None:
    """The strategy that a model's variables were made under; None where there is one device."""
    for weight in model.weights:
        strategy = getattr(weight.value, "distribute_strategy", None)
        if strategy is not None and strategy.num_replicas_in_sync > 1:
            return strategy
    return None
