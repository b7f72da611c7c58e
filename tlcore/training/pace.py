"""How fast this machine will do the parts of a run: as it was seen, else worked out from what comes nearest.

What a network takes is worked out from its multiply-adds (the layer table knows them), which is right within a factor
of about two: networks of many small layers get less out of a processor than those of few large ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import numpy as np

from tlcore.backbones.record import LayerTable
from tlcore.backbones.registry import find_backbone, layer_table
from tlcore.config import Mode
from tlcore.devices import describe_host
from tlcore.errors import BackboneError
from tlcore.training.speeds import Circumstances, Learns, PhaseSpeed, Speeds

Field = Literal["start", "convert", "read", "extract", "vary", "judge", "finish"]

# Of the multiply-adds a second of a matrix product, what a convolutional network reaches in each program, going
# by EfficientNet-Lite0 on two cores; training takes three times the multiply-adds of looking.
_SHARE: Final = {"extract": 0.8, "vary": 0.7, "judge": 0.45}
_START: Final = 6.0
_FINISH: Final = 4.0
_READ: Final = 0.004
_HEAD: Final = PhaseSpeed(first=1.2, step=0.003, epoch=0.08)
_FIRST: Final = 3.0
_EPOCH: Final = 0.15

# What must be the same for a figure to count as seen. Reading depends on the dataset, since its pictures' size does.
_NETWORK: Final = ("backbone", "width", "size")
_SAME: Final[dict[Field, tuple[str, ...]]] = {
    "start": ("backbone", "width", "mode"),
    "convert": (*_NETWORK, "cut", "compute"),
    "read": ("dataset", "size"),
    "extract": (*_NETWORK, "compute", "dataset"),
    "vary": (*_NETWORK, "compute"),
    "judge": _NETWORK,
    "finish": ("backbone", "width", "mode"),
}


@dataclass(frozen=True)
class Figure:
    """Seconds, and whether they were seen in just these circumstances."""

    seconds: float
    seen: bool


@dataclass(frozen=True)
class PhaseFigure:
    """The speed of a phase, and whether it was seen in just these circumstances."""

    speed: PhaseSpeed
    seen: bool


class Pace:
    """Looks speeds up for one set of circumstances.

    Args:
        under: Those of the run.
        known: What was seen on this machine, newest first.
        probe: Multiply-adds a second of a matrix product, in millions; asked only where nothing was seen.
    """

    def __init__(
        self, under: Circumstances, known: tuple[Speeds, ...], probe: Callable[[], float] | None = None
    ) -> None:
        self._under = under
        self._known = known
        self._probe = probe or matrix_speed

    def figure(self, name: Field) -> Figure:
        """Seconds of one part of the work; a picture's, for those that are done for each."""
        found = [(one.under, value) for one in self._known if (value := getattr(one, name)) is not None]
        same = [value for under, value in found if self._same(under, _SAME[name])]
        if same:
            return Figure(same[0], seen=True)
        if not found:
            return Figure(self._guess(name), seen=False)
        under, value = max(found, key=lambda one: self._nearness(one[0]))
        if name in ("extract", "vary", "judge"):
            value *= looking_load(self._under) / looking_load(under)
        return Figure(value, seen=False)

    def phase(self, learns: Learns) -> PhaseFigure:
        """The speed of a phase that trains this."""
        keys = ("backbone", "width", "batch") if learns == "head" else (*_NETWORK, "batch", "cut", "mode")
        for one in self._known:
            if learns in one.phases and self._same(one.under, keys):
                return PhaseFigure(one.phases[learns], seen=True)
        if learns == "head":
            heads = [one.phases["head"] for one in self._known if "head" in one.phases]
            return PhaseFigure(heads[0] if heads else _HEAD, seen=False)
        return PhaseFigure(self._scaled(learns), seen=False)

    def _scaled(self, learns: Learns) -> PhaseSpeed:
        load = learning_load(self._under, learns)
        trained = list(self._trained())
        if trained:
            under, theirs, speed = max(trained, key=lambda one: (one[1] == learns, self._nearness(one[0])))
            return PhaseSpeed(
                first=speed.first, step=speed.step * load / learning_load(under, theirs), epoch=speed.epoch
            )
        # Keras's own pace: what the engine was seen to take for a picture tells more than a matrix product.
        per_load = self.figure("judge").seconds / looking_load(self._under)
        return PhaseSpeed(first=_FIRST, step=per_load * load, epoch=_EPOCH)

    def _trained(self) -> Iterator[tuple[Circumstances, Learns, PhaseSpeed]]:
        for one in self._known:
            for learns, speed in one.phases.items():
                if learns != "head":
                    yield one.under, learns, speed

    def _guess(self, name: Field) -> float:
        """Where nothing was ever seen on this machine."""
        if name in ("extract", "vary", "judge"):
            engine = self._engine_pace() if name == "judge" else None
            if engine is not None:
                return engine
            own = looking_load(self._under) / (self._probe() * _SHARE[name])
            return own + (_READ if name == "extract" else 0.0)
        if name == "convert":
            return 4.0 + 0.03 * len(_table(self._under).layers)
        return {"start": _START, "finish": _FINISH, "read": _READ}[name]

    def _engine_pace(self) -> float | None:
        """Keras takes somewhat longer than the engine that was chosen for being fast."""
        if not any(one.extract is not None for one in self._known):
            return None
        return self.figure("extract").seconds * _SHARE["extract"] / _SHARE["judge"]

    def _same(self, theirs: Circumstances, keys: tuple[str, ...]) -> bool:
        return all(getattr(theirs, key) == getattr(self._under, key) for key in keys)

    def _nearness(self, theirs: Circumstances) -> tuple[bool, ...]:
        """The same backbone tells more than the same dataset, and that more than the same size."""
        return tuple(self._same(theirs, (key,)) for key in ("backbone", "dataset", "size", "compute", "mode", "batch"))


