"""One training from pictures to a trained model, in steps that the caller can look between."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import keras
import numpy as np
from numpy.typing import NDArray

from tlcore.backbones.build import unfreeze_from
from tlcore.backbones.checks import fine_tune_start
from tlcore.backbones.record import Backbone, DownloadedWeights, LayerTable
from tlcore.backbones.weights import fetch_weights
from tlcore.caches import TooLarge
from tlcore.caches.budget import room
from tlcore.config import Mode, PhaseName, RunConfig
from tlcore.data.dataset import PARTS, Part
from tlcore.engines.networks import FrozenNetwork
from tlcore.engines.protocol import EMBEDDING, TRUNK
from tlcore.errors import CacheFull
from tlcore.progress import Reporter
from tlcore.training.assembly import Assembled, assemble, count
from tlcore.training.cache_plan import CachePlan, Counts, plan_caches
from tlcore.training.compiling import class_weights, compile_model, make_optimizer
from tlcore.training.devices import Device
from tlcore.training.history import EpochRow
from tlcore.training.inputs import Inputs
from tlcore.training.judge import Judge
from tlcore.training.learners import Learner, learner_of
from tlcore.training.material import Material
from tlcore.training.memory import half_batch, is_out_of_memory, tell_memory
from tlcore.training.phases import Phase, PhaseResult, run_phase
from tlcore.training.resuming import Resuming, fingerprint_of
from tlcore.training.standing import Standing
from tlcore.training.stopwatch import Stopwatch
from tlcore.training.streams import streams
from tlcore.training.trunk import Upper, frozen_network, upper_part
from tlcore.workspace import Workspace

log = logging.getLogger(__name__)


class Session:
    """Trains one configuration; a context manager, since caches are held while it works.

    The steps: `prepare`, then `answers("test")` for the baseline, then `train`, then `answers` again. The frozen part
    of the network sees each picture once: the head learns from its features, fine-tuning from the activations below
    the first layer that learns. Without room for these, pictures go through the whole network in every epoch.
    """

    def __init__(
        self,
        config: RunConfig,
        backbone: Backbone,
        table: LayerTable,
        material: Material,
        device: Device,
        workspace: Workspace,
        reporter: Reporter,
        head_weights: list[NDArray[np.float32]] | None = None,
        checkpoints: Path | None = None,
    ) -> None:
        """Keeps what the run needs; nothing is computed yet.

        Args:
            config: Complete and checked.
            backbone: The record that the configuration names.
            table: Its layers at the configuration's width.
            material: The pictures.
            device: What to compute on.
            workspace: Where caches are kept, and the limits.
            reporter: Who is told.
            head_weights: The dense layer's weights of an earlier run; the head phase is then left out.
            checkpoints: A folder for what is kept after each epoch; what an earlier attempt kept is gone on from.
        """
        self.config = config
        self.material = material
        self.device = device
        self.stopwatch = Stopwatch()
        self.rows: list[EpochRow] = []
        self.stopped = False
        self.ended_early: list[PhaseName] = []
        self.memory_bytes = 0
        self.batch_size = config.batch_size
        self.plan = self._plan_caches(backbone, table, room(workspace))
        self._backbone = backbone
        self._table = table
        self._workspace = workspace
        self._reporter = reporter
        self._head_weights = head_weights
        self._checkpoints = checkpoints
        self._resuming = Resuming(checkpoints, fingerprint_of(material, config), reporter)
        self._repeated: set[PhaseName] = set()
        self._assembled: Assembled | None = None
        self._inputs: Inputs | None = None
        self._upper: Upper | None = None
        self._judge: Judge | None = None
        self.network_trained = config.mode is Mode.SCRATCH

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._inputs is not None:
            self._inputs.close()

    @property
    def assembled(self) -> Assembled:
        """The model; only after `prepare`."""
        if self._assembled is None:
            raise RuntimeError("prepare() has not run")
        return self._assembled

    @property
    def judge(self) -> Judge:
        """Says what the model answers; only after `prepare`."""
        if self._judge is None:
            raise RuntimeError("prepare() has not run")
        return self._judge

    @property
    def inputs(self) -> Inputs:
        """What the phases learn from; only after `prepare`."""
        if self._inputs is None:
            raise RuntimeError("prepare() has not run")
        return self._inputs

    @property
    def on_trunk(self) -> bool:
        """Whether fine-tuning learned from kept activations of the frozen part."""
        return self.network_trained and self._upper is not None

    @property
    def trainable(self) -> int:
        """Weights that the last phase trained."""
        return count(self.assembled.model.trainable_weights)

    @property
    def head_weights(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The dense layer's kernel (channels, outputs) and bias (outputs,), as they are now."""
        kernel, bias = self.assembled.model.get_layer("answer").get_weights()
        return kernel, bias

    def _plan_caches(self, backbone: Backbone, table: LayerTable, room_bytes: int) -> CachePlan:
        counts = Counts(*(len(self.material.indices(part)) for part in PARTS))
        return plan_caches(self.config, counts, table, backbone, room_bytes)

    @property
    def _cut(self) -> int | None:
        return fine_tune_start(self.config) if self.plan.trunk else None

    @property
    def network(self) -> FrozenNetwork:
        """The part of the network that works once for each picture."""
        assert self.config.image_size is not None  # noqa: S101 - complete configurations have one
        return FrozenNetwork(self._backbone, self._table, self.config.width, self.config.image_size, self._cut)

    def prepare(self) -> None:
        """Builds the model, and makes or finds what the phases learn from.

        Raises:
            StudioError: Weights can't be fetched, pictures can't be read, the disk is full.
            Stopped: Somebody asked to stop; what was made is kept for the next run.
        """
        config = self.config
        keras.utils.set_random_seed(config.seed)
        if config.mode is not Mode.SCRATCH and isinstance(self._table.weights, DownloadedWeights):
            fetch_weights(self._table.weights, self._reporter)
        self._reporter.event("task", task="Building the model")
        with self.stopwatch.measure("prepare"), self.device.scope():
            self._assembled = assemble(config, self._backbone, len(self.material.dataset.info.class_names))
            if self._head_weights is not None:
                self._assembled.model.get_layer("answer").set_weights(self._head_weights)
        try:
            self._gather()
        except TooLarge:
            log.warning("activations are too large for half precision", exc_info=True)
            self.inputs.close()
            self.plan = replace(self.plan, trunk_dtype="float32")
            self._gather()
        except CacheFull:
            # Entries that are open can't make room, and may hold more than this run needs of them.
            log.warning("the caches have less room than was planned with", exc_info=True)
            self.inputs.close()
            self.plan = self._plan_caches(self._backbone, self._table, 0)
            self._gather()
        self._look_at_memory()

    def _gather(self) -> None:
        """What the plan keeps, made or found."""
        with self.device.scope():
            self._upper = None if self._cut is None else upper_part(self.assembled, self._cut)
        self._inputs = Inputs(
            self.config,
            self.network,
            self.material,
            self.plan,
            self._workspace,
            self.device,
            lambda: frozen_network(self.assembled, self._backbone.preprocessing, self._cut),
            self._upper.values if self._upper is not None else 0,
            self._reporter,
        )
        self._judge = Judge(self.assembled, self._upper, self._inputs, self._reporter)
        outputs = [TRUNK] if self.plan.trunk else []
        if self.plan.features and self._head_weights is None:
            outputs.append(EMBEDDING)
        with self.stopwatch.measure("features" if outputs else "prepare"):
            self._inputs.gather(outputs)

    def answers(self, part: Part) -> NDArray[np.float32]:
        """What the model as it is now says of a part's pictures: probabilities, shape (n, classes)."""
        with self.stopwatch.measure("evaluate"):
            return self.judge.answers(part, self.network_trained)

    def train(self) -> None:
        """Runs the phases of the mode; a stop ends the phase at the next batch and leaves out the rest.

        Whatever follows (judging, keeping the model) no longer heeds a stop: it would throw away what was learned.

        Raises:
            TrainingFailed: The loss stopped being a number.
        """
        standing = self._resuming.standing(lambda phase: self._learner(phase).learning)
        self.ended_early = list(standing.ended_early)
        with self.stopwatch.measure("train"):
            self._resuming.tell(standing)
            self._run_phases(standing)
        self.judge.heed_no_stop()

    def _learner(self, phase: PhaseName) -> Learner:
        return learner_of(phase, self.config, self.assembled, self._upper, self.inputs)

    def _run_phases(self, standing: Standing) -> None:
        config = self.config
        if config.mode is Mode.SCRATCH:
            self._run(PhaseName.SCRATCH, standing)
            return
        if self._head_weights is None and standing.phase is not PhaseName.FINE_TUNE:
            standing = self._run(PhaseName.FROZEN, standing)
        if config.mode is Mode.FINE_TUNE and not self.stopped:
            unfreeze_from(self.assembled.backbone, fine_tune_start(config))
            self.network_trained = True
            self._run(PhaseName.FINE_TUNE, standing)

    def _run(self, phase: PhaseName, standing: Standing) -> Standing:
        """One phase, from where the training stands; returns where it stands then.

        Where memory runs out, it goes on once with half the batch: from its last whole epoch where that is kept, else
        with the best weights so far.
        """
        try:
            result = self._attempt(phase, standing)
        except Exception as error:
            half = half_batch(self.batch_size, self.device.replicas)
            if phase in self._repeated or half is None or not is_out_of_memory(error):
                raise
            log.warning("the %s phase ran out of memory", phase.value, exc_info=error)
        else:
            half = None
        if half is not None:  # not in the block above, whose error holds on to the memory
            why = (
                f"Memory ran out, so this phase goes on with a batch size of {half} instead of {self.batch_size}, "
                "from what it has learned so far."
            )
            self.batch_size = half
            self._repeated.add(phase)
            self._reporter.event("retry", phase=phase.value, batch_size=half, why=why)
            kept = self._resuming.standing(lambda phase: self._learner(phase).learning)
            result = self._attempt(phase, kept if kept.phase is phase else standing)
        self.rows = list(result.standing.rows)
        self.stopped = result.stopped
        if result.ended_early:
            self.ended_early.append(phase)
        self._look_at_memory()
        return replace(result.standing, ended_early=tuple(self.ended_early))

    def _attempt(self, phase: PhaseName, standing: Standing) -> PhaseResult:
        config, learner = self.config, self._learner(phase)
        model, learning = learner.model, learner.learning
        fine_tuning = phase is PhaseName.FINE_TUNE
        epochs = config.fine_tune_epochs if fine_tuning else config.epochs
        rate = config.fine_tune_learning_rate if fine_tuning else config.learning_rate
        before = standing if standing.phase is phase else standing.at_start_of(phase)
        size, replicas = self.batch_size, self.device.replicas
        training, validation = streams(config, self.material, self.inputs, learner.output, size, replicas, before.epoch)
        with self.device.scope():
            optimizer = make_optimizer(config.optimizer, rate, training.steps * epochs)
            compile_model(model, config, optimizer, self.device)
            # In this order, which is the same for all models that a phase may run through.
            model.optimizer.build([variable for variable in learning if variable.trainable])
            self._resuming.put_back(learning, model.optimizer, before, training.steps)
        labels = self.material.labels("train")
        weights = class_weights(labels, len(self.material.dataset.info.class_names), config)
        return run_phase(
            Phase(phase, model, learning, epochs, config.early_stopping, weights),
            training,
            validation,
            self._reporter,
            before,
            self._checkpoints,
        )

    def _look_at_memory(self) -> None:
        self.memory_bytes = max(self.memory_bytes, tell_memory(self._reporter))
