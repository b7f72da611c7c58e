"""What a training will take, told before it starts: time, memory, disk, download. No framework is imported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

from tlcore.backbones.checks import fine_tune_start
from tlcore.backbones.record import Backbone, DownloadedWeights, LayerTable
from tlcore.backbones.registry import find_backbone, layer_table, weights_state
from tlcore.caches.budget import room
from tlcore.config import Mode, RunConfig
from tlcore.data.dataset import PARTS
from tlcore.devices import describe_host
from tlcore.engines.networks import FrozenNetwork
from tlcore.engines.protocol import EngineChoice
from tlcore.engines.select import known_choice
from tlcore.training.cache_plan import CachePlan, Counts, learns_from_whole_network, plan_caches
from tlcore.training.calibration import CHECK_SHARE, what_learns
from tlcore.training.demand import Problem, find_problems, free_disk, model_bytes, needed_memory, table_bytes
from tlcore.training.held import Missing, missing_rows
from tlcore.training.material import Material
from tlcore.training.memory import available_bytes
from tlcore.training.pace import Figure, Pace, usable
from tlcore.training.speeds import circumstances, known_speeds
from tlcore.workspace import Workspace

Basis = Literal["measured", "estimated"]
StepName = Literal["start", "convert", "read", "features", "copies", "scratch", "frozen", "fine_tune", "finish"]

COMPARED: Final = 32
"""Test pictures that the bundle is compared on: enough to see a network that was put together wrongly."""

_MEASURED_SHARE: Final = 0.9


@dataclass(frozen=True)
class Step:
    """One part of a run and its seconds.

    Attributes:
        name: Which.
        seconds: How long it takes.
        seen: Whether that was seen on this machine in just these circumstances.
        units: Pictures that it has to read or look at; 0 where it does something else.
    """

    name: StepName
    seconds: float
    seen: bool = True
    units: int = 0


@dataclass(frozen=True)
class Forecast:
    """What a run will take.

    Attributes:
        steps: In order; those that take no time are left out.
        memory_bytes: Most memory at once.
        disk_bytes: What caches, model and converted network will add to the disk.
        download_bytes: What comes from the network first.
        basis: "measured" where nearly all of the time was seen on this machine in just these circumstances.
        plan: What is kept of the pictures, with notes on what is not.
        problems: Why it may not work, and what to change.
        busy: Whether other work was going on while it was measured, so that it may take less.
        leaves: What it will have left in the caches, for the forecast of a run that follows it.
    """

    steps: tuple[Step, ...]
    memory_bytes: int
    disk_bytes: int
    download_bytes: int
    basis: Basis
    plan: CachePlan
    problems: tuple[Problem, ...] = field(default=())
    busy: bool = False
    leaves: frozenset[str] = frozenset()

    @property
    def seconds(self) -> float:
        """All steps together; without the download."""
        return sum(step.seconds for step in self.steps)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        steps = {step.name: round(step.seconds, 2) for step in self.steps}
        return {
            "seconds": {"total": round(self.seconds, 2), **steps},
            "memory_bytes": self.memory_bytes,
            "disk_bytes": self.disk_bytes,
            "download_bytes": self.download_bytes,
            "basis": self.basis,
            "measured_while_busy": self.busy,
            "caches": asdict(self.plan),
            "problems": [asdict(problem) for problem in self.problems],
        }


def forecast(
    workspace: Workspace, config: RunConfig, material: Material | Counts, after: Sequence[Forecast] = ()
) -> Forecast:
    """Works out what a run will take, in milliseconds; what is in the caches already takes no time.

    Args:
        workspace: Whose caches, converted networks and speeds count.
        config: Complete, as `tlcore.backbones.checks.complete` returns it.
        material: The pictures; or only their number, and then none of them counts as looked at.
        after: Those of the runs that come before it: what they will have looked at takes no time either.
    """
    left = frozenset().union(*(one.leaves for one in after))
    return _Forecaster(workspace, config, material, left).forecast()


class _Forecaster:
    """What the parts of one forecast share."""

    def __init__(
        self, workspace: Workspace, config: RunConfig, material: Material | Counts, left: frozenset[str]
    ) -> None:
        backbone: Backbone = find_backbone(config.backbone)
        self._workspace = workspace
        self._config = config
        self._backbone = backbone
        self._table: LayerTable = layer_table(backbone.id, config.width)
        self._counts = (
            material if isinstance(material, Counts) else Counts(*(len(material.indices(part)) for part in PARTS))
        )
        self._plan = plan_caches(config, self._counts, self._table, backbone, room(workspace, later=True))
        cut = fine_tune_start(config) if config.mode is Mode.FINE_TUNE else None
        size = config.image_size or backbone.default_size
        network = FrozenNetwork(backbone, self._table, config.width, size, cut if self._plan.trunk else None)
        self._choice = self._known_choice(network)
        self._missing: Missing = missing_rows(workspace, config, material, self._plan, network, self._choice, left)
        self._network = f"network {network.identity}"
        looks = self._plan.features or self._plan.trunk
        self._converts = looks and self._choice is None and self._network not in left
        self._speeds = usable(known_speeds(workspace))
        self._under = circumstances(config, cut)
        self._pace = Pace(self._under, self._speeds)

    def _known_choice(self, network: FrozenNetwork) -> EngineChoice | None:
        return known_choice(
            self._workspace.engines, network, self._config.compute, on_gpu=describe_host().trains_on_gpu
        )

    def forecast(self) -> Forecast:
        steps = [step for step in self._steps() if step.seconds > 0]
        total = sum(step.seconds for step in steps)
        seen = sum(step.seconds for step in steps if step.seen)
        disk = self._disk_bytes()
        return Forecast(
            steps=tuple(steps),
            memory_bytes=self._memory(self._config),
            disk_bytes=disk,
            download_bytes=self._download_bytes(),
            basis="measured" if seen >= _MEASURED_SHARE * total else "estimated",
            plan=self._plan,
            problems=find_problems(
                self._config,
                self._memory,
                available_bytes(),
                disk,
                free_disk(self._workspace),
            ),
            busy=any(one.busy for one in self._speeds if one.under == self._under),
            leaves=self._missing.leaves | ({self._network} if self._plan.features or self._plan.trunk else set()),
        )

    def _memory(self, config: RunConfig) -> int:
        """Most memory at once: as it was seen in just these circumstances, else worked out."""
        if config is self._config and not self._converts:
            seen = [one.memory_bytes for one in self._speeds if one.under == self._under and one.memory_bytes]
            if seen:
                return seen[0] + table_bytes(self._plan)
        return needed_memory(config, self._table, self._backbone, self._plan, self._converts)

    def _steps(self) -> Sequence[Step]:
        missing, pace = self._missing, self._pace
        start = pace.figure("start")
        steps = [Step("start", start.seconds, start.seen)]
        if self._converts and missing.plain + missing.copies:
            steps.append(self._times("convert", pace.figure("convert"), 1))
        read = self._pictures("read", pace.figure("read"), missing.images)
        plain = self._pictures("features", pace.figure("extract"), missing.plain)
        copies = self._pictures("copies", pace.figure("vary"), missing.copies)
        if missing.copies and not self._plan.images:
            copies = self._plus(copies, self._times("copies", pace.figure("read"), missing.copies))
        # Training pictures that are only kept to make copies of are read when it is their turn.
        steps += [read, plain, copies] if self._plan.image_parts == PARTS else [plain, read, copies]
        steps.extend(self._phase(name) for name in what_learns(self._config, self._plan))
        judge = self._times("finish", pace.figure("judge"), self._judged())
        steps.append(self._plus(self._times("finish", pace.figure("finish"), 1), judge))
        return steps

    def _times(self, name: StepName, figure: Figure, number: float) -> Step:
        return Step(name, figure.seconds * number, figure.seen or not number)

    def _pictures(self, name: StepName, figure: Figure, number: int) -> Step:
        return replace(self._times(name, figure, number), units=number)

    def _plus(self, first: Step, second: Step) -> Step:
        """Two parts of one step; the larger one says whether it was seen."""
        larger = max(first, second, key=lambda step: step.seconds)
        return Step(first.name, first.seconds + second.seconds, larger.seen, first.units)

    def _phase(self, name: str) -> Step:
        config, counts = self._config, self._counts
        learns = what_learns(config, self._plan)[name]
        found = self._pace.phase(learns)
        epochs = config.fine_tune_epochs if name == "fine_tune" else config.epochs
        steps = config.steps_per_epoch or counts.train / config.batch_size
        checks = counts.validation / config.batch_size
        each = found.speed.epoch + found.speed.step * (steps + CHECK_SHARE * checks)
        if learns == "whole" and not self._plan.images:
            pictures = steps * config.batch_size + counts.validation
            each += self._pace.figure("read").seconds * pictures
        step_name: StepName = "fine_tune" if name == "fine_tune" else "scratch" if name == "scratch" else "frozen"
        return Step(step_name, found.speed.first + epochs * each, found.seen)

    def _judged(self) -> int:
        """Pictures that the whole Keras model looks at outside of epochs: what no kept row can answer for."""
        counts, compared = self._counts, min(COMPARED, self._counts.test)
        if self._config.mode is Mode.SCRATCH or learns_from_whole_network(self._config):
            return 2 * counts.test + counts.validation + compared
        if self._config.mode is not Mode.FINE_TUNE:
            return compared if self._plan.features else 2 * counts.test + counts.validation + compared
        before = 0 if self._plan.features or self._plan.trunk else counts.test
        return before + counts.test + compared + (0 if self._plan.trunk else counts.validation)

    def _download_bytes(self) -> int:
        weights = self._table.weights
        if self._config.mode is Mode.SCRATCH or not isinstance(weights, DownloadedWeights):
            return 0
        needed = weights_state(self._backbone, self._config.width) == "download"
        return round(weights.megabytes * 1e6) if needed else 0

    def _disk_bytes(self) -> int:
        """Rows that are missing, the model and its bundle, the converted network where there is none yet."""
        rows = self._missing.bytes
        converted = self._table.parameters * 4 if self._converts else 0
        return rows + model_bytes(self._config, self._table) + converted + self._download_bytes()
