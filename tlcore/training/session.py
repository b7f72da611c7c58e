"""One training from pictures to a trained model, in steps that the caller can look between."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from tlcore.backbones.build import unfreeze_from
from tlcore.backbones.checks import fine_tune_start
from tlcore.backbones.record import Backbone, DownloadedWeights, LayerTable
from tlcore.backbones.weights import fetch_weights
from tlcore.config import Mode, PhaseName, RunConfig
from tlcore.data.batches import read_batches
from tlcore.data.dataset import PARTS, Part
from tlcore.engines.protocol import FeatureEngine
from tlcore.engines.select import choose_engine, converted_path
from tlcore.engines.tensorflow import forward
from tlcore.progress import DeafReporter, Reporter
from tlcore.training.assembly import Assembled, assemble, count
from tlcore.training.compiling import class_weights, compile_model, make_optimizer, probabilities, targets
from tlcore.training.devices import Device
from tlcore.training.history import EpochRow
from tlcore.training.material import Material
from tlcore.training.phases import PhaseResult, run_phase
from tlcore.training.pictures import BATCH, decode_to_file, told_batches
from tlcore.training.pipeline import Batches, evaluation_batches, training_batches
from tlcore.workspace import Workspace


@dataclass
class Stopwatch:
    """Seconds spent, by kind of work."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Adds the time of the block to `name`."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started


