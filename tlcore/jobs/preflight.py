"""Everything about a training that can be refused before it is queued. Command line, pages and worker ask here.

No framework is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tlcore.backbones.checks import complete
from tlcore.config import RunConfig
from tlcore.data.alike import seen_in
from tlcore.data.catalog import find_dataset, is_prepared, open_dataset
from tlcore.data.dataset import Dataset
from tlcore.data.splits import split_dataset
from tlcore.devices import has_bfloat16
from tlcore.errors import ConfigError, DatasetError, RunError
from tlcore.files import read_json
from tlcore.jobs.allowed import check_training
from tlcore.runs.folder import RunFolder
from tlcore.training.earlier import check_earlier
from tlcore.training.material import Material
from tlcore.workspace import Workspace


@dataclass(frozen=True)
class Plan:
    """A training that nothing speaks against.

    Attributes:
        config: Complete: nothing is left to a default that could change later.
        material: The pictures, divided; None while a dataset is not prepared yet.
    """

    config: RunConfig
    material: Material | None


def preflight(workspace: Workspace, config: RunConfig) -> Plan:
    """Checks a configuration against its datasets, its backbone and the run that it builds on.

    Args:
        workspace: Where datasets and runs are.
        config: As the person left it.

    Raises:
        ConfigError: Options contradict each other, the backbone, the classes or the earlier run.
        BackboneError: There is no such backbone.
        DatasetError: A dataset is unknown, or too small to be divided like this.
        RunError: The earlier run is unknown or has no model.
        InputError: The mode or the operator doesn't allow it here.
    """
    config = complete(config)
    check_training(workspace, config)
    class_names = find_dataset(workspace, config.dataset).class_names
    check_output_fits_classes(config, class_names)
    check_precision_is_there(config)
    if config.from_run is not None:
        check_earlier(config, earlier_config(workspace, config.from_run))
        check_same_pictures(workspace, config)
    needed = [config.dataset] if config.test_dataset is None else [config.dataset, config.test_dataset]
    for dataset in needed:
        find_dataset(workspace, dataset)
    ready = all(is_prepared(workspace, dataset) for dataset in needed)
    return Plan(config, find_material(workspace, config) if ready else None)


def check_output_fits_classes(config: RunConfig, class_names: tuple[str, ...]) -> None:
    """A single sigmoid output can only tell two classes apart.

    Raises:
        ConfigError: There are more.
    """
    if config.head.activation == "sigmoid" and len(class_names) != 2:
        raise ConfigError(
            "One sigmoid output tells two classes apart, and this dataset has another number",
            value=f"{len(class_names)} classes",
            hint="Choose softmax.",
        )


def check_precision_is_there(config: RunConfig) -> None:
    """Without the processor's own instructions bfloat16 would be less exact and no faster.

    Raises:
        ConfigError: It is asked for, and the processor has none.
    """
    if config.compute.precision == "bfloat16" and not has_bfloat16():
        raise ConfigError(
            "The processor of this computer has no bfloat16",
            value="precision bfloat16",
            options=["float32"],
            hint="Choose float32: it is the exact one, and here just as fast.",
        )


def earlier_config(workspace: Workspace, run_id: str) -> RunConfig:
    """The complete configuration of a finished run that has a model.

    Raises:
        RunError: There is no such run, or it has no model.
    """
    folder = RunFolder.find(workspace, run_id)
    if not (folder.model.is_file() and folder.report.is_file()):  # the report is written last
        raise RunError(
            "The earlier run has no model to go on from", value=run_id, hint="Choose a frozen run that has finished."
        )
    return complete(RunConfig.from_json(folder.read_config()))


def check_same_pictures(workspace: Workspace, config: RunConfig) -> None:
    """A dataset that was changed is divided anew: what the earlier head learned from could be tested.

    Raises:
        DatasetError: The dataset, or the separate test set, was changed since the earlier run.
    """
    if config.from_run is None:
        return
    use = read_json(RunFolder.find(workspace, config.from_run).report)["dataset"]
    learned = {config.dataset: use["fingerprint"]}
    if config.test_dataset is not None and use.get("test_fingerprint"):  # older programs did not note it
        learned[config.test_dataset] = use["test_fingerprint"]
    for dataset, fingerprint in learned.items():
        if is_prepared(workspace, dataset) and find_dataset(workspace, dataset).fingerprint != fingerprint:
            raise DatasetError(
                "The dataset was changed since the earlier run learned from it (by you, or by its check, which notes "
                "near-copies), so its pictures are divided otherwise",
                value=dataset,
                hint="Train the head anew: leave the earlier run out. Or bring back the dataset's earlier version.",
            )


def find_material(workspace: Workspace, config: RunConfig) -> Material:
    """The pictures that a configuration names, divided; the datasets are prepared already.

    Training and validation pictures that are copies or near-copies of the separate test set's are left out.

    Raises:
        DatasetError: A dataset is not prepared or too small, or the test set has other classes.
    """
    dataset = open_dataset(workspace, config.dataset)
    if config.test_dataset is None:
        return Material(dataset, split_dataset(dataset, config.split, config.seed))
    test_dataset = open_dataset(workspace, config.test_dataset)
    check_same_classes(dataset, test_dataset)
    check_unseen(dataset, test_dataset)
    leaking = seen_in(dataset, test_dataset)
    split = split_dataset(dataset, config.split, config.seed, has_external_test=True, leaking=leaking)
    return Material(dataset, replace(split, test=np.arange(len(test_dataset), dtype=np.int64)), test_dataset)


def check_same_classes(dataset: Dataset, test_dataset: Dataset) -> None:
    """A separate test set must have exactly the classes of the training set, in the same order.

    Raises:
        DatasetError: It has others.
    """
    if dataset.info.class_names != test_dataset.info.class_names:
        raise DatasetError(
            "The test pictures have other classes than the training pictures",
            value=", ".join(test_dataset.info.class_names),
            options=dataset.info.class_names,
            hint="Name the folders of the test set exactly like those of the training set.",
        )


def check_unseen(dataset: Dataset, test_dataset: Dataset) -> None:
    """A separate test set must not be the training set again: its figure would mean nothing.

    Raises:
        DatasetError: Every test picture is among the training pictures.
    """
    if set(test_dataset.hashes) <= set(dataset.hashes):
        raise DatasetError(
            "Every picture of the test set is also in the training set, so it can't tell how good the model is",
            value=test_dataset.info.id,
            hint="Choose other pictures for the test, or leave the test set out.",
        )
