from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlcore.config import RunConfig
from tlcore.data.dataset import PARTS
from tlcore.data.importer import import_pictures
from tlcore.jobs.preflight import find_material, preflight
from tlcore.training.cache_plan import CachePlan
from tlcore.training.calibration import CHECK_SHARE, observe, small_config, small_material, what_learns
from tlcore.workspace import Workspace

BEGAN = datetime(2026, 5, 4, 12, tzinfo=UTC)


def at(when: float, kind: str, **values: Any) -> dict[str, Any]:
    return {"time": (BEGAN + timedelta(seconds=when)).isoformat(), "kind": kind, **values}


def looking(*told: tuple[float, int], task: str = "Looking at the pictures") -> list[dict[str, Any]]:
    return [at(when, "progress", task=task, done=done, total=96) for when, done in told]


def learning(
    start: float, first: float, step: float, epoch: float, steps: int, epochs: int = 3
) -> list[dict[str, Any]]:
    """A phase with two validation batches an epoch."""
    events = [at(start, "phase", phase="frozen", epochs=epochs, batches=steps, trainable=1)]
    now = start
    for number in range(1, epochs + 1):
        began = now
        now += first if number == 1 else 0.0
        for batch in range(1, steps + 1):
            now += step
            events.append(at(now, "batch", phase="frozen", epoch=number, batch=batch, loss=1.0, accuracy=0.5))
        now += epoch + 2 * CHECK_SHARE * step
        events.append(at(now, "epoch", phase="frozen", epoch=number, seconds=now - began))
    return [*events, at(now, "task", task="Keeping the model")]


def test_time_goes_to_what_was_done_in_it() -> None:
    seen = observe(
        [
            at(0, "started"),
            at(3, "task", task="Building the model"),
            at(4, "task", task="Converting the backbone (once for each backbone and size)"),
            at(9, "task", task="Trying which engine is faster on this machine"),
            *looking((11, 0), (12.5, 32), (13, 64), (13.5, 96)),
            at(14, "baseline", loss=1.0, accuracy=0.5),
            *learning(15, first=2, step=0.01, epoch=0.1, steps=10),
            at(30, "ended", state="completed"),
        ],
        validation_steps=2,
    )
    assert seen.figures["convert"] == pytest.approx(7)
    assert seen.figures["extract"] == pytest.approx(0.5 / 32)
    # 3 s until the first word, 1 s of building, what the first batch took beyond the others, 1.5 s up to the phase.
    assert seen.figures["start"] == pytest.approx(3 + 1 + 1.0 + 1.5)
    assert seen.figures["finish"] == pytest.approx(30 - (15 + 2 + 3 * (0.1 + 10.7 * 0.01)), abs=0.01)
    assert "judge" not in seen.figures


def test_a_phase_is_taken_apart_into_start_steps_and_rounds() -> None:
    speed = observe(learning(0, first=2, step=0.04, epoch=0.3, steps=10), validation_steps=2).phases["frozen"]
    assert (speed.first, speed.step, speed.epoch) == pytest.approx((2, 0.04, 0.3), abs=0.01)


def test_a_phase_of_single_steps_still_tells_its_pace() -> None:
    speed = observe(learning(0, first=2, step=1.7, epoch=0.0, steps=1), validation_steps=2).phases["frozen"]
    assert speed.step == pytest.approx(1.7, rel=0.01)


def test_one_round_tells_nothing_since_it_is_the_slow_one() -> None:
    assert observe(learning(0, first=2, step=0.04, epoch=0.3, steps=10, epochs=1), validation_steps=2).phases == {}


def test_copies_pictures_and_judging_are_told_apart() -> None:
    seen = observe(
        [
            *looking((0, 0), (2, 32), (3, 64), (4, 96), task="Reading pictures"),
            *looking((5, 0), (7, 32), (9, 64), (11, 96), task="Looking at changed copy 1 of 5"),
            *looking((12, 0), (15, 32), (18, 64), (21, 96), task="Judging the test pictures"),
            at(21, "memory", anonymous=700),
            at(22, "memory", anonymous=600),
        ],
        validation_steps=1,
    )
    figures = {name: round(32 * seen.figures[name], 3) for name in ("read", "vary", "judge")}
    assert figures == {"read": 1.0, "vary": 2.0, "judge": 3.0}
    assert seen.memory_bytes == 700


def test_waiting_for_others_is_no_part_of_starting() -> None:
    seen = observe(
        [
            at(0, "started"),
            at(2, "task", task="Ending a measurement of this computer"),
            at(9, "forecast", steps=[]),
            at(10, "task", task="Building the model"),
            *looking((11, 0), (21, 10), task="Waiting for another training that prepares the same pictures"),
            at(22, "phase", phase="frozen", epochs=1, batches=1),
        ],
        validation_steps=1,
    )
    assert seen.figures["start"] == pytest.approx(2 + 1 + 1 + 1)
    assert "wait" not in seen.figures


def test_no_events_tell_no_speed() -> None:
    seen = observe([], validation_steps=1)
    assert seen.phases == {}
    assert set(seen.figures.values()) == {0.0}


@pytest.mark.parametrize(
    ("options", "plan", "expected"),
    [
        ({}, CachePlan(features=True), {"frozen": "head"}),
        ({}, CachePlan(), {"frozen": "whole"}),
        ({"mode": "scratch"}, CachePlan(image_parts=PARTS), {"scratch": "whole"}),
        ({"mode": "finetune"}, CachePlan(features=True, trunk=True), {"frozen": "head", "fine_tune": "upper"}),
        ({"mode": "finetune"}, CachePlan(features=True, image_parts=PARTS), {"frozen": "head", "fine_tune": "whole"}),
        ({"mode": "finetune", "from_run": "r"}, CachePlan(trunk=True), {"fine_tune": "upper"}),
        ({"augmentation": {"flip": "horizontal"}}, CachePlan(image_parts=PARTS), {"frozen": "whole"}),
    ],
)
def test_what_each_phase_trains(options: dict[str, Any], plan: CachePlan, expected: dict[str, str]) -> None:
    assert what_learns(RunConfig.build(dataset="my/pets", **options), plan) == expected


def test_the_measurement_is_the_training_in_small(
    workspace: Workspace, tmp_path: Path, make_folder: Callable[..., Path]
) -> None:
    info = import_pictures(workspace, make_folder(tmp_path / "pets", cat=40, coffee=40), "pets")
    config = preflight(workspace, RunConfig.build(dataset=info.id, epochs=50, batch_size=8)).config
    material = find_material(workspace, config)
    small = small_material(material, config.batch_size, seconds_per_picture=10.0)
    assert len(small.indices("train")) == 48
    assert set(small.indices("train").tolist()) < set(material.indices("train").tolist())
    assert len(np.unique(small.labels("train"))) == 2
    slow = small_config(config, seconds_per_step=10.0)
    assert (slow.epochs, slow.steps_per_epoch) == (3, 4)
    assert (slow.batch_size, slow.image_size, slow.backbone) == (8, config.image_size, config.backbone)
    assert small_config(config, seconds_per_step=0.0).steps_per_epoch == 24
