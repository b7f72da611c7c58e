"""A frozen run's bundle, made from the network that was kept, is the one that conversion would make."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tlcore.backbones.registry import find_backbone
from tlcore.config import HeadConfig, RunConfig
from tlcore.engines.openvino import compile_for_cpu, convert
from tlcore.export.bundle import write_bundle
from tlcore.serving.bundle import EMBEDDING, FEATURE_MAP, NETWORK, PROBABILITIES, read_info
from tlcore.training.assembly import Assembled, assemble
from tlcore.training.trunk import frozen_network

SIZE = 64
CLASSES = ("cat", "coffee")


@pytest.fixture(scope="module", params=["softmax", "sigmoid"])
def assembled(request: pytest.FixtureRequest) -> Assembled:
    config = RunConfig(dataset="x", image_size=SIZE, head=HeadConfig(activation=request.param))
    made = assemble(config, find_backbone("efficientnet-lite0"), len(CLASSES))
    answer = made.model.get_layer("answer")
    answer.set_weights([answer.get_weights()[0], np.linspace(0.2, 0.5, answer.units, dtype=np.float32)])
    return made


@pytest.fixture(scope="module")
def pictures(photos: dict[str, NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.stack([photo[100 : 100 + SIZE, 100 : 100 + SIZE] for photo in photos.values()])


def test_the_kept_network_with_the_head_answers_as_the_model_does(
    assembled: Assembled, pictures: NDArray[np.uint8], tmp_path: Path
) -> None:
    backbone = find_backbone("efficientnet-lite0")
    kept = tmp_path / "kept.xml"
    convert(frozen_network(assembled, backbone.preprocessing), kept)
    head = assembled.model.get_layer("answer").get_weights()
    info = write_bundle(assembled.model, tmp_path / "a", "run", CLASSES, backbone, kept, (head[0], head[1]))
    other = write_bundle(assembled.model, tmp_path / "b", "run", CLASSES, backbone)
    assert info == other == read_info(tmp_path / "a")
    ours, theirs = (compile_for_cpu(tmp_path / name / NETWORK)(pictures.astype(np.float32)) for name in "ab")
    for name in (PROBABILITIES, EMBEDDING, FEATURE_MAP):
        assert ours[name].shape == theirs[name].shape
        assert np.abs(ours[name] - theirs[name]).max() < 1e-5
    assert np.abs(ours[PROBABILITIES][0] - ours[PROBABILITIES][1]).max() > 1e-4
    answers = assembled.model.predict(pictures.astype(np.float32), verbose=0)
    assert np.abs(ours[PROBABILITIES][:, 1] - answers[:, -1]).max() < 1e-5


def test_a_kept_network_that_is_damaged_is_not_used(assembled: Assembled, tmp_path: Path) -> None:
    kept = tmp_path / "kept.xml"
    kept.write_text("<damaged>")
    kernel, bias = assembled.model.get_layer("answer").get_weights()
    backbone = find_backbone("efficientnet-lite0")
    info = write_bundle(assembled.model, tmp_path / "bundle", "run", CLASSES, backbone, kept, (kernel, bias * 2))
    assert info.engine == "openvino"
    assert compile_for_cpu(tmp_path / "bundle" / NETWORK).output(PROBABILITIES).partial_shape[1] == len(CLASSES)
