"""OpenVINO against Keras, on a real backbone and real pictures."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from tlcore.config import ComputeConfig
from tlcore.devices import has_bfloat16
from tlcore.engines.choosing import choose
from tlcore.engines.head import save_with_head
from tlcore.engines.openvino import OpenVinoEngine, compile_for_cpu, convert
from tlcore.engines.protocol import EMBEDDING, FEATURE_MAP, TRUNK, EngineChoice
from tlcore.engines.race import relative_difference
from tlcore.engines.record import KeptNetwork, Race, this_machine
from tlcore.errors import WorkspaceError

Batches = Callable[..., Iterator[NDArray[np.uint8]]]


def choice(precision: str = "float32") -> EngineChoice:
    record = KeptNetwork(machine=this_machine(), digest="x", race=Race(openvino=2.0, tensorflow=1.0, parity=0.0))
    made = choose(record, ComputeConfig(engine="openvino", precision=precision), on_gpu=False)
    assert made is not None
    return made


@pytest.fixture(scope="module")
def converted(frozen: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("engines") / "backbone.xml"
    convert(frozen, path)
    return path


def test_outputs_agree_with_keras_however_the_pictures_are_batched(
    frozen: keras.Model, converted: Path, pictures: NDArray[np.uint8], batches: Batches
) -> None:
    theirs = frozen.predict(pictures.astype(np.float32), verbose=0)
    engine = OpenVinoEngine(converted, choice())
    for sizes in ((9,), (1, 3, 5), (2, 2, 2, 2, 1), (1,) * 9):
        parts = list(engine.extract(batches(*sizes), (EMBEDDING, TRUNK)))
        assert [len(embedding) for embedding, _ in parts] == list(sizes)
        embedding, trunk = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        assert relative_difference(embedding, theirs[EMBEDDING]) < 1e-5
        assert relative_difference(trunk, theirs[TRUNK]) < 1e-5
    # A network that ignores its input would agree with itself too.
    assert np.abs(embedding[0] - embedding[1]).max() > 0.1


def test_one_output_is_enough(converted: Path, batches: Batches) -> None:
    engine = OpenVinoEngine(converted, choice())
    (both,) = engine.extract(batches(9), (TRUNK, FEATURE_MAP))
    (alone,) = engine.extract(batches(9), (FEATURE_MAP,))
    assert [array.shape for array in alone] == [(9, 2, 2, 1280)]
    assert np.array_equal(alone[0], both[1])


def test_pictures_that_may_not_be_written_to_are_fine(converted: Path, pictures: NDArray[np.uint8]) -> None:
    locked = pictures[:4].copy()
    locked.flags.writeable = False
    ((theirs,),) = OpenVinoEngine(converted, choice()).extract([pictures[:4]])
    ((ours,),) = OpenVinoEngine(converted, choice()).extract([locked])
    assert np.array_equal(ours, theirs)


def test_what_reading_raises_is_raised_and_taking_a_part_leaves_nothing_running(
    converted: Path, pictures: NDArray[np.uint8]
) -> None:
    def damaged() -> Iterator[NDArray[np.uint8]]:
        yield pictures
        raise LookupError("gone")

    engine = OpenVinoEngine(converted, choice())
    with pytest.raises(LookupError):
        list(engine.extract(damaged()))
    some = engine.extract(pictures for _ in range(1000))
    assert next(iter(some))[0].shape == (9, 1280)
    some.close()  # type: ignore[attr-defined]


@pytest.mark.skipif(not has_bfloat16(), reason="this processor does not compute in bfloat16")
def test_bfloat16_is_another_precision(converted: Path, batches: Batches) -> None:
    ((exact,),) = OpenVinoEngine(converted, choice()).extract(batches(9))
    ((rough,),) = OpenVinoEngine(converted, choice("bfloat16")).extract(batches(9))
    assert 1e-4 < relative_difference(rough, exact) < 0.2


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


def test_a_full_disk_is_told_and_leaves_nothing(converted: Path, tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys\n"
        "import numpy as np\n"
        "from pathlib import Path\n"
        "from tlcore.engines.head import save_with_head\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
        "kernel = np.zeros((1280, 2), dtype=np.float32)\n"
        "save_with_head(Path(sys.argv[1]), kernel, kernel[0], Path(sys.argv[2]), 'probabilities')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, converted, tmp_path / "model.xml"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 1
    assert f"{WorkspaceError.__name__}: The converted network can't be written" in done.stderr
    assert not list(tmp_path.iterdir())


def test_another_picture_size_works_and_a_missing_network_is_refused(converted: Path, tmp_path: Path) -> None:
    kernel = np.ones((1280, 2), dtype=np.float32)
    save_with_head(converted, kernel, kernel[0], tmp_path / "model.xml", "probabilities")
    network = compile_for_cpu(tmp_path / "model.xml", 96)
    assert network(np.zeros((2, 96, 96, 3), dtype=np.float32))[EMBEDDING].shape == (2, 1280)
    with pytest.raises(RuntimeError):
        compile_for_cpu(tmp_path / "missing.xml")


@pytest.mark.parametrize(("outputs", "classes"), [(1, 2), (2, 2), (3, 3)])
def test_a_head_is_put_on_a_converted_backbone(
    converted: Path, pictures: NDArray[np.uint8], tmp_path: Path, outputs: int, classes: int
) -> None:
    random = np.random.default_rng(3)
    kernel = random.normal(size=(1280, outputs)).astype(np.float32)
    bias = random.normal(size=outputs).astype(np.float32)
    save_with_head(converted, kernel, bias, tmp_path / "model.xml", "probabilities")
    answer = compile_for_cpu(tmp_path / "model.xml")(pictures.astype(np.float32))
    values = answer[EMBEDDING] @ kernel + bias
    if outputs == 1:
        second = 1 / (1 + np.exp(-values[:, 0]))
        expected = np.stack([1 - second, second], axis=1)
    else:
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        expected = powers / powers.sum(axis=1, keepdims=True)
    assert answer["probabilities"].shape == (9, classes)
    assert np.abs(answer["probabilities"] - expected).max() < 1e-5
    assert np.abs(answer[FEATURE_MAP].mean(axis=(1, 2)) - answer[EMBEDDING]).max() < 1e-4
