"""How fast this machine has been seen to work, kept between runs. No framework is imported."""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tlcore.config import ComputeConfig, Mode, RunConfig
from tlcore.devices import describe_host
from tlcore.files import read_json, write_json
from tlcore.workspace import Workspace

log = logging.getLogger(__name__)

Learns = Literal["head", "upper", "whole"]
"""What a phase trains: the head on features, the upper part on a kept trunk, or the whole with every picture."""

_PACKAGES: Final = ("tensorflow", "keras", "openvino")
_MOST_KEPT: Final = 200

FIGURES: Final = ("start", "convert", "read", "extract", "vary", "judge", "finish")
"""Those of `Speeds` that are seconds."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class PhaseSpeed(_Record):
    """How long a phase takes: `first + epochs * (epoch + steps * step + validation steps * a share of step)`.

    Attributes:
        first: Seconds for what happens once: tracing, the first batch.
        step: Seconds for a batch of the record's batch size.
        epoch: Seconds of each epoch besides its batches.
    """

    first: float
    step: float
    epoch: float


class Circumstances(_Record):
    """Under which speeds were seen.

    Attributes:
        machine: Processor, cores and cards.
        versions: Of the packages that compute.
        compute: What the configuration asked for, engine and precision.
        dataset: Whose pictures were read: reading takes as long as they are large.
        backbone, width, size, mode: Of the run.
        cut: First backbone layer that learns in fine-tuning; None in the other modes.
        batch: Pictures a step.
    """

    machine: str
    versions: str
    compute: str
    dataset: str
    backbone: str
    width: float | None
    size: int
    mode: Mode
    cut: int | None
    batch: int


class Speeds(_Record):
    """What was seen in one run, or in the short measurement. Figures that it had no occasion to show are None.

    Attributes:
        under: The circumstances.
        seen: When.
        start: Seconds from the worker's start to the first picture: loading frameworks, building the model.
        convert: Seconds for converting the backbone and choosing the engine, the first time only.
        read: Seconds a picture for reading it into the cache of decoded pictures.
        extract: Seconds a picture from its file to its features, by the engine that was chosen.
        vary: Seconds a changed copy from the decoded picture to its features.
        judge: Seconds a picture that the whole Keras model judges.
        finish: Seconds for saving the model and making the bundle.
        phases: By what the phase trained.
        memory_bytes: Most memory that the worker used, without tables of kept rows; None where it also converted.
        busy: Whether other work was going on meanwhile.
    """

    under: Circumstances
    seen: datetime
    start: float | None = None
    convert: float | None = None
    read: float | None = None
    extract: float | None = None
    vary: float | None = None
    judge: float | None = None
    finish: float | None = None
    phases: dict[Learns, PhaseSpeed] = {}
    memory_bytes: int | None = None
    busy: bool = False


def circumstances(config: RunConfig, cut: int | None) -> Circumstances:
    """Those of a run on this machine.

    Args:
        config: Complete.
        cut: First backbone layer that learns in fine-tuning.
    """
    if config.image_size is None:
        raise ValueError("circumstances needs a complete configuration")
    return Circumstances(
        machine=machine_name(),
        versions=package_versions(),
        compute=compute_name(config.compute),
        dataset=config.dataset,
        backbone=config.backbone,
        width=config.width,
        size=config.image_size,
        mode=config.mode,
        cut=cut,
        batch=config.batch_size,
    )


def machine_name() -> str:
    """What decides how fast this machine is, in words."""
    host = describe_host()
    cards = ", ".join(host.gpus) if host.trains_on_gpu else "no card"
    return f"{host.cpu}, {host.cores} cores, {cards}"


def compute_name(compute: ComputeConfig) -> str:
    """Engine and precision in one word."""
    return f"{compute.engine} {compute.precision}"


@lru_cache(maxsize=1)
def package_versions() -> str:
    """Versions of what computes."""
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} -")
    return ", ".join(found)


def keep_speeds(workspace: Workspace, speeds: Speeds, refine: bool = False) -> None:
    """Writes down what was seen; what the same circumstances showed before stays where nothing new was seen.

    Args:
        workspace: Where.
        speeds: What was seen.
        refine: Take the mean with what was known: a run may have had the machine for itself less than the last one.

    Raises:
        OSError: The disk is full.
    """
    path = _path(workspace, speeds.under)
    path.parent.mkdir(parents=True, exist_ok=True)
    before = _read(path)
    if before is not None:
        speeds = _joined(before, speeds, 0.5 if refine else 1.0)
    write_json(path, speeds.model_dump(mode="json"))
    oldest_first = sorted(path.parent.glob("*.json"), key=lambda file: file.stat().st_mtime)
    for old in oldest_first[:-_MOST_KEPT]:
        old.unlink(missing_ok=True)


def _joined(before: Speeds, now: Speeds, weight: float) -> Speeds:
    """Means with `weight` on what is new."""

    def mean(old: float | None, new: float | None) -> float | None:
        if old is None or new is None:
            return old if new is None else new
        return (1 - weight) * old + weight * new

    phases = dict(before.phases)
    for name, new in now.phases.items():
        old = phases.get(name, new)
        phases[name] = PhaseSpeed(
            first=(1 - weight) * old.first + weight * new.first,
            step=(1 - weight) * old.step + weight * new.step,
            epoch=(1 - weight) * old.epoch + weight * new.epoch,
        )
    figures = {name: mean(getattr(before, name), getattr(now, name)) for name in FIGURES}
    memory = max(before.memory_bytes or 0, now.memory_bytes or 0) or None
    return Speeds(under=now.under, seen=now.seen, phases=phases, memory_bytes=memory, busy=now.busy, **figures)


def known_speeds(workspace: Workspace) -> tuple[Speeds, ...]:
    """All that was seen on this machine with these versions, newest first."""
    here, versions = machine_name(), package_versions()
    found = [_read(path) for path in _folder(workspace).glob("*.json")]
    fitting = [one for one in found if one and one.under.machine == here and one.under.versions == versions]
    return tuple(sorted(fitting, key=lambda one: one.seen, reverse=True))


def _folder(workspace: Workspace) -> Path:
    return workspace.root / "cache" / "speeds"


def _path(workspace: Workspace, under: Circumstances) -> Path:
    key = json.dumps(under.model_dump(mode="json"), sort_keys=True)
    return _folder(workspace) / f"{under.backbone}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"


def _read(path: Path) -> Speeds | None:
    """None where there is nothing to read: a lost measurement is no loss."""
    try:
        return Speeds.model_validate(read_json(path))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ValidationError) as error:
        log.warning("the speeds in %s can't be read and are measured anew: %s", path.name, error)
        return None