def looking_load(under: Circumstances) -> float:
    """Multiply-adds of one picture through the backbone, in millions."""
    return max(_table(under).macs_from(0) * _scale(under), 1.0)


def learning_load(under: Circumstances, learns: Learns) -> float:
    """Multiply-adds of one training step, in millions: learning takes two more passes than looking.

    Args:
        under: Of the run.
        learns: What the phase trains; not the head, which takes next to nothing.
    """
    table, scale = _table(under), _scale(under)
    first = 0 if under.mode is Mode.SCRATCH else under.cut
    above = 0.0 if first is None else table.macs_from(first)
    below = 0.0 if learns == "upper" else table.macs_from(0) - above
    return max((below + 3 * above) * scale * under.batch, 1.0)


def _scale(under: Circumstances) -> float:
    return (under.size / find_backbone(under.backbone).default_size) ** 2


def _table(under: Circumstances) -> LayerTable:
    return layer_table(under.backbone, under.width)


def usable(known: tuple[Speeds, ...]) -> tuple[Speeds, ...]:
    """Those of backbones that this version knows."""
    found = []
    for one in known:
        try:
            _table(one.under)
        except BackboneError:
            continue
        found.append(one)
    return tuple(found)


@lru_cache(maxsize=1)
def matrix_speed(side: int = 64, times: int = 200) -> float:
    """Multiply-adds a second of matrix products in float32 on all cores, in millions; found once a process, in 2 ms.

    Products so small run on one core and are over in microseconds, so that the best of many was not disturbed: larger
    ones were measured 20 times slower while other programs were at work.
    """
    values = np.ones((side, side), dtype=np.float32)
    product = np.empty_like(values)
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        np.matmul(values, values, out=product)
        seconds.append(time.perf_counter() - began)
    return side**3 / max(min(seconds), 1e-9) / 1e6 * describe_host().cores
