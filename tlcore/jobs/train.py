"""The training job: one configuration in; model, bundle and report out. Here the parts below meet."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from tlcore.backbones.record import Backbone
from tlcore.backbones.registry import find_backbone, layer_table
from tlcore.caches.budget import forget
from tlcore.config import RunConfig
from tlcore.data.catalog import ensure_dataset, open_dataset
from tlcore.data.stored import dataset_folder
from tlcore.data.versions import pictures_kept
from tlcore.engines.select import kept_network
from tlcore.errors import DatasetError
from tlcore.evaluation.metrics import class_scores, confusion, score, score_with_interval
from tlcore.evaluation.report import (
    Agreement,
    Artifacts,
    CacheUse,
    DatasetUse,
    Engine,
    Parameters,
    Report,
    Score,
    Seconds,
    write_test_pictures,
)
from tlcore.files import write_json
from tlcore.images.decode import load_picture
from tlcore.jobs.calibrate import remember, tell_forecast
from tlcore.jobs.context import JobContext
from tlcore.jobs.measuring import end_measurements
from tlcore.jobs.preflight import find_material, preflight
from tlcore.jobs.results import begin_result, put_in_place
from tlcore.lean_keras import load_keras
from tlcore.runs.attempts import story_after_earlier
from tlcore.runs.events import read_events
from tlcore.runs.folder import RunFolder
from tlcore.serving.predictor import Predictor
from tlcore.training.forecast import COMPARED
from tlcore.training.history import PhaseEpochs
from tlcore.training.material import Material
from tlcore.training.memory import MemoryWatch

if TYPE_CHECKING:
    from tlcore.training.session import Session

_AT_ONCE: Final = 8


def run(context: JobContext) -> dict[str, Any]:
    """Trains as `context.payload` (a RunConfig's JSON) says, and leaves everything in the run's folder.

    Returns:
        The report as JSON; with `stopped` true when somebody stopped the training; its best model is kept.

    Raises:
        StudioError: The configuration does not fit the pictures or the backbone, or training failed.
        Stopped: Somebody asked to stop before there was anything to keep.
    """
    started = time.monotonic()
    asked = RunConfig.from_json(context.payload)
    with ExitStack() as stack:
        for dataset in dict.fromkeys(filter(None, (asked.dataset, asked.test_dataset))):
            ensure_dataset(context.workspace, dataset, context.reporter)
            stack.enter_context(pictures_kept(dataset_folder(context.workspace, dataset), context.folder.id))
        config = preflight(context.workspace, asked).config
        material = find_material(context.workspace, config)
        end_measurements(context.workspace, context.reporter)
        tell_forecast(context, config, material)
        result = train_on(context, config, material, started)
    if not result["stopped"]:
        remember(context.workspace, config, material, context.folder)
    return result


def train_on(context: JobContext, config: RunConfig, material: Material, started: float) -> dict[str, Any]:
    """Trains on these pictures; what `run` returns, and raises.

    Args:
        context: Of the job.
        config: Complete and checked.
        material: The pictures.
        started: When the job began, by the monotonic clock.
    """
    # TensorFlow takes seconds to load: everything that can be refused has been refused by now.
    load_keras()
    from tlcore.training.devices import choose_device
    from tlcore.training.session import Session

    backbone = find_backbone(config.backbone)
    with (
        MemoryWatch() as memory,
        Session(
            config,
            backbone,
            layer_table(backbone.id, config.width),
            material,
            choose_device(),
            context.workspace,
            context.reporter,
            _earlier_head(config, context),
            context.folder.checkpoints,
        ) as session,
    ):
        try:
            session.prepare()
            baseline = score(session.answers("test"), material.labels("test"))
            context.reporter.event("baseline", **baseline.model_dump())
            session.train()
            report = _finish(context, session, backbone, baseline, started, memory)
        finally:
            _forget_removed_pictures(context, material)
    return report.to_json() | {"stopped": session.stopped}


def _forget_removed_pictures(context: JobContext, material: Material) -> None:
    """Removes what this run kept of pictures that somebody deleted for good while it was at work."""
    for dataset in filter(None, (material.dataset, material.test_dataset)):
        try:
            now = open_dataset(context.workspace, dataset.info.id, with_excluded=True)
            forget(context.workspace, dataset.info.id, set(dataset.hashes) - set(now.hashes))
        except DatasetError:  # the whole dataset is gone
            forget(context.workspace, dataset.info.id)


def _earlier_head(config: RunConfig, context: JobContext) -> list[NDArray[np.float32]] | None:
    """The trained head of `config.from_run`; None where there is no earlier run."""
    if config.from_run is None:
        return None
    from tlcore.training.earlier import load_head

    return load_head(RunFolder.find(context.workspace, config.from_run).model)


def _finish(
    context: JobContext, session: Session, backbone: Backbone, baseline: Score, started: float, memory: MemoryWatch
) -> Report:
    """Judges the model, and leaves it with bundle and report; an earlier result stays until all of them are there."""
    from tlcore.export.bundle import versions, write_bundle
    from tlcore.training.assembly import count

    reporter, folder = context.reporter, context.folder
    material, config = session.material, session.config
    class_names = material.dataset.info.class_names
    validation = score(session.answers("validation"), material.labels("validation"))
    answers, truth = session.answers("test"), material.labels("test")
    reporter.event("task", task="Keeping the model")
    trainable = session.trainable
    model = session.assembled.model
    new = begin_result(folder)
    with session.stopwatch.measure("evaluate"):
        model.save(new.model)
        kept = _kept_network(context, session)
        bundle = write_bundle(model, new.bundle, folder.id, class_names, backbone, kept, session.head_weights)
        agreement = compare_with_bundle(context, session, new.bundle) if bundle.engine == "openvino" else None
        merged = compare_merged(session, answers) if session.on_trunk else None
    memory.tell(reporter)
    indices = material.indices("test")
    tested = material.source("test")
    keys, hashes = ([names[index] for index in indices] for names in (tested.keys, tested.hashes))
    write_test_pictures(new.test_pictures, keys, hashes, indices, truth, answers)
    report = Report(
        run_id=folder.id,
        state="stopped" if session.stopped else "completed",
        mode=config.mode,
        backbone=config.backbone,
        class_names=class_names,
        epochs=PhaseEpochs.of(session.rows),
        history=tuple(session.rows),
        baseline=baseline,
        validation=validation,
        test=score_with_interval(answers, truth),
        parameters=Parameters(total=count(model.weights), trainable=trainable),
        seconds=_seconds(session, folder, time.monotonic() - started),
        cache=CacheUse(**session.inputs.use),
        artifacts=Artifacts(model=str(folder.model), report=str(folder.report)),
        per_class=class_scores(answers, truth, class_names),
        confusion=tuple(tuple(row) for row in confusion(answers, truth)),
        engine=_engine(session, bundle.engine),
        agreement=agreement,
        merged=merged,
        batch_size=session.batch_size,
        memory_bytes=max(session.memory_bytes, memory.most) or None,
        plan_notes=session.plan.notes,
        dataset=_dataset_use(material),
        config=config,
        stopped_early=_why_early(session),
        created=datetime.now(UTC),
        versions=versions(),
    )
    write_json(new.report, report.to_json())
    put_in_place(new, folder)
    return report


def _seconds(session: Session, folder: RunFolder, total: float) -> Seconds:
    """Where the time went: of this attempt, and of the earlier ones that it went on from."""
    story = story_after_earlier(folder)
    story.add_all(read_events(folder.events).events)
    earlier = asdict(story.spent_before)
    if "features" not in session.stopwatch.seconds:  # pictures went through the whole network in every epoch
        earlier["prepare"] += earlier.pop("features")
    own = session.stopwatch.seconds | {"total": total}
    return Seconds(**{name: own.get(name, 0.0) + earlier.get(name, 0.0) for name in Seconds.model_fields})


def compare_with_bundle(context: JobContext, session: Session, bundle: Path) -> Agreement:
    """A bundle's answers against Keras's on some of the test pictures.

    Both see the same decoded pictures; what may differ is only how the two programs compute.
    """
    predictor = Predictor(bundle, partial(load_picture, limits=context.workspace.limits))
    keras_answers: list[NDArray[np.float32]] = []
    bundle_answers: list[NDArray[np.float32]] = []
    for pictures in session.judge.picture_batches("test", "Checking the saved model", COMPARED):
        # A few at once: all of them would take more memory than everything before.
        few = (pictures[start : start + _AT_ONCE] for start in range(0, len(pictures), _AT_ONCE))
        keras_answers.extend(session.judge.answer_pictures(some) for some in few)
        bundle_answers.append(predictor.probabilities(pictures))
    return _agreement(np.concatenate(bundle_answers), np.concatenate(keras_answers))


def compare_merged(session: Session, answers: NDArray[np.float32]) -> Agreement:
    """The whole model against the kept trunk with the upper part that was trained on it, on every test picture.

    Args:
        session: After training.
        answers: Of the trunk and the upper part, shape (n, classes).
    """
    return _agreement(session.judge.whole_answers("test"), answers)


def _agreement(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> Agreement:
    return Agreement(
        compared=len(ours),
        same_answer=int((ours.argmax(axis=1) == theirs.argmax(axis=1)).sum()),
        largest_difference=float(np.abs(ours - theirs).max()),
    )


def _kept_network(context: JobContext, session: Session) -> Path | None:
    """The converted network whose weights are the model's own, so that the bundle needs no conversion."""
    if session.network_trained or session.device.on_gpu:
        return None
    return kept_network(context.workspace.engines, session.network, session.device.on_gpu)


def _engine(session: Session, predictions: Literal["openvino", "keras"]) -> Engine:
    """What computed, and why."""
    choice = session.inputs.choice
    notes = [choice.note] if choice is not None and choice.note else []
    if predictions == "keras":
        notes.append("OpenVINO could not convert the model: predictions go through a worker with Keras.")
    return Engine(
        features=choice.name if choice is not None else "tensorflow",
        predictions=predictions,
        device=session.device.description,
        precision=session.device.precision,
        precision_features=choice.precision if choice is not None else session.device.precision,
        speeds=dict(choice.speeds) if choice is not None and choice.speeds else None,
        notes=tuple(notes),
    )


def _dataset_use(material: Material) -> DatasetUse:
    info = material.dataset.info
    split = material.split
    return DatasetUse(
        id=info.id,
        name=info.name,
        fingerprint=info.fingerprint,
        version=info.version,
        train=len(split.train),
        validation=len(split.validation),
        test=len(split.test),
        test_dataset=material.test_dataset.info.id if material.test_dataset is not None else None,
        test_fingerprint=material.test_dataset.info.fingerprint if material.test_dataset is not None else "",
    )


def _why_early(session: Session) -> str:
    if session.stopped and not session.rows and session.config.from_run is None:
        return "It was stopped before its first round (epoch) was over: this model has hardly learned."
    if session.stopped:
        return "It was stopped; the best model until then was kept."
    if session.ended_early:
        patience = session.config.early_stopping.patience
        return f"Early stopping: no better {session.config.early_stopping.monitor} in {patience} epochs."
    return ""
