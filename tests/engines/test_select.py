"""Engines are chosen once and kept; whatever is damaged is made anew."""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from tlcore.config import ComputeConfig
from tlcore.engines import select
from tlcore.engines.networks import FrozenNetwork, network_path
from tlcore.engines.openvino import convert
from tlcore.engines.protocol import EMBEDDING, TRUNK
from tlcore.engines.select import kept_network, known_choice, open_engine
from tlcore.errors import ConfigError
from tlcore.locks import take_lock
from tlcore.progress import Stopped

Batches = Callable[..., Iterator[NDArray[np.uint8]]]
AUTO = ComputeConfig()


def test_a_network_is_converted_once_and_its_choice_is_known(
    tmp_path: Path, network: FrozenNetwork, frozen: keras.Model, pictures: NDArray[np.uint8], listener: type[Any]
) -> None:
    assert known_choice(tmp_path, network, AUTO, on_gpu=False) is None
    assert kept_network(tmp_path, network, on_gpu=False) is None
    told = listener()
    engine = open_engine(tmp_path, network, lambda: frozen, AUTO, False, told)
    assert [task.split()[0] for task in told.tasks] == ["Converting", "Trying"]
    assert engine.choice.parity is not None
    assert engine.choice.parity < 1e-4
    assert engine.choice.speeds is not None
    assert set(engine.choice.speeds) == {"openvino", "tensorflow"}
    assert known_choice(tmp_path, network, AUTO, on_gpu=False) == engine.choice
    assert kept_network(tmp_path, network, on_gpu=False) == network_path(tmp_path, network)

    def never() -> keras.Model:
        raise AssertionError("it is kept")

    again = open_engine(tmp_path, network, never, ComputeConfig(engine="openvino"), False, listener())
    ((embedding, trunk),) = again.extract([pictures], (EMBEDDING, TRUNK))
    theirs = frozen.predict(pictures.astype(np.float32), verbose=0)
    assert np.abs(embedding - theirs[EMBEDDING]).max() < 1e-4
    assert np.abs(trunk - theirs[TRUNK]).max() < 1e-4


@pytest.mark.parametrize("part", [".xml", ".bin", ".json", "machine", "cut off", "gone"])
def test_what_is_damaged_is_made_anew(
    tmp_path: Path, network: FrozenNetwork, tiny: type[Any], listener: type[Any], batches: Batches, part: str
) -> None:
    build = tiny()
    open_engine(tmp_path, network, build, AUTO, False, listener())
    path = network_path(tmp_path, network)
    if part == "machine":
        record = json.loads(path.with_suffix(".json").read_text())
        path.with_suffix(".json").write_text(json.dumps(record | {"machine": "another one"}))
    elif part == "cut off":
        path.with_suffix(".bin").write_bytes(path.with_suffix(".bin").read_bytes()[:-8])
    elif part == "gone":
        path.with_suffix(".bin").unlink()
    else:
        path.with_suffix(part).write_bytes(b"<damaged>")
    assert kept_network(tmp_path, network, on_gpu=False) is None
    engine = open_engine(tmp_path, network, build, AUTO, False, listener())
    assert len(build.built) == 2
    assert next(iter(engine.extract(batches(3))))[0].shape == (3, 4)
    assert kept_network(tmp_path, network, on_gpu=False) == path


def test_what_openvino_can_not_convert_goes_through_tensorflow_with_the_reason(
    tmp_path: Path, network: FrozenNetwork, tiny: type[Any], listener: type[Any], batches: Batches
) -> None:
    level = logging.root.level
    engine = open_engine(tmp_path, network, tiny(odd=True), AUTO, False, listener())
    assert logging.root.level == level  # OpenVINO leaves it such that warnings are lost
    assert engine.name == "tensorflow"
    assert "could not convert" in engine.note
    assert next(iter(engine.extract(batches(3))))[0].shape[0] == 3
    assert known_choice(tmp_path, network, AUTO, on_gpu=False) == engine.choice
    assert kept_network(tmp_path, network, on_gpu=False) is None
    with pytest.raises(ConfigError, match="can't convert this backbone") as caught:
        open_engine(tmp_path, network, tiny(odd=True), ComputeConfig(engine="openvino"), False, listener())
    assert "engine auto or tensorflow" in caught.value.hint


