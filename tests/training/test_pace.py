from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tlcore.backbones.checks import complete, fine_tune_start
from tlcore.config import RunConfig
from tlcore.training.pace import Pace, learning_load, looking_load, matrix_speed, usable
from tlcore.training.speeds import Circumstances, PhaseSpeed, Speeds, circumstances, keep_speeds, known_speeds
from tlcore.workspace import Workspace

SEEN = datetime(2026, 5, 4, tzinfo=UTC)


def under(**options: Any) -> Circumstances:
    config = complete(RunConfig.build(**({"dataset": "my/pets"} | options)))
    return circumstances(config, fine_tune_start(config) if config.mode == "finetune" else None)


def test_what_was_seen_in_just_these_circumstances_is_taken_as_it_is() -> None:
    pace = Pace(under(), (Speeds(under=under(), seen=SEEN, extract=0.01, start=5.0),))
    assert (pace.figure("extract").seconds, pace.figure("extract").seen) == (0.01, True)
    assert pace.figure("start").seen


def test_other_pictures_and_other_sizes_are_only_an_estimate() -> None:
    known = (Speeds(under=under(), seen=SEEN, extract=0.01),)
    assert not Pace(under(dataset="my/leaves"), known).figure("extract").seen
    larger = Pace(under(image_size=448), known).figure("extract")
    assert (larger.seconds, larger.seen) == (pytest.approx(0.04), False)


def test_another_backbone_is_worked_out_from_its_multiply_adds() -> None:
    known = (Speeds(under=under(), seen=SEEN, extract=0.01),)
    heavy = Pace(under(backbone="resnet50"), known).figure("extract").seconds
    assert heavy == pytest.approx(0.01 * 3856 / 384, rel=0.01)


def test_a_step_grows_with_its_batch_and_with_what_learns() -> None:
    speed = PhaseSpeed(first=2.0, step=0.2, epoch=0.1)
    known = (Speeds(under=under(mode="finetune"), seen=SEEN, phases={"upper": speed}),)
    same = Pace(under(mode="finetune"), known).phase("upper")
    assert (same.speed, same.seen) == (speed, True)
    twice = Pace(under(mode="finetune", batch_size=64), known).phase("upper")
    assert (twice.speed.step, twice.seen) == (pytest.approx(0.4), False)
    lower = Pace(under(mode="finetune", unfreeze=["block5"]), known).phase("upper")
    assert lower.speed.step > 2 * speed.step
    assert Pace(under(mode="finetune"), known).phase("whole").speed.step > 2 * speed.step


def test_the_newest_of_equal_circumstances_counts() -> None:
    older = Speeds(under=under(), seen=datetime(2026, 5, 3, tzinfo=UTC), extract=0.5)
    assert Pace(under(), (Speeds(under=under(), seen=SEEN, extract=0.01), older)).figure("extract").seconds == 0.01


def test_where_nothing_was_seen_a_matrix_product_tells_roughly() -> None:
    pace = Pace(under(), (), probe=lambda: 100_000.0)
    assert 0.002 < pace.figure("extract").seconds < 0.02
    assert 0.1 < pace.phase("whole").speed.step < 3
    assert not pace.figure("extract").seen
    slower = Pace(under(), (), probe=lambda: 10_000.0)
    assert slower.figure("judge").seconds == pytest.approx(10 * pace.figure("judge").seconds)
    assert matrix_speed() > 100


def test_loads_are_in_proportion() -> None:
    assert looking_load(under(image_size=112)) == pytest.approx(looking_load(under()) / 4)
    scratch, frozen = under(mode="scratch"), under()
    assert learning_load(scratch, "whole") == pytest.approx(3 * learning_load(frozen, "whole"))


def test_speeds_are_kept_and_joined(workspace: Workspace) -> None:
    keep_speeds(workspace, Speeds(under=under(), seen=SEEN, extract=0.01, convert=9.0))
    keep_speeds(workspace, Speeds(under=under(), seen=SEEN, extract=0.02))
    (found,) = known_speeds(workspace)
    assert (found.extract, found.convert) == (0.02, 9.0)
    keep_speeds(workspace, Speeds(under=under(), seen=SEEN, extract=0.04), refine=True)
    assert known_speeds(workspace)[0].extract == pytest.approx(0.03)


def test_speeds_of_another_machine_and_damaged_ones_are_left_out(workspace: Workspace) -> None:
    keep_speeds(workspace, Speeds(under=under().model_copy(update={"machine": "an abacus"}), seen=SEEN, extract=9.0))
    assert known_speeds(workspace) == ()
    keep_speeds(workspace, Speeds(under=under(), seen=SEEN, extract=0.01))
    for path in (workspace.root / "cache" / "speeds").iterdir():
        path.write_text("{ torn", encoding="utf-8")
    assert known_speeds(workspace) == ()


def test_a_backbone_that_is_gone_tells_nothing() -> None:
    gone = under().model_copy(update={"backbone": "alexnet"})
    assert usable((Speeds(under=gone, seen=SEEN, extract=0.1), Speeds(under=under(), seen=SEEN))) == (
        Speeds(under=under(), seen=SEEN),
    )
