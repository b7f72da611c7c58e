from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tlcore.backbones.checks import complete, fine_tune_start
from tlcore.caches import fill, open_cache
from tlcore.caches.budget import room
from tlcore.config import RunConfig
from tlcore.data.importer import import_pictures
from tlcore.engines.protocol import EngineChoice
from tlcore.jobs.preflight import find_material
from tlcore.progress import Silence
from tlcore.training import forecast as forecasting
from tlcore.training import pace as pacing
from tlcore.training.cache_plan import Counts
from tlcore.training.demand import find_problems, table_bytes
from tlcore.training.forecast import COMPARED, Forecast, forecast
from tlcore.training.material import Material
from tlcore.training.pictures import image_recipe
from tlcore.training.speeds import PhaseSpeed, Speeds, circumstances, keep_speeds
from tlcore.workspace import Workspace

COUNTS = Counts(1000, 100, 100)
SPEEDS = {"start": 5.0, "convert": 8.0, "read": 0.01, "extract": 0.02, "vary": 0.015, "judge": 0.05, "finish": 3.0}
PHASE = PhaseSpeed(first=1.0, step=0.1, epoch=0.5)


def make(**options: Any) -> RunConfig:
    return complete(RunConfig.build(**({"dataset": "my/pets"} | options)))


def know(workspace: Workspace, config: RunConfig) -> None:
    """As if a measurement had found round figures."""
    cut = fine_tune_start(config) if config.mode == "finetune" else None
    phases = dict.fromkeys(("head", "upper", "whole"), PHASE)
    seen = datetime(2026, 5, 4, tzinfo=UTC)
    keep_speeds(workspace, Speeds(under=circumstances(config, cut), seen=seen, phases=phases, **SPEEDS))


def steps(found: Forecast) -> dict[str, float]:
    return {step.name: step.seconds for step in found.steps}


def test_a_frozen_run_adds_up(workspace: Workspace) -> None:
    config = make(epochs=10)
    know(workspace, config)
    found = forecast(workspace, config, COUNTS)
    each = 0.5 + 0.1 * (1000 / 32 + 0.35 * 100 / 32)
    assert steps(found) == pytest.approx(
        {"start": 5, "convert": 8, "features": 24, "frozen": 1 + 10 * each, "finish": 3 + COMPARED * 0.05}
    )
    assert found.seconds == pytest.approx(sum(steps(found).values()))
    assert (found.basis, found.problems, found.download_bytes) == ("measured", (), 0)
    assert 0.6e9 < found.memory_bytes < 2e9


def test_fine_tuning_has_both_phases_and_judges_the_whole_model(workspace: Workspace) -> None:
    config = make(mode="finetune", epochs=2, fine_tune_epochs=3, steps_per_epoch=10)
    know(workspace, config)
    found = steps(forecast(workspace, config, COUNTS))
    each = 0.5 + 0.1 * (10 + 0.35 * 100 / 32)
    assert (found["frozen"], found["fine_tune"]) == pytest.approx((1 + 2 * each, 1 + 3 * each))
    assert found["finish"] == pytest.approx(3 + 0.05 * (100 + COMPARED))


def test_kept_copies_are_looked_at_one_by_one(workspace: Workspace) -> None:
    config = make(augmentation={"flip": "horizontal", "views": 4})
    know(workspace, config)
    found = steps(forecast(workspace, config, COUNTS))
    assert found["read"] == pytest.approx(1000 * 0.01)
    assert found["features"] == pytest.approx(200 * 0.02)
    assert found["copies"] == pytest.approx(4 * 1000 * 0.015)
    # Copies are made of pictures that are read when it is their turn.
    assert list(found)[2:5] == ["features", "read", "copies"]
    units = {step.name: step.units for step in forecast(workspace, config, COUNTS).steps}
    assert (units["features"], units["read"], units["copies"]) == (200, 1000, 4000)


