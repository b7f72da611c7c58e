"""Which engine runs the frozen part of a network: chosen once by a short race on this machine, and kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tlcore.config import ComputeConfig
from tlcore.devices import free_gpu_memory, has_bfloat16
from tlcore.engines.choosing import choose
from tlcore.engines.networks import FrozenNetwork, network_path
from tlcore.engines.protocol import EMBEDDING, TRUNK, FeatureEngine
from tlcore.engines.protocol import EngineChoice as EngineChoice
from tlcore.engines.record import KeptNetwork, digest_of, read_record, this_machine, write_record
from tlcore.errors import ConfigError
from tlcore.locks import take_lock
from tlcore.progress import Reporter, Stopped

if TYPE_CHECKING:
    import keras

    from tlcore.engines.tensorflow import TensorFlowEngine

log = logging.getLogger(__name__)

_LOCK: Final = ".converting.lock"
_LOOK_SECONDS: Final = 0.5


def known_choice(folder: Path, network: FrozenNetwork, compute: ComputeConfig, on_gpu: bool) -> EngineChoice | None:
    """The engine that `open_engine` would give, from what was kept; no framework is loaded.

    Args:
        folder: The workspace's folder of converted networks.
        network: What is to be run.
        compute: What the configuration asks for.
        on_gpu: Whether TensorFlow computes on a GPU.

    Returns:
        None where the network was not yet converted and raced on this machine.
    """
    return choose(read_record(network_path(folder, network, on_gpu)), compute, on_gpu)


def kept_network(folder: Path, network: FrozenNetwork, on_gpu: bool) -> Path | None:
    """The converted network (.xml, its weights beside it), whole; None where there is none. For the bundle."""
    path = network_path(folder, network, on_gpu)
    record = read_record(path)
    return path if record is not None and record.digest and record.digest == digest_of(path) else None


def open_engine(
    folder: Path,
    network: FrozenNetwork,
    build: Callable[[], keras.Model],
    compute: ComputeConfig,
    on_gpu: bool,
    reporter: Reporter,
) -> FeatureEngine:
    """The engine for a network: the one that is asked for, else TensorFlow on a GPU, else the winner of a short race.

    The first time on a machine, the network is converted and both engines run the same pictures: their answers must
    agree, and the faster one is taken. The converted network and the outcome are kept.

    Args:
        folder: The workspace's folder of converted networks.
        network: What is to be run.
        build: Makes the Keras model, called only when it is needed: raw pictures (n, size, size, 3) float32 in
            0..255 to a dict with the outputs "embedding", "feature_map" and, where the network has a cut, "trunk".
        compute: What the configuration asks for.
        on_gpu: Whether TensorFlow computes on a GPU.
        reporter: Told of conversion and race; asked whether to stop while another process converts a network.

    Raises:
        ConfigError: OpenVINO is asked for and can't convert the network, or the processor has no bfloat16.
        WorkspaceError: The converted network can't be written.
        Stopped: Somebody asked to stop.
    """
    path = network_path(folder, network, on_gpu)
    if on_gpu and compute.engine != "openvino":
        return _open_on_gpu(path, network, build, compute)
    if compute.engine == "tensorflow":
        return _tensorflow(build(), choose(None, compute, on_gpu))
    if compute.precision == "bfloat16" and not has_bfloat16():
        raise ConfigError(
            "This processor does not compute in bfloat16",
            value=compute.precision,
            options=("float32",),
            hint="Leave the precision at float32.",
        )
    record = _usable_record(path)
    if record is not None:
        return _open(path, record, build, compute, on_gpu)
    with _alone(folder, reporter):
        record = _usable_record(path)  # another process may have made it meanwhile
        if record is None:
            reporter.event("task", task="Converting the backbone (once for each backbone and size)")
            engine = _tensorflow(build(), None)
            record = _convert_and_race(path, network, engine, reporter)
            return _open(path, record, lambda: engine.model, compute, on_gpu)
    return _open(path, record, build, compute, on_gpu)


def _usable_record(path: Path) -> KeptNetwork | None:
    """The record, if it settles which engine to take and the network that it tells of is whole."""
    record = read_record(path)
    if record is None or not record.settled:
        return None
    if record.digest and record.digest != digest_of(path):
        log.warning("The kept network %s is damaged and is converted anew", path.name)
        return None
    return record


@contextmanager
def _alone(folder: Path, reporter: Reporter) -> Iterator[None]:
    """One conversion at a time: two would do the same work twice, and spoil each other's race."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = take_lock(folder / _LOCK)
    if lock is None:
        reporter.event("task", task="Waiting for another training that converts a backbone")
    while lock is None:
        if reporter.stop_requested():
            raise Stopped
        lock = take_lock(folder / _LOCK, _LOOK_SECONDS)
    try:
        yield
    finally:
        lock.release()


