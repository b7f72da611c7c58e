"""The lessons' way, as fast as plain Keras gets: `python -m benchmarks.plain TASK` prints one JSON document.

JPEG files through `tf.data` (decoded once and kept in memory as uint8, fixed parallelism, the autotuner off because it
was measured idling between epochs), and the whole network in every epoch. Backbone, weights, division, epochs, head,
learning rates and the choice of the best epoch are those of the run that it is compared with.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.material import Task

_AT_ONCE: Final = 64  # pictures a batch where nothing is learned: 32 to 256 were measured alike, within the noise


@dataclass
class Timed:
    """What the plain way took and reached.

    Attributes:
        first_to_test: Seconds from the first picture read to the test result.
        phases: Seconds of each phase's epochs.
        accuracy: Of the test pictures.
        loss: Of the test pictures.
    """

    first_to_test: float
    phases: dict[str, list[float]]
    accuracy: float
    loss: float


def streams(task: Task, tf: Any) -> dict[str, Any]:
    """The pictures of each part as batches of (float32 pictures, labels as one-hot); kept in memory once decoded."""
    options = tf.data.Options()
    options.autotune.enabled = False

    def picture(path: Any, label: Any) -> tuple[Any, Any]:
        decoded = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        resized = tf.image.resize(decoded, (task.size, task.size), antialias=task.antialias)
        return tf.cast(tf.round(tf.clip_by_value(resized, 0, 255)), tf.uint8), label

    found = {}
    for part, files in task.files.items():
        labels = np.eye(task.classes, dtype=np.float32)[task.labels[part]]
        stream = tf.data.Dataset.from_tensor_slices((files, labels))
        stream = stream.map(picture, num_parallel_calls=task.threads).cache()
        if part == "train":
            stream = stream.shuffle(len(files), seed=task.seed)
        stream = stream.batch(task.batch_size if part == "train" else _AT_ONCE)
        stream = stream.map(lambda x, y: (tf.cast(x, tf.float32), y), num_parallel_calls=task.threads)
        found[part] = stream.prefetch(2).with_options(options)
    return found


def build(task: Task, keras: Any) -> tuple[Any, Any]:
    """The classifier and the frozen backbone inside it."""
    from tlcore.backbones.build import build_backbone, preprocess
    from tlcore.backbones.registry import find_backbone

    record = find_backbone(task.backbone)
    base = build_backbone(record, None, task.size, pretrained=True)
    base.trainable = False
    pictures = keras.Input((task.size, task.size, 3))
    features = keras.layers.GlobalAveragePooling2D()(base(preprocess(record.preprocessing, pictures), training=False))
    dropped = keras.layers.Dropout(task.dropout)(features)
    return keras.Model(pictures, keras.layers.Dense(task.classes, activation="softmax")(dropped)), base


def learn(model: Any, parts: dict[str, Any], epochs: int, rate: float, keras: Any) -> list[float]:
    """One phase; the model then has the weights of its best epoch. Returns the seconds of each epoch."""
    seconds: list[float] = []
    best: dict[str, Any] = {"loss": float("inf"), "weights": None}

    class Watch(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        """Seconds of each epoch, and the weights of the best one (only those that learn)."""

        def on_epoch_begin(self, _epoch: int, _logs: Any = None) -> None:
            self.started = time.monotonic()

        def on_epoch_end(self, _epoch: int, logs: Any = None) -> None:
            seconds.append(time.monotonic() - self.started)
            if logs["val_loss"] < best["loss"]:
                best.update(loss=logs["val_loss"], weights=[one.numpy() for one in model.trainable_weights])

    # XLA on the CPU was measured 14 times slower.
    model.compile(keras.optimizers.Adam(rate), "categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    model.fit(parts["train"], validation_data=parts["validation"], epochs=epochs, callbacks=[Watch()], verbose=0)
    for variable, value in zip(model.trainable_weights, best["weights"], strict=True):
        variable.assign(value)
    return seconds


def train(task: Task) -> Timed:
    """Trains and tests as the task says."""
    import keras
    import tensorflow as tf

    from tlcore.backbones.build import unfreeze_from

    keras.utils.set_random_seed(task.seed)
    parts = streams(task, tf)
    model, base = build(task, keras)
    started = time.monotonic()
    phases = {"frozen": learn(model, parts, task.epochs, task.learning_rate, keras)}
    if task.fine_tune_epochs:
        unfreeze_from(base, task.fine_tune_start)
        phases["fine_tune"] = learn(model, parts, task.fine_tune_epochs, task.fine_tune_learning_rate, keras)
    loss, accuracy = model.evaluate(parts["test"], verbose=0)
    return Timed(time.monotonic() - started, phases, accuracy, loss)


def predict_ready(task: Task) -> dict[str, float]:
    """Pictures a second of `model.predict` on arrays that lie ready in memory, by batch size; after a warm-up."""
    import keras
    import tensorflow as tf

    model, _ = build(task, keras)
    embeddings = keras.Model(model.input, model.layers[-3].output)
    pictures: NDArray[np.float32] = np.concatenate([batch.numpy() for batch, _ in streams(task, tf)["train"]])
    speeds = {}
    for size in (16, 32, 64, 128):
        embeddings.predict(pictures[: 2 * size], batch_size=size, verbose=0)
        started = time.monotonic()
        embeddings.predict(pictures, batch_size=size, verbose=0)
        speeds[str(size)] = len(pictures) / (time.monotonic() - started)
    return speeds


def main() -> None:
    """Does what the task file says."""
    task = Task.read(Path(sys.argv[1]))
    document = predict_ready(task) if "--predict" in sys.argv else asdict(train(task))
    sys.stdout.write(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()