class Session:
    """Trains one configuration.

    The steps: `prepare`, then `answers("test")` for the baseline, then `train`, then `answers` again.
    Without augmentation the frozen backbone sees each picture once: its features are computed and only the head is run.
    """

    def __init__(
        self,
        config: RunConfig,
        backbone: Backbone,
        table: LayerTable,
        material: Material,
        device: Device,
        workspace: Workspace,
        scratch: Path,
        reporter: Reporter,
        head_weights: list[NDArray[np.float32]] | None = None,
    ) -> None:
        """Keeps what the run needs; nothing is computed yet.

        Args:
            config: Complete and checked.
            backbone: The record that the configuration names.
            table: Its layers at the configuration's width.
            material: The pictures.
            device: What to compute on.
            workspace: Where converted networks are kept, and the limits.
            scratch: A folder for decoded pictures; the caller removes it.
            reporter: Who is told.
            head_weights: The dense layer's weights of an earlier run; the head phase is then left out.
        """
        self.config = config
        self.material = material
        self.device = device
        self.engine: FeatureEngine | None = None
        self.stopwatch = Stopwatch()
        self.rows: list[EpochRow] = []
        self.stopped = False
        self.ended_early: list[PhaseName] = []
        self._backbone = backbone
        self._table = table
        self._workspace = workspace
        self._scratch = scratch
        self._reporter = reporter
        self._head_weights = head_weights
        self._pictures: dict[Part, NDArray[np.uint8]] = {}
        self._features: dict[Part, NDArray[np.float32]] = {}
        self._assembled: Assembled | None = None
        self._runs: dict[str, Callable[[NDArray[np.generic]], NDArray[np.float32]]] = {}
        self._network_trained = config.mode is Mode.SCRATCH

    @property
    def assembled(self) -> Assembled:
        """The model; only after `prepare`."""
        if self._assembled is None:
            raise RuntimeError("prepare() has not run")
        return self._assembled

    @property
    def trainable(self) -> int:
        """Weights that the last phase trained."""
        return count(self.assembled.model.trainable_weights)

    def prepare(self) -> None:
        """Builds the model, decodes the pictures, computes the frozen backbone's features where they are enough.

        Raises:
            StudioError: Weights can't be fetched, pictures can't be read, the disk is full.
            Stopped: Somebody asked to stop.
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
        if self._needs_pictures():
            with self.stopwatch.measure("prepare"):
                self._decode_all()
        if self._head_on_features():
            with self.stopwatch.measure("features"):
                self._extract_all()

    def _head_on_features(self) -> bool:
        frozen_phase = self.config.mode is not Mode.SCRATCH and self._head_weights is None
        return frozen_phase and not self.config.augmentation.active

    def _needs_pictures(self) -> bool:
        return self.config.mode is Mode.FINE_TUNE or not self._head_on_features()

    @property
    def _size(self) -> int:
        assert self.config.image_size is not None  # noqa: S101 - complete configurations have one
        return self.config.image_size

    def _decode_all(self) -> None:
        for part in PARTS:
            self._pictures[part] = decode_to_file(
                self.material.source(part),
                self.material.indices(part),
                self._size,
                self._scratch / f"{part}.npy",
                self._workspace.limits,
                self._reporter,
            )

    def _extract_all(self) -> None:
        path = converted_path(self._workspace.engines, self._backbone, self.config.width, self._size, self._table)
        if not path.exists():
            self._reporter.event("task", task="Converting the backbone (once for each backbone and size)")
        self.engine = choose_engine(path, lambda: self.assembled.features, self.device.on_gpu)
        for part in PARTS:
            features = list(self.engine.extract(self.picture_batches(part, f"Looking at the {part} pictures")))
            self._features[part] = np.concatenate(features)

    def picture_batches(self, part: Part, task: str) -> Iterator[NDArray[np.uint8]]:
        """A part's decoded pictures in order, shape (n, size, size, 3) each, with progress told as `task`.

        Raises:
            PictureError: A stored picture can't be read any more.
            Stopped: Somebody asked to stop.
        """
        indices = self.material.indices(part)
        if part in self._pictures:
            pictures = self._pictures[part]
            batches: Iterator[NDArray[np.uint8]] = (
                pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)
            )
        else:
            batches = read_batches(self.material.source(part), indices, self._size, BATCH, self._workspace.limits)
        return told_batches(batches, task, len(indices), self._reporter)

    def answers(self, part: Part) -> NDArray[np.float32]:
        """What the model as it is now says of a part's pictures: probabilities, shape (n, classes)."""
        with self.stopwatch.measure("evaluate"):
            if part in self._features and not self._network_trained:
                features = self._features[part]
                batches = (features[start : start + 1024] for start in range(0, len(features), 1024))
                run = self._forward(self.assembled.head)
                return probabilities(np.concatenate([run(batch) for batch in batches]))
            stream = self.picture_batches(part, f"Judging the {part} pictures")
            return np.concatenate([self.answer_pictures(batch) for batch in stream])

    def answer_pictures(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities from the whole Keras model, shape (n, classes), for decoded pictures (n, size, size, 3)."""
        return probabilities(self._forward(self.assembled.model)(pictures.astype(np.float32)))

    def _forward(self, model: keras.Model) -> Callable[[NDArray[np.generic]], NDArray[np.float32]]:
        """`forward`, compiled once for each model."""
        if model.name not in self._runs:
            self._runs[model.name] = forward(model)
        return self._runs[model.name]

    def train(self) -> None:
        """Runs the phases of the mode; a stop ends the phase at the next batch and leaves out the rest.

        Whatever follows (judging, keeping the model) no longer heeds a stop: it would throw away what was learned.

        Raises:
            TrainingFailed: The loss stopped being a number.
        """
        with self.stopwatch.measure("train"):
            self._run_phases()
        self._reporter = DeafReporter(self._reporter)

    def _run_phases(self) -> None:
        config = self.config
        if config.mode is Mode.SCRATCH:
            self._run(PhaseName.SCRATCH, self.assembled.model, config.epochs, config.learning_rate)
            return
        if self._head_weights is None:
            model = self.assembled.head if self._head_on_features() else self.assembled.model
            self._run(PhaseName.FROZEN, model, config.epochs, config.learning_rate)
        if config.mode is Mode.FINE_TUNE and not self.stopped:
            unfreeze_from(self.assembled.backbone, fine_tune_start(config))
            self._network_trained = True
            self._run(
                PhaseName.FINE_TUNE, self.assembled.model, config.fine_tune_epochs, config.fine_tune_learning_rate
            )

    def _run(self, phase: PhaseName, model: keras.Model, epochs: int, learning_rate: float) -> None:
        training, validation = self._streams(on_features=model is self.assembled.head)
        with self.device.scope():
            optimizer = make_optimizer(self.config.optimizer, learning_rate, training.steps * epochs)
            compile_model(model, self.config, optimizer, self.device)
        labels = self.material.labels("train")
        result: PhaseResult = run_phase(
            phase,
            model,
            training,
            validation,
            epochs,
            self.config.early_stopping,
            class_weights(labels, len(self.material.dataset.info.class_names), self.config),
            self._reporter,
        )
        self.rows.extend(result.rows)
        self.stopped = result.stopped
        if result.ended_early:
            self.ended_early.append(phase)

    def _streams(self, on_features: bool) -> tuple[Batches, Batches]:
        """Training and validation batches of features, or of pictures."""
        config = self.config
        inputs = self._features if on_features else self._pictures
        classes = len(self.material.dataset.info.class_names)
        wanted = {part: targets(self.material.labels(part), classes, config) for part in PARTS}
        training = training_batches(
            inputs["train"],
            wanted["train"],
            config.batch_size,
            config.seed,
            config.steps_per_epoch,
            None if on_features else config.augmentation,
            self.device.replicas,
        )
        validation = evaluation_batches(
            inputs["validation"], wanted["validation"], config.batch_size, self.device.replicas
        )
        return training, validation
