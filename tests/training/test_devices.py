"""What only GPUs do by themselves, tried without one: two logical processors stand for two cards, and mixed precision.

TensorFlow fixes its devices when it starts, and Keras's precision is global: hence processes of their own.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlcore.data.importer import import_pictures
from tlcore.training.devices import choose_device
from tlcore.workspace import Workspace

SCRIPT = """
import json, os, sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

home, precision, replicas, activation = sys.argv[1:]
processor = tf.config.list_physical_devices("CPU")[0]
parts = [tf.config.LogicalDeviceConfiguration()] * int(replicas)
tf.config.set_logical_device_configuration(processor, parts)
keras.config.set_dtype_policy(precision)

from tlcore.backbones.checks import complete
from tlcore.backbones.registry import find_backbone, layer_table
from tlcore.config import RunConfig
from tlcore.data.catalog import open_dataset
from tlcore.evaluation.metrics import score
from tlcore.export.bundle import write_bundle
from tlcore.jobs.preflight import find_material
from tlcore.progress import Silence
from tlcore.serving.predictor import Predictor
from tlcore.training.devices import Device
from tlcore.training.session import Session
from tlcore.training.trunk import frozen_network
from tlcore.workspace import Workspace

names = [f"CPU:{number}" for number in range(int(replicas))]
strategy = tf.distribute.MirroredStrategy(names) if len(names) > 1 else None
device = Device("test", False, precision, strategy)
workspace = Workspace.open(Path(home))
config = complete(RunConfig.build(
    dataset="my/photos", image_size=32, mode="finetune", unfreeze=["block7"], epochs=12, fine_tune_epochs=1,
    learning_rate=0.01, fine_tune_learning_rate=1e-4, batch_size=9, class_weights="balanced",
    head={"activation": activation}, split={"train": 60, "validation": 20, "test": 20},
))
backbone = find_backbone(config.backbone)
material = find_material(workspace, config)
folder = Path(home) / "here"
folder.mkdir()
session = Session(config, backbone, layer_table(backbone.id, None), material, device, workspace, Silence())
session.prepare()
before = session.answers("test")
kept = session.inputs.unchanged("embedding", "test")[:]
network = frozen_network(session.assembled, backbone.preprocessing)
by_keras = np.concatenate([
    network(batch.astype(np.float32), training=False)["embedding"]
    for batch in session.judge.picture_batches("test", "")
])
session.train()
after = session.answers("test")
session.assembled.model.save(folder / "model.keras")
bundle = write_bundle(session.assembled.model, folder / "bundle", "run", material.dataset.info.class_names, backbone)
pictures = next(session.judge.picture_batches("test", ""))
theirs = session.judge.answer_pictures(pictures)
ours = Predictor(folder / "bundle", lambda data, size: None).probabilities(pictures)
print(json.dumps({
    "parts": [len(material.indices(part)) for part in ("train", "validation", "test")],
    "rows": [len(before), len(by_keras), len(after)],
    "features": float(np.abs(by_keras - kept).max()),
    "type": str(after.dtype),
    "computes_in": session.assembled.backbone.layers[1].compute_dtype,
    "phases": [row.phase.value for row in session.rows],
    "accuracy": score(session.answers("train"), material.labels("train")).accuracy,
    "sums": float(np.abs(after.sum(axis=1) - 1).max()),
    "engine": bundle.engine,
    "bundle_type": str(ours.dtype),
    "difference": float(np.abs(ours - theirs).max()),
}))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, make_folder: Callable[..., Path]) -> Path:
    """A workspace with photos whose parts no two replicas can share evenly: 33 to learn from, 11 to validate."""
    place = tmp_path_factory.mktemp("devices")
    workspace = Workspace.open(place / "home")
    import_pictures(workspace, make_folder(place / "photos", cat=28, coffee=27), "photos")
    return workspace.root


def trained(home: Path, folder: Path, precision: str, replicas: int, activation: str) -> dict[str, Any]:
    (folder / "datasets").symlink_to(home / "datasets")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), precision, str(replicas), activation],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def check(facts: dict[str, Any]) -> None:
    assert facts["rows"] == [facts["parts"][2]] * 3  # each picture is answered once, not once by each replica
    assert facts["phases"] == ["frozen"] * 12 + ["fine_tune"]
    assert facts["accuracy"] > 0.9
    assert facts["type"] == facts["bundle_type"] == "float32"
    assert facts["sums"] < 1e-5
    assert facts["engine"] == "openvino"


def test_two_devices_share_the_batches(home: Path, tmp_path: Path) -> None:
    facts = trained(home, tmp_path, "float32", 2, "softmax")
    assert facts["parts"][0] % 2 == facts["parts"][1] % 2 == 1
    check(facts)
    assert facts["features"] < 1e-4
    assert facts["difference"] < 1e-4


def test_mixed_precision_leaves_probabilities_alone(home: Path, tmp_path: Path) -> None:
    facts = trained(home, tmp_path, "mixed_float16", 1, "sigmoid")
    assert facts["computes_in"] == "float16"
    check(facts)
    assert facts["difference"] < 0.05


def test_without_a_card_the_processor_is_told() -> None:
    device = choose_device()
    assert (device.description, device.on_gpu, device.precision, device.replicas) == ("CPU", False, "float32", 1)