def _convert_and_race(path: Path, network: FrozenNetwork, engine: TensorFlowEngine, reporter: Reporter) -> KeptNetwork:
    """Makes the network at `path` and its record."""
    from tlcore.engines.openvino import CannotConvert, OpenVinoEngine, convert
    from tlcore.engines.race import made_up_pictures, run_race
    from tlcore.engines.tensorflow import policy_precision

    wanted = (EMBEDDING,) if network.cut is None else (EMBEDDING, TRUNK)
    record = KeptNetwork(machine=this_machine(), tensorflow_precision=policy_precision())
    try:
        convert(engine.traced(), path)
    except CannotConvert as error:
        log.warning("OpenVINO can't convert %s: %s", network.name, error)
        record = record.model_copy(update={"refusal": _first_line(error)})
        write_record(path, record)
        return record
    reporter.event("task", task="Trying which engine is faster on this machine")
    try:
        race = run_race(OpenVinoEngine(path, engine.choice), engine, made_up_pictures(network.size), wanted)
    except RuntimeError as error:  # from compiling or running: it may be for want of memory, so it is not kept
        log.warning("OpenVINO can't run %s: %s", network.name, error)
        return record.model_copy(update={"refusal": _first_line(error)})
    record = record.model_copy(update={"digest": digest_of(path), "race": race})
    write_record(path, record)
    return record


def _open(
    path: Path, record: KeptNetwork, build: Callable[[], keras.Model], compute: ComputeConfig, on_gpu: bool
) -> FeatureEngine:
    """The engine that a record decides for."""
    choice = choose(record, compute, on_gpu)
    if choice is None:
        raise ConfigError(
            f"OpenVINO is needed for these options, but can't convert this backbone ({record.refusal})",
            value=f"engine {compute.engine}, precision {compute.precision}",
            hint="Choose the engine auto or tensorflow with the precision float32, or another backbone.",
        )
    if choice.name == "tensorflow":
        return _tensorflow(build(), choice)
    from tlcore.engines.openvino import OpenVinoEngine

    return OpenVinoEngine(path, choice)


def _open_on_gpu(
    path: Path, network: FrozenNetwork, build: Callable[[], keras.Model], compute: ComputeConfig
) -> FeatureEngine:
    """TensorFlow on the GPU. What it computes in is kept, so that it is known without loading TensorFlow."""
    from tlcore.engines.tensorflow import TensorFlowEngine, fitting_batch, policy_precision

    kept = read_record(path) or KeptNetwork(machine=this_machine())
    record = kept.model_copy(update={"tensorflow_precision": policy_precision()})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_record(path, record)
    choice = choose(record, compute, on_gpu=True)
    if choice is None:
        raise RuntimeError("a record decides for TensorFlow on a GPU")
    return TensorFlowEngine(build(), choice, fitting_batch(network, free_gpu_memory()), xla=True)


def _tensorflow(model: keras.Model, choice: EngineChoice | None) -> TensorFlowEngine:
    """TensorFlow on the CPU; as one asks for it where there is no choice yet."""
    from tlcore.engines.tensorflow import TensorFlowEngine

    asked = choice or choose(None, ComputeConfig(engine="tensorflow"), on_gpu=False)
    if asked is None:
        raise RuntimeError("TensorFlow can always be asked for")
    return TensorFlowEngine(model, asked)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
