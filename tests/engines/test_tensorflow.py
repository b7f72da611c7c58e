"""TensorFlow as an engine: what only cards do by themselves is tried without one."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from tlcore.config import ComputeConfig
from tlcore.engines.choosing import choose
from tlcore.engines.networks import FrozenNetwork
from tlcore.engines.protocol import EMBEDDING, FEATURE_MAP, TRUNK, EngineChoice
from tlcore.engines.race import relative_difference
from tlcore.engines.tensorflow import TensorFlowEngine, fitting_batch

Batches = Callable[..., Iterator[NDArray[np.uint8]]]

TWO_DEVICES = """
import json
import keras, numpy as np, tensorflow as tf

processor = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
from tests.engines.conftest import SIZE, Tiny
from tests.engines.test_tensorflow import asked
from tlcore.engines.tensorflow import TensorFlowEngine

with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    model = Tiny()()
engine = TensorFlowEngine(model, asked(), batch=4)
pictures = np.random.default_rng(1).integers(0, 256, (23, SIZE, SIZE, 3), dtype=np.uint8)
found = list(engine.extract([pictures[:3], pictures[3:20], pictures[20:]]))
theirs = model(pictures.astype(np.float32), training=False)["embedding"]
print(json.dumps({
    "replicas": engine._replicas,
    "rows": [len(part) for (part,) in found],
    "difference": float(np.abs(np.concatenate([part for (part,) in found]) - theirs).max()),
}))
"""


def asked() -> EngineChoice:
    choice = choose(None, ComputeConfig(engine="tensorflow"), on_gpu=False)
    assert choice is not None
    return choice


def starved(most: int) -> keras.Model:
    """A network that runs out of memory with more than `most` pictures at once, as a card would."""
    inputs = keras.Input((64, 64, 3))

    def check(pictures: tf.Tensor) -> tf.Tensor:
        if len(pictures) > most:
            raise MemoryError  # which TensorFlow turns into its own error
        return pictures

    class Small(keras.layers.Layer):
        def call(self, pictures: tf.Tensor) -> tf.Tensor:
            return tf.ensure_shape(tf.py_function(check, [pictures], tf.float32), pictures.shape)

    return keras.Model(inputs, {EMBEDDING: keras.layers.GlobalAveragePooling2D()(Small()(inputs))})


def test_outputs_come_in_order_and_as_asked_for(
    frozen: keras.Model, pictures: NDArray[np.uint8], batches: Batches
) -> None:
    theirs = frozen.predict(pictures.astype(np.float32), verbose=0)
    parts = list(TensorFlowEngine(frozen, asked(), batch=4).extract(batches(3, 5, 1), (FEATURE_MAP, TRUNK)))
    assert [len(trunk) for _, trunk in parts] == [3, 5, 1]
    feature_map, trunk = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    assert relative_difference(feature_map, theirs[FEATURE_MAP]) < 1e-5
    assert relative_difference(trunk, theirs[TRUNK]) < 1e-5


def test_the_batch_is_halved_until_it_fits(pictures: NDArray[np.uint8]) -> None:
    engine = TensorFlowEngine(starved(2), asked(), batch=8)
    ((embedding,),) = engine.extract([pictures])
    assert np.abs(embedding - pictures.mean(axis=(1, 2))).max() < 1e-3
    with pytest.raises(tf.errors.ResourceExhaustedError):
        list(TensorFlowEngine(starved(0), asked(), batch=8).extract([pictures]))


def test_where_xla_can_not_compile_the_network_runs_as_it_is(pictures: NDArray[np.uint8]) -> None:
    ((embedding,),) = TensorFlowEngine(starved(100), asked(), batch=8, xla=True).extract([pictures])
    assert np.abs(embedding - pictures.mean(axis=(1, 2))).max() < 1e-3


def test_xla_gets_batches_of_one_size(tiny: Callable[..., object], batches: Batches) -> None:
    model = tiny()()  # type: ignore[operator]
    plain = [array for (array,) in TensorFlowEngine(model, asked(), batch=4).extract(batches(3, 6))]
    compiled = [array for (array,) in TensorFlowEngine(model, asked(), batch=4, xla=True).extract(batches(3, 6))]
    assert [len(array) for array in compiled] == [3, 6]
    assert relative_difference(np.concatenate(compiled), np.concatenate(plain)) < 1e-5


def test_two_devices_share_the_pictures() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES],
        env=os.environ | {"PYTHONPATH": str(root), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    facts = json.loads(done.stdout.splitlines()[-1])
    assert facts["replicas"] == 2
    assert facts["rows"] == [3, 17, 3]
    assert facts["difference"] < 1e-3


def test_the_first_batch_fits_the_card(network: FrozenNetwork) -> None:
    each = network.backbone.megabytes_per_picture * (network.size / network.backbone.default_size) ** 2
    assert fitting_batch(network, each * 9) == 8
    assert fitting_batch(network, 1.0) == 1
    assert fitting_batch(network, 1e9) == 256
    assert fitting_batch(network, None) == 32
