"""Finished runs with invented figures, for tests of the pages that show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from tlcore.config import Mode, RunConfig
from tlcore.evaluation.report import Report, write_test_pictures
from tlcore.files import write_json
from tlcore.runs.folder import RunFolder, RunMeta
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

_START = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLASSES = ("cat", "coffee")


def add_run(
    workspace: Workspace,
    run_id: str,
    *,
    state: State = State.COMPLETED,
    error: str | None = None,
    with_report: bool = True,
    minute: int = 0,
    **report_values: Any,
) -> str:
    """Adds a run to the registry with its folder; `report_values` change the report of `made_report`."""
    Registry(workspace).list()  # a registry that is made later takes rows from folders
    created = _START + timedelta(minutes=minute)
    folder = RunFolder(workspace.runs / run_id)
    folder.path.mkdir()
    report = made_report(run_id, **report_values)
    title = f"{report.dataset.name}: {report.mode.value}"
    write_json(folder.config, report.config.to_json())
    folder.write_meta(RunMeta(run_id, "train", title, report.dataset.id, "tester", created))
    if with_report:
        write_json(folder.report, report.to_json())
    Registry(workspace).add(
        JobRecord(
            run_id,
            "train",
            title,
            report.dataset.id,
            state,
            created,
            owner="tester",
            queued=created,
            started=created,
            ended=created + timedelta(minutes=1) if state.ended else None,
            error=error,
            announced=True,
        )
    )
    return run_id


def made_report(
    run_id: str,
    *,
    mode: Mode = Mode.FROZEN,
    dataset: str = "my/pets",
    validation: float = 0.9,
    test: float = 0.87,
    seed: int = 1,
    stopped_early: str = "",
    more: dict[str, Any] | None = None,
) -> Report:
    """A report of two classes and a hundred test pictures; `more` replaces whole fields of it."""
    phases = {Mode.SCRATCH: ["scratch"], Mode.FROZEN: ["frozen"], Mode.FINE_TUNE: ["frozen", "fine_tune"]}[mode]
    history = [_row(phase, epoch, validation) for phase in phases for epoch in (1, 2, 3)]
    right = round(100 * test / 2)
    score = {"precision": test, "recall": test, "f1": test, "count": 50}
    return Report.model_validate(
        {
            "run_id": run_id,
            "state": "completed",
            "mode": mode,
            "backbone": "efficientnet-lite0",
            "class_names": CLASSES,
            "epochs": dict.fromkeys(phases, 3),
            "history": history,
            "baseline": {"loss": 0.7, "accuracy": 0.51},
            "validation": {"loss": 0.3, "accuracy": validation},
            "test": {"loss": 0.3, "accuracy": test, "count": 100, "accuracy_ci95": (test - 0.08, test + 0.05)},
            "parameters": {"total": 3_415_586, "trainable": 2_562},
            "seconds": {"total": 42.0},
            "cache": {},
            "artifacts": {"model": "model.keras", "report": "report.json"},
            "per_class": dict.fromkeys(CLASSES, score),
            "confusion": ((right, 50 - right), (50 - right, right)),
            "engine": {"features": "openvino", "predictions": "openvino", "device": "CPU", "precision": "float32"},
            "agreement": {"compared": 100, "same_answer": 100, "largest_difference": 2e-6},
            "dataset": {
                "id": dataset,
                "name": dataset.partition("/")[2],
                "fingerprint": "f" * 8,
                "train": 800,
                "validation": 100,
                "test": 100,
            },
            "config": RunConfig.build(dataset=dataset, mode=mode, seed=seed, image_size=224).to_json(),
            "stopped_early": stopped_early,
            "created": _START,
            "versions": {"tlcore": "0.1.0"},
        }
        | (more or {})
    )


def add_test_pictures(workspace: Workspace, run_id: str, keys: list[str], labels: list[int]) -> None:
    """Test pictures of which the model calls everything a cat, ever less surely."""
    cat = np.linspace(0.99, 0.51, len(keys), dtype=np.float32)
    write_test_pictures(
        RunFolder(workspace.runs / run_id).test_pictures,
        keys,
        [""] * len(keys),
        np.arange(len(keys), dtype=np.int64),
        np.asarray(labels, dtype=np.int32),
        np.stack([cat, 1 - cat], axis=1),
    )


def _row(phase: str, epoch: int, validation: float) -> dict[str, Any]:
    return {
        "phase": phase,
        "epoch": epoch,
        "loss": 1 / epoch,
        "accuracy": 0.8,
        "val_loss": 1.1 / epoch,
        "val_accuracy": validation,
        "learning_rate": 1e-3,
        "seconds": 2.0,
    }
