"""The decision, for every kind of record and configuration."""

import pytest

from tlcore.config import ComputeConfig
from tlcore.engines.choosing import choose
from tlcore.engines.record import KeptNetwork, Race

AUTO = ComputeConfig()
OPENVINO = ComputeConfig(engine="openvino")
TENSORFLOW = ComputeConfig(engine="tensorflow")
BFLOAT16 = ComputeConfig(precision="bfloat16")


def raced(openvino: float, tensorflow: float, parity: float = 1e-6) -> KeptNetwork:
    return KeptNetwork(machine="m", digest="d", race=Race(openvino=openvino, tensorflow=tensorflow, parity=parity))


MIXED = KeptNetwork(machine="m", tensorflow_precision="mixed_float16")
REFUSED = KeptNetwork(machine="m", refusal="no translator for Qr")


@pytest.mark.parametrize(
    ("record", "compute", "on_gpu", "name", "precision", "words"),
    [
        (raced(180, 100), AUTO, False, "openvino", "float32", "OpenVINO: 180 pictures a second"),
        (raced(40, 84), AUTO, False, "tensorflow", "float32", "TensorFlow: 84 pictures a second"),
        (raced(100, 104), AUTO, False, "openvino", "float32", "TensorFlow 104"),  # not worth loading TensorFlow for
        (raced(180, 100, 0.02), AUTO, False, "tensorflow", "float32", "differ by 0.02"),
        (raced(40, 84), OPENVINO, False, "openvino", "float32", "as chosen"),
        (raced(180, 100, 0.02), OPENVINO, False, "openvino", "float32", "differ by 0.02"),
        (raced(180, 100), TENSORFLOW, False, "tensorflow", "float32", "as chosen"),
        (raced(40, 84), BFLOAT16, False, "openvino", "bfloat16", "as chosen"),
        (REFUSED, AUTO, False, "tensorflow", "float32", "could not convert the backbone (no translator"),
        (None, TENSORFLOW, False, "tensorflow", "float32", "as chosen"),
        (MIXED, AUTO, True, "tensorflow", "mixed_float16", "because there is a GPU"),
        (KeptNetwork(machine="m"), BFLOAT16, True, "tensorflow", "float32", "bfloat16 is for processors"),
        (raced(180, 900), OPENVINO, True, "openvino", "float32", "as chosen"),
    ],
)
def test_the_choice(
    record: KeptNetwork | None, compute: ComputeConfig, on_gpu: bool, name: str, precision: str, words: str
) -> None:
    choice = choose(record, compute, on_gpu)
    assert choice is not None
    assert (choice.name, choice.precision) == (name, precision)
    assert words in choice.note


@pytest.mark.parametrize(
    ("record", "compute", "on_gpu"),
    [
        (None, AUTO, False),
        (None, AUTO, True),
        (KeptNetwork(machine="m"), AUTO, False),
        (REFUSED, OPENVINO, False),
        (REFUSED, BFLOAT16, False),
    ],
)
def test_where_nothing_is_settled(record: KeptNetwork | None, compute: ComputeConfig, on_gpu: bool) -> None:
    assert choose(record, compute, on_gpu) is None


def test_whatever_changes_the_numbers_changes_the_versions() -> None:
    record = raced(180, 100)
    choices = [choose(record, compute, on_gpu=False) for compute in (OPENVINO, TENSORFLOW, BFLOAT16)]
    assert len({choice.versions for choice in choices if choice}) == 3
    automatic, asked = choose(record, AUTO, on_gpu=False), choices[0]
    assert automatic is not None
    assert asked is not None
    assert automatic.versions == asked.versions  # who asked for it changes nothing
    assert automatic.speeds == {"openvino": 180, "tensorflow": 100}
