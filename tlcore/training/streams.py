"""The batches that a phase learns from and is judged by."""

from __future__ import annotations

from tlcore.config import RunConfig
from tlcore.data.dataset import Part
from tlcore.training.compiling import targets
from tlcore.training.inputs import Inputs
from tlcore.training.material import Material
from tlcore.training.pipeline import Batches, evaluation_batches, training_batches
from tlcore.training.sources import Source


def streams(
    config: RunConfig,
    material: Material,
    inputs: Inputs,
    output: str | None,
    batch_size: int,
    replicas: int,
    epochs_done: int,
) -> tuple[Batches, Batches]:
    """Training and validation batches.

    Args:
        config: Complete.
        material: The pictures' labels.
        inputs: What was gathered.
        output: Of the frozen network, to learn from; None stands for the pictures.
        batch_size: Pictures in a batch.
        replicas: Devices that share a batch.
        epochs_done: Those for training go on after so many.
    """
    classes = len(material.dataset.info.class_names)
    wanted = {part: targets(material.labels(part), classes, config) for part in ("train", "validation")}
    learned = _source(inputs, output, "train")
    training = training_batches(
        learned, wanted["train"], batch_size, config.seed, config.steps_per_epoch, replicas, epochs_done
    )
    judged = _source(inputs, output, "validation")
    return training, evaluation_batches(judged, wanted["validation"], batch_size, replicas)


def _source(inputs: Inputs, output: str | None, part: Part) -> Source:
    if output is None:
        return inputs.changed_pictures() if part == "train" else inputs.pictures(part)
    source = inputs.rows(output, part)
    if source is None:
        raise RuntimeError(f"the {output} of the {part} pictures was not gathered")
    return source