def test_without_room_pictures_are_read_in_every_round(workspace: Workspace) -> None:
    tight = replace(workspace, limits=replace(workspace.limits, cache_bytes=1000))
    config = make(mode="scratch", epochs=2)
    know(workspace, config)
    plenty, little = (steps(forecast(place, config, COUNTS)) for place in (workspace, tight))
    assert "read" not in little
    assert little["scratch"] == pytest.approx(plenty["scratch"] + 2 * 1100 * 0.01)
    assert forecast(tight, config, COUNTS).plan.notes


def test_nothing_known_is_an_estimate(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "matrix_speed", lambda: 60_000.0)
    found = forecast(workspace, make(), COUNTS)
    assert found.basis == "estimated"
    assert 20 < found.seconds < 200


def test_a_slower_network_is_foretold_to_take_longer(workspace: Workspace) -> None:
    know(workspace, make())
    quick, slow = (forecast(workspace, make(backbone=name), COUNTS) for name in ("efficientnet-lite0", "resnet152"))
    assert slow.seconds > 3 * quick.seconds
    assert slow.basis == "estimated"
    assert slow.download_bytes > 200e6


def test_it_takes_milliseconds(workspace: Workspace) -> None:
    config = make(mode="finetune")
    know(workspace, config)
    forecast(workspace, config, COUNTS)
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        forecast(workspace, config, COUNTS)
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 0.25


def test_the_document_is_plain(workspace: Workspace) -> None:
    document = forecast(workspace, make(mode="finetune"), COUNTS).to_json()
    assert set(document) == {
        *("seconds", "memory_bytes", "disk_bytes", "download_bytes", "basis", "caches", "problems"),
        "measured_while_busy",
    }
    parts = dict(document["seconds"])
    assert parts.pop("total") == pytest.approx(sum(parts.values()), abs=0.1)


@pytest.fixture
def pets(workspace: Workspace, tmp_path: Path, make_folder: Callable[..., Path]) -> Material:
    import_pictures(workspace, make_folder(tmp_path / "pets", cat=20, coffee=20), "pets")
    return find_material(workspace, make())


def keep_rows(workspace: Workspace, recipe: Any, hashes: list[str]) -> None:
    def rows(positions: NDArray[np.int64]) -> Any:
        yield (np.zeros((len(positions), *recipe.row), recipe.dtype),)

    with open_cache(workspace, recipe) as cache:
        fill(workspace, [cache], hashes, rows, Silence())


def test_pictures_that_are_in_the_cache_take_no_time(workspace: Workspace, pets: Material) -> None:
    config = make(mode="scratch")
    know(workspace, config)
    assert steps(forecast(workspace, config, pets))["read"] == pytest.approx(40 * 0.01)
    some = [pets.dataset.hashes[index] for index in pets.indices("train")]
    keep_rows(workspace, image_recipe("my/pets", 224), some)
    half = forecast(workspace, config, pets)
    assert steps(half)["read"] == pytest.approx((40 - len(some)) * 0.01)
    keep_rows(workspace, image_recipe("my/pets", 224), list(pets.dataset.hashes))
    assert "read" not in steps(forecast(workspace, config, pets))
    assert "read" in steps(forecast(workspace, make(mode="scratch", image_size=96), pets))


