"""What both ways of training get: the same pictures, division and settings."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tlcore.backbones.checks import fine_tune_start
from tlcore.backbones.registry import layer_table
from tlcore.config import Mode, RunConfig
from tlcore.data.dataset import PARTS
from tlcore.data.importer import import_pictures
from tlcore.jobs.preflight import preflight
from tlcore.workspace import Workspace

NAME: Final = "benchmark photos"
DATASET: Final = "my/benchmark-photos"
BACKBONE: Final = "efficientnet-lite0"
STAGES: Final = 2  # that are fine-tuned


@dataclass(frozen=True)
class Task:
    """A training, as the plain way needs it told.

    Attributes:
        files: The JPEG files of each part.
        labels: Their classes, as numbers.
        fine_tune_epochs: 0 trains the head only.
        fine_tune_start: Index of the first backbone layer that fine-tuning trains.
        antialias: Whether pictures are made smaller with a filter, as ours are.
        threads: That decode.
    """

    files: dict[str, list[str]]
    labels: dict[str, list[int]]
    classes: int
    backbone: str
    size: int
    batch_size: int
    epochs: int
    fine_tune_epochs: int
    fine_tune_start: int
    learning_rate: float
    fine_tune_learning_rate: float
    dropout: float
    seed: int
    antialias: bool = False
    threads: int = 2

    def write(self, path: Path) -> Path:
        """Writes it for another process; returns the path."""
        path.write_text(json.dumps(asdict(self)))
        return path

    @classmethod
    def read(cls, path: Path) -> Task:
        """What `write` wrote."""
        return cls(**json.loads(path.read_text()))


def import_photos(home: Path, data: Path) -> None:
    """Brings the photos into a workspace, as people do before they train."""
    import_pictures(Workspace.open(home), data, NAME)


def last_stages(backbone: str) -> list[str]:
    """The stages next to the head, which fine-tuning trains."""
    return list(layer_table(backbone, None).stages[-STAGES:])


def make_task(home: Path, data: Path, seed: int, epochs: int, fine_tune_epochs: int) -> Task:
    """The task that is equal to `python -m tlcore train` with the same numbers.

    Args:
        home: A workspace in which `import_photos` was done.
        data: The folder that was imported.
        seed: Of the division and the training.
        epochs: Of the head.
        fine_tune_epochs: Of the last stages; 0 for none.
    """
    mode = {"mode": Mode.FINE_TUNE, "unfreeze": tuple(last_stages(BACKBONE)), "fine_tune_epochs": fine_tune_epochs}
    asked = RunConfig.build(
        dataset=DATASET, backbone=BACKBONE, seed=seed, epochs=epochs, **(mode if fine_tune_epochs else {})
    )
    plan = preflight(Workspace.open(home), asked)
    config, material = plan.config, plan.material
    if material is None or config.image_size is None:
        raise SystemExit("the photos are not imported")
    keys = {part: [material.dataset.keys[index] for index in material.indices(part)] for part in PARTS}
    return Task(
        files={part: [str(data / key) for key in names] for part, names in keys.items()},
        labels={part: material.labels(part).tolist() for part in PARTS},
        classes=len(material.dataset.info.class_names),
        backbone=BACKBONE,
        size=config.image_size,
        batch_size=config.batch_size,
        epochs=epochs,
        fine_tune_epochs=fine_tune_epochs,
        fine_tune_start=fine_tune_start(config) if fine_tune_epochs else 0,
        learning_rate=config.learning_rate,
        fine_tune_learning_rate=config.fine_tune_learning_rate,
        dropout=config.head.dropout,
        seed=seed,
        threads=len(os.sched_getaffinity(0)),
    )
