"""The decision between the engines, from what is kept of a network. No framework is imported."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version
from typing import Final

from tlcore.config import ComputeConfig
from tlcore.engines.protocol import EngineChoice, EngineName, Precision
from tlcore.engines.record import KeptNetwork, Race

PARITY: Final = 1e-3
"""Largest difference between the engines' embeddings, relative to their largest value, that is rounding."""

_WORTH_IT: Final = 1.05  # how much faster TensorFlow must be: it takes 500 MB and seconds to load
_DECIDES: Final[dict[EngineName, tuple[str, ...]]] = {
    "openvino": ("openvino", "keras", "tensorflow"),
    "tensorflow": ("keras", "tensorflow"),
}
_WORDS: Final[dict[EngineName, str]] = {"openvino": "OpenVINO", "tensorflow": "TensorFlow"}


def choose(record: KeptNetwork | None, compute: ComputeConfig, on_gpu: bool) -> EngineChoice | None:
    """The engine that a network gets.

    Args:
        record: What is kept of the network on this machine; None where nothing is.
        compute: What the configuration asks for.
        on_gpu: Whether TensorFlow computes on a GPU.

    Returns:
        None where the record does not settle it, or where OpenVINO is needed and can't convert the network.
    """
    if on_gpu and compute.engine != "openvino":
        return None if record is None else _on_gpu(record, compute)
    if compute.engine == "tensorflow":
        return _choice("tensorflow", "float32", "TensorFlow, as chosen", None)
    if record is None or not record.settled:
        return None
    race = record.race
    if race is None:
        if compute.engine == "openvino" or compute.precision == "bfloat16":
            return None
        note = f"TensorFlow, because OpenVINO could not convert the backbone ({record.refusal})"
        return _choice("tensorflow", "float32", note, None)
    if compute.precision == "bfloat16":
        note = "OpenVINO in bfloat16, as chosen: faster, and the features differ by some percent"
        return _choice("openvino", "bfloat16", note, race, record.tensorflow_precision)
    if compute.engine == "openvino":
        note = f"OpenVINO, as chosen{_disagreement(race)}"
        return _choice("openvino", "float32", note, race, record.tensorflow_precision)
    if race.parity > PARITY:
        return _choice("tensorflow", "float32", f"TensorFlow, for safety{_disagreement(race)}", race)
    return _faster(race)


def _on_gpu(record: KeptNetwork, compute: ComputeConfig) -> EngineChoice:
    note = "TensorFlow, because there is a GPU"
    if compute.precision == "bfloat16":
        note += "; bfloat16 is for processors and was not used"
    return _choice("tensorflow", record.tensorflow_precision, note, None)


def _faster(race: Race) -> EngineChoice:
    """The winner. A narrow one for TensorFlow does not count."""
    name: EngineName = "tensorflow" if race.tensorflow > _WORTH_IT * race.openvino else "openvino"
    ours, theirs = (race.tensorflow, race.openvino) if name == "tensorflow" else (race.openvino, race.tensorflow)
    other = _WORDS["openvino" if name == "tensorflow" else "tensorflow"]
    note = f"{_WORDS[name]}: {ours:.0f} pictures a second in a short race on this machine, {other} {theirs:.0f}"
    return _choice(name, "float32", note, race)


def _disagreement(race: Race) -> str:
    if race.parity <= PARITY:
        return ""
    return f": the two engines' features differ by {race.parity:.2g} of their largest value"


def _choice(
    name: EngineName, precision: Precision, note: str, race: Race | None, built_in: str = "float32"
) -> EngineChoice:
    """A choice; `built_in` is what Keras computed in when the network was converted, which its constants keep."""
    built = "" if built_in == "float32" else f", converted from {built_in}"
    return EngineChoice(
        name=name,
        precision=precision,
        versions=f"{name} {precision}{built}, {_versions(name)}",
        note=note,
        speeds=None if race is None else {"openvino": race.openvino, "tensorflow": race.tensorflow},
        parity=None if race is None else race.parity,
    )


@lru_cache(maxsize=2)
def _versions(name: EngineName) -> str:
    return ", ".join(f"{package} {version(package)}" for package in _DECIDES[name])