@pytest.mark.parametrize("mode", ["frozen", "finetune"])
def test_features_that_are_in_the_cache_take_no_time(
    workspace: Workspace, pets: Material, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recipes are those that a training makes; see `Inputs`."""
    from tlcore.backbones.registry import find_backbone, layer_table
    from tlcore.engines.networks import FrozenNetwork
    from tlcore.training.recipes import features_recipe, trunk_recipe

    choice = EngineChoice("openvino", "float32", "some version", "")
    monkeypatch.setattr(forecasting, "known_choice", lambda *_, **__: choice)
    config = make(mode=mode, image_size=160)
    know(workspace, config)
    cut = fine_tune_start(config) if mode == "finetune" else None
    network = FrozenNetwork(find_backbone(config.backbone), layer_table(config.backbone), None, 160, cut)
    assert steps(forecast(workspace, config, pets))["features"] == pytest.approx(40 * 0.02)
    hashes = list(pets.dataset.hashes)
    keep_rows(workspace, features_recipe(network, choice, "my/pets", config), hashes)
    if cut is not None:
        assert "features" in steps(forecast(workspace, config, pets))  # the trunk is still missing
        # The true number of values at this size is not what scaling the table gives.
        keep_rows(workspace, trunk_recipe(network, choice, "my/pets", config, 4801, "float32"), hashes)
    found = forecast(workspace, config, pets)
    assert "features" not in steps(found)
    assert "convert" not in steps(found)


def test_rows_that_somebody_uses_now_take_no_room_from_a_run_that_is_to_come(
    workspace: Workspace, pets: Material
) -> None:
    config = make(mode="scratch")
    hashes = list(pets.dataset.hashes)
    recipe = image_recipe("my/pets", 224)
    keep_rows(workspace, recipe, hashes)
    tight = replace(workspace, limits=replace(workspace.limits, cache_bytes=int(1.2 * recipe.row_bytes * len(hashes))))
    with open_cache(tight, recipe):
        assert room(tight) < recipe.row_bytes * len(hashes)
        found = forecast(tight, config, pets)
    assert found.plan.images
    assert found.plan.notes == ()
    assert "read" not in steps(found)


@pytest.mark.parametrize("chosen", [True, False])
def test_a_run_counts_what_the_one_before_it_will_have_looked_at(
    workspace: Workspace, pets: Material, chosen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = EngineChoice("openvino", "float32", "some version", "") if chosen else None
    monkeypatch.setattr(forecasting, "known_choice", lambda *_, **__: choice)
    # Room for features, but not for the activations that fine-tuning would start from.
    tight = replace(workspace, limits=replace(workspace.limits, cache_bytes=1_000_000))
    frozen, tuned = make(), make(mode="finetune")
    know(workspace, frozen)
    first = forecast(tight, frozen, pets)
    alone, second = forecast(tight, tuned, pets), forecast(tight, tuned, pets, [first])
    assert not alone.plan.trunk
    assert {"features"} <= set(steps(first))
    assert {"features"} <= set(steps(alone))
    assert not {"features", "convert"} & set(steps(second))
    other = forecast(tight, make(mode="finetune", image_size=160), pets, [first])
    assert "features" in steps(other)


def test_memory_that_was_seen_is_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    choice = EngineChoice("openvino", "float32", "some version", "")
    monkeypatch.setattr(forecasting, "known_choice", lambda *_, **__: choice)
    config = make()
    worked_out = forecast(workspace, config, COUNTS).memory_bytes
    seen = datetime(2026, 5, 4, tzinfo=UTC)
    keep_speeds(workspace, Speeds(under=circumstances(config, None), seen=seen, memory_bytes=10**9, busy=True))
    found = forecast(workspace, config, COUNTS)
    assert found.memory_bytes == 10**9 + table_bytes(found.plan)
    assert found.busy
    assert forecast(workspace, make(image_size=160), COUNTS).memory_bytes < worked_out


def test_a_network_that_keras_computes_in_every_round_needs_more_memory(workspace: Workspace) -> None:
    kept = forecast(workspace, make(image_size=96), COUNTS)
    every_round = forecast(workspace, make(image_size=96, augmentation={"flip": "horizontal"}), COUNTS)
    assert kept.plan.features
    assert every_round.memory_bytes > kept.memory_bytes + 100e6


def test_too_little_memory_is_told_with_a_batch_that_fits() -> None:
    config = make(mode="scratch", batch_size=32)
    problems = find_problems(config, lambda one: 10**8 * one.batch_size, 10**9, 0, 10**12)
    assert len(problems) == 1
    assert "3.2 GB" in problems[0].text
    assert "batch size of 8" in problems[0].change
    assert find_problems(config, lambda one: 10**8 * one.batch_size, 10**10, 0, 10**12) == ()


def test_where_no_batch_fits_something_else_must_change() -> None:
    (problem,) = find_problems(make(), lambda _: 10**12, 10**9, 0, 10**12)
    assert "smaller pictures" in problem.change


def test_too_little_disk_is_told() -> None:
    (problem,) = find_problems(make(), lambda _: 0, 10**9, 5 * 10**9, 10**9)
    assert "5.0 GB" in problem.text
    assert "Clear the caches" in problem.change