def test_tensorflow_is_taken_where_it_is_asked_for_and_nothing_is_converted(
    tmp_path: Path, network: FrozenNetwork, tiny: type[Any], listener: type[Any]
) -> None:
    asked = ComputeConfig(engine="tensorflow")
    engine = open_engine(tmp_path, network, tiny(), asked, False, listener())
    assert engine.name == "tensorflow"
    assert known_choice(tmp_path, network, asked, on_gpu=False) == engine.choice
    assert not list(tmp_path.iterdir())


def test_on_a_card_tensorflow_is_taken_and_known_from_then_on(
    tmp_path: Path, network: FrozenNetwork, tiny: type[Any], listener: type[Any], batches: Batches
) -> None:
    assert known_choice(tmp_path, network, AUTO, on_gpu=True) is None
    engine = open_engine(tmp_path, network, tiny(), AUTO, True, listener())
    assert (engine.name, engine.note) == ("tensorflow", "TensorFlow, because there is a GPU")
    assert known_choice(tmp_path, network, AUTO, on_gpu=True) == engine.choice
    assert known_choice(tmp_path, network, AUTO, on_gpu=False) is None
    assert next(iter(engine.extract(batches(3))))[0].shape == (3, 4)


def test_bfloat16_is_refused_where_the_processor_has_none(
    tmp_path: Path, network: FrozenNetwork, tiny: type[Any], listener: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(select, "has_bfloat16", lambda: False)
    with pytest.raises(ConfigError, match="does not compute in bfloat16"):
        open_engine(tmp_path, network, tiny(), ComputeConfig(precision="bfloat16"), False, listener())
    monkeypatch.setattr(select, "has_bfloat16", lambda: True)
    engine = open_engine(tmp_path, network, tiny(), ComputeConfig(precision="bfloat16"), False, listener())
    assert (engine.name, engine.choice.precision) == ("openvino", "bfloat16")


def test_one_converts_while_the_other_waits_and_then_uses_it(
    tmp_path: Path, network: FrozenNetwork, tiny: type[Any], listener: type[Any]
) -> None:
    lock = take_lock(tmp_path / ".converting.lock")
    assert lock is not None
    impatient = listener(patience=2)
    with pytest.raises(Stopped):
        open_engine(tmp_path, network, tiny(), AUTO, False, impatient)
    assert "Waiting for another training" in impatient.tasks[0]
    build = tiny()
    found: list[str] = []
    waiting = threading.Thread(
        target=lambda: found.append(open_engine(tmp_path, network, build, AUTO, False, listener()).name)
    )
    waiting.start()
    convert(tiny()(), network_path(tmp_path, network))  # without its record it is no kept network yet
    lock.release()
    waiting.join(300)
    assert found
    assert len(build.built) == 1


def test_what_is_known_is_known_without_a_framework(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tlcore.backbones.registry import find_backbone, layer_table\n"
        "from tlcore.config import ComputeConfig\n"
        "from tlcore.engines.networks import FrozenNetwork\n"
        "from tlcore.engines.select import kept_network, known_choice\n"
        "network = FrozenNetwork(find_backbone('efficientnet-lite0'), layer_table('efficientnet-lite0'), None, 224)\n"
        "print(known_choice(Path(sys.argv[1]), network, ComputeConfig(), False))\n"
        "print(kept_network(Path(sys.argv[1]), network, False))\n"
        "print(sorted({'tensorflow', 'keras', 'openvino'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "None", "[]"]
