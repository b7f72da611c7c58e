"""What the training computes on: GPUs where TensorFlow sees them, else the CPU."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

# Tensor cores, which make float16 faster than float32, came with compute capability 7.0 (Volta).
_TENSOR_CORES = (7, 0)


@dataclass(frozen=True)
class Device:
    """The choice, and what to tell of it.

    Attributes:
        description: In words: "CPU", "GPU: NVIDIA A100", "2 GPUs: …".
        on_gpu: Whether TensorFlow computes on a GPU.
        precision: "float32" or "mixed_float16".
        strategy: Spreads each batch over all GPUs; None where there are fewer than two.
    """

    description: str
    on_gpu: bool
    precision: str
    strategy: tf.distribute.Strategy | None

    def scope(self) -> AbstractContextManager[Any]:
        """Models made and compiled inside live on all devices of the choice."""
        return nullcontext() if self.strategy is None else self.strategy.scope()

    @property
    def replicas(self) -> int:
        """How many parts each batch is cut into."""
        return 1 if self.strategy is None else int(self.strategy.num_replicas_in_sync)

    @property
    def jit_compile(self) -> str | bool:
        """What `compile` should be told: XLA was measured 14 times slower than plain TensorFlow on the CPU."""
        return "auto" if self.on_gpu else False


def choose_device() -> Device:
    """Takes all GPUs of the host, lets their memory grow as needed, and sets Keras's precision.

    Call it once, before any tensor is made: TensorFlow fixes its devices then.
    """
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    names = [detail.get("device_name", "unknown") for detail in details]
    fast_half = bool(gpus) and all(detail.get("compute_capability", (0, 0)) >= _TENSOR_CORES for detail in details)
    precision = "mixed_float16" if fast_half else "float32"
    keras.config.set_dtype_policy(precision)
    return Device(
        description=_describe(names),
        on_gpu=bool(gpus),
        precision=precision,
        strategy=tf.distribute.MirroredStrategy() if len(gpus) > 1 else None,
    )


def _describe(names: list[str]) -> str:
    if not names:
        return "CPU"
    if len(names) == 1:
        return f"GPU: {names[0]}"
    return f"{len(names)} GPUs: {', '.join(names)}"
