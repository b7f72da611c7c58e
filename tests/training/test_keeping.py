"""Real little models, trained and kept, by writers that may be killed or find no room."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tlcore.training.keeping import KeepOnDisk, Kept, read_best, write_weights


def make_model(units: int = 3) -> keras.Model:
    layers = [keras.layers.Dense(units, name="hidden"), keras.layers.BatchNormalization(), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile(optimizer="sgd", loss="mse")
    return model


def run(path: Path, model: keras.Model, *values: float, **options: Any) -> None:
    """Ends an epoch for each value, with the model's weights equal to the epoch's number."""
    callback = KeepOnDisk(path, model.weights, **options)
    for epoch, value in enumerate(values):
        model.set_weights([np.full(weight.shape, epoch + 1.0) for weight in model.weights])
        callback.on_epoch_end(epoch, {"val_loss": value, "val_accuracy": value})


def kept_number(path: Path) -> tuple[float, Kept]:
    found = read_best(path, make_model().weights)
    assert found is not None
    kept, weights = found
    numbers = {float(number) for weight in weights for number in np.ravel(weight)}
    assert len(numbers) == 1
    return numbers.pop(), kept


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "best-frozen.npz"


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may be larger than 512 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_best_epoch_is_kept(path: Path) -> None:
    run(path, make_model(), 0.9, 0.5, 0.7, float("nan"))
    assert kept_number(path) == (2.0, Kept(2, "val_loss", 0.5))


def test_accuracy_is_better_when_larger(path: Path) -> None:
    run(path, make_model(), 0.9, 0.5, 0.95, monitor="val_accuracy")
    assert kept_number(path) == (3.0, Kept(3, "val_accuracy", 0.95))


def test_a_second_attempt_replaces_only_by_something_better(path: Path) -> None:
    run(path, make_model(), 0.9, 0.5)
    _, best = kept_number(path)
    run(path, make_model(), 0.6, best=best)
    assert kept_number(path)[1].value == 0.5
    run(path, make_model(), 0.4, best=best)
    assert kept_number(path) == (1.0, Kept(1, "val_loss", 0.4))


def test_it_works_in_a_real_training(path: Path) -> None:
    inputs = np.random.default_rng(3).normal(size=(64, 4))
    model = make_model()
    history = model.fit(
        inputs,
        inputs[:, :1],
        validation_split=0.5,
        epochs=4,
        verbose=0,
        callbacks=[KeepOnDisk(path, model.weights)],
        batch_size=8,
    ).history["val_loss"]
    other = make_model()
    found = read_best(path, other.weights)
    assert found is not None
    kept, weights = found
    other.set_weights(weights)
    assert kept.value == min(history)
    assert other.evaluate(inputs[32:], inputs[32:, :1], verbose=0) == pytest.approx(min(history), rel=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_damaged_file_is_not_used(path: Path, share: float) -> None:
    run(path, make_model(), 0.5)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert read_best(path, make_model().weights) is None


def test_a_flipped_bit_is_noticed(path: Path) -> None:
    run(path, make_model(), 0.5)
    data = bytearray(path.read_bytes())
    place = data.rindex(np.float32(1.0).tobytes())
    data[place] ^= 1
    path.write_bytes(data)
    assert read_best(path, make_model().weights) is None


def test_another_models_weights_are_not_used(path: Path, tmp_path: Path) -> None:
    run(path, make_model(units=5), 0.5)
    assert read_best(path, make_model(units=3).weights) is None
    assert read_best(tmp_path / "never-written.npz", make_model().weights) is None


def test_weights_that_learned_from_other_pictures_are_not_used(path: Path) -> None:
    run(path, make_model(), 0.5, fingerprint="these")
    assert read_best(path, make_model().weights, "others") is None
    assert read_best(path, make_model().weights, "these") is not None


def test_a_full_disk_leaves_the_earlier_weights(path: Path, request: pytest.FixtureRequest) -> None:
    run(path, make_model(), 0.5)
    request.getfixturevalue("small_files")
    with pytest.raises(OSError, match=os.strerror(27)):
        run(path, make_model(), 0.4)
    assert kept_number(path) == (1.0, Kept(1, "val_loss", 0.5))
    assert list(path.parent.iterdir()) == [path]


WRITER = """
import sys
from pathlib import Path
import keras
from tlcore.training.keeping import Kept, write_weights
model = keras.Sequential([keras.Input((1000,)), keras.layers.Dense(5000, name="hidden")])
for epoch in range(1, 100_000):
    write_weights(Path(sys.argv[1]), model.weights, Kept(epoch, "val_loss", 0.5))
"""


def test_a_writer_that_is_killed_leaves_whole_weights(path: Path) -> None:
    model = keras.Sequential([keras.Input((1000,)), keras.layers.Dense(5000, name="hidden")])
    writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not path.exists():
        assert time.monotonic() < deadline
        assert writer.poll() is None
        time.sleep(0.01)
    # Most of its time it is in the middle of a file: wait for such a moment.
    while not path.with_name(f".{path.name}.tmp").exists():
        assert time.monotonic() < deadline
    writer.kill()
    writer.wait()
    found = read_best(path, model.weights)
    assert found is not None
    write_weights(path, model.weights, Kept(found[0].epoch + 1, "val_loss", 0.4))
    assert list(path.parent.iterdir()) == [path]
