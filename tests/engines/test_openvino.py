"""OpenVINO against Keras, on a real backbone and real pictures."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data as photos
from skimage.transform import resize

from tlcore.backbones.registry import find_backbone, layer_table
from tlcore.config import RunConfig
from tlcore.engines.openvino import OpenVinoEngine, compile_for_cpu, convert
from tlcore.engines.select import choose_engine, converted_path
from tlcore.training.assembly import Assembled, assemble

SIZE = 96


@pytest.fixture(scope="module")
def assembled() -> Assembled:
    return assemble(RunConfig(dataset="x", image_size=SIZE), find_backbone("efficientnet-lite0"), classes=3)


@pytest.fixture(scope="module")
def pictures() -> NDArray[np.uint8]:
    chosen = (photos.astronaut(), photos.chelsea(), photos.coffee(), photos.rocket())
    return np.stack([(resize(photo, (SIZE, SIZE)) * 255).astype(np.uint8) for photo in chosen])


@pytest.fixture(scope="module")
def converted(assembled: Assembled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("engines") / "backbone.xml"
    convert(assembled.features, path)
    return path


def in_batches(pictures: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    yield pictures[:3]
    yield pictures[3:]


def test_features_agree_with_keras(assembled: Assembled, converted: Path, pictures: NDArray[np.uint8]) -> None:
    ours = np.concatenate(list(OpenVinoEngine(converted).extract(in_batches(pictures))))
    theirs = assembled.features.predict(pictures.astype(np.float32), verbose=0)
    assert ours.shape == (4, 1280)
    assert np.abs(ours - theirs).max() < 1e-4
    # A network that ignores its input would agree with itself too.
    assert np.abs(ours[0] - ours[1]).max() > 0.1


def test_nothing_phones_home() -> None:
    code = (
        "import tlcore.engines.openvino, sys\n"
        "from openvino.tools.ovc import telemetry_utils\n"
        "print(telemetry_utils.tm.__name__, sys.modules['openvino_telemetry'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["openvino.tools.ovc.telemetry_stub", "None"]


def test_only_whole_files_appear(converted: Path) -> None:
    assert sorted(path.name for path in converted.parent.iterdir()) == ["backbone.bin", "backbone.xml"]


def test_another_picture_size_works_and_an_impossible_one_is_refused(converted: Path) -> None:
    network = compile_for_cpu(converted, 128)
    assert network(np.zeros((2, 128, 128, 3), dtype=np.float32))[0].shape == (2, 1280)
    with pytest.raises(RuntimeError):
        compile_for_cpu(converted.with_name("missing.xml"))


def test_a_kept_network_is_used_and_a_damaged_one_made_anew(tmp_path: Path) -> None:
    built: list[keras.Model] = []

    def build() -> keras.Model:
        inputs = keras.Input((SIZE, SIZE, 3))
        built.append(keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs)))
        return built[-1]

    path = tmp_path / "kept.xml"
    assert choose_engine(path, build, on_gpu=False).name == "openvino"
    assert choose_engine(path, build, on_gpu=False).name == "openvino"
    assert len(built) == 1
    path.write_text("<damaged>")
    assert choose_engine(path, build, on_gpu=False).name == "openvino"
    assert len(built) == 2


def test_what_openvino_can_not_convert_goes_through_tensorflow_with_the_reason(
    tmp_path: Path, pictures: NDArray[np.uint8]
) -> None:
    inputs = keras.Input((SIZE, SIZE, 3))
    values = keras.ops.linalg.qr(keras.layers.GlobalAveragePooling2D()(inputs)[:, None, :])[0]
    odd = keras.Model(inputs, values[:, 0])
    engine = choose_engine(tmp_path / "odd.xml", lambda: odd, on_gpu=False)
    assert engine.name == "tensorflow"
    assert "could not convert" in engine.note
    assert next(iter(engine.extract([pictures]))).shape[0] == len(pictures)


def test_the_place_of_a_network_depends_on_what_it_computes(tmp_path: Path) -> None:
    backbone, table = find_backbone("efficientnet-lite0"), layer_table("efficientnet-lite0")
    here = converted_path(tmp_path, backbone, None, 224, table)
    assert converted_path(tmp_path, backbone, None, 224, table) == here
    assert converted_path(tmp_path, backbone, None, 192, table) != here
    other = find_backbone("efficientnet-lite1")
    assert converted_path(tmp_path, other, None, 224, layer_table(other.id)) != here
