from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest

from tlcore.backbones.checks import complete
from tlcore.backbones.registry import find_backbone, layer_table
from tlcore.config import RunConfig
from tlcore.training.cache_plan import CachePlan, Counts, in_words, plan_caches, trunk_values

COUNTS = Counts(1000, 100, 100)
PLENTY = 10**12
LIGHT = {"flip": "horizontal", "rotation": 10}
PICTURE = 224 * 224 * 3
FEATURES = 1280 * 4
TRUNK = 9408  # values that cross into Lite0's block 7, the lower of its top two stages


def plan(room: int = PLENTY, counts: Counts = COUNTS, **options: Any) -> CachePlan:
    config = complete(RunConfig.build(dataset="my/pets", **options))
    return plan_caches(config, counts, layer_table(config.backbone, config.width), find_backbone(config.backbone), room)


def test_frozen_keeps_features_and_no_pictures() -> None:
    found = plan()
    assert (found.images, found.features, found.trunk, found.views) == (False, True, False, 0)
    assert found.bytes == {"features": 1200 * FEATURES}
    assert found.notes == ()


def test_kept_copies_need_the_training_pictures_too() -> None:
    found = plan(augmentation=LIGHT | {"views": 3})
    assert (found.images, found.features, found.views) == (True, True, 3)
    assert found.bytes == {"images": 1000 * PICTURE, "features": 3200 * FEATURES}


def test_fine_tuning_keeps_the_trunk_and_not_the_pictures() -> None:
    found = plan(mode="finetune")
    assert (found.images, found.features, found.trunk, found.trunk_dtype) == (False, True, True, "float32")
    assert found.bytes == {"features": 1200 * FEATURES, "trunk": 1200 * TRUNK * 4}


def test_a_large_trunk_is_kept_in_half_precision_whatever_the_room_of_the_moment() -> None:
    most = 1_000_000_000 // (TRUNK * 4)
    for room in (3_000_000_000, PLENTY):
        small, large = (plan(room, Counts(pictures - 20, 10, 10), mode="finetune") for pictures in (most, most + 1))
        assert (small.trunk_dtype, large.trunk_dtype) == ("float32", "float16")
        assert large.bytes["trunk"] == (most + 1) * TRUNK * 2


def test_notes_tell_one_sum_and_the_room_for_it() -> None:
    features, pictures = 3200 * FEATURES, 1000 * PICTURE
    room = features + pictures - 1
    (note,) = plan(room, augmentation=LIGHT | {"views": 3}).notes
    told = [float(number) for number in re.findall(r"(\d+) MB", note)]
    assert told == [round(pictures / 1e6), round((room - features) / 1e6)]
    assert "3 times" in note


def test_fine_tuning_without_room_says_what_it_costs_and_keeps_what_fits() -> None:
    room = 1200 * (FEATURES + PICTURE)
    found = plan(mode="finetune", fine_tune_at=1, room=room)  # all but the input learns: the trunk is the pictures
    assert (found.images, found.features, found.trunk) == (True, True, False)
    assert "whole network in every round" in found.notes[0]
    assert "More room" in found.notes[0]
    assert found.total_bytes <= room


def test_fine_tuning_on_an_earlier_head_needs_no_features_without_a_trunk() -> None:
    found = plan(mode="finetune", fine_tune_at=1, from_run="earlier", room=1200 * PICTURE)
    assert (found.images, found.features, found.trunk) == (True, False, False)


def test_from_scratch_keeps_decoded_pictures_while_they_fit() -> None:
    assert plan(mode="scratch").bytes == {"images": 1200 * PICTURE}
    tight = plan(mode="scratch", room=1200 * PICTURE - 1)
    assert tight.bytes == {}
    assert "read from its file in every round" in tight.notes[0]


def test_changes_on_the_fly_send_pictures_through_the_network_each_time() -> None:
    found = plan(augmentation=LIGHT)
    assert (found.images, found.features, found.views) == (True, False, 0)


def test_no_room_at_all_keeps_nothing_and_says_so() -> None:
    for options in ({}, {"mode": "finetune"}, {"mode": "scratch"}, {"augmentation": LIGHT | {"views": 3}}):
        found = plan(room=0, **options)
        assert found.bytes == {}, options
        assert (found.images, found.features, found.trunk) == (False, False, False)
        assert found.notes


@pytest.mark.parametrize("options", [{}, {"mode": "finetune"}, {"augmentation": LIGHT | {"views": 5}}])
@pytest.mark.parametrize("room", [10**6, 10**7, 10**8, 10**9])
def test_no_plan_takes_more_than_the_room(options: dict[str, Any], room: int) -> None:
    assert plan(room=room, **options).total_bytes <= room


def test_activations_grow_with_the_square_of_the_size() -> None:
    config = complete(RunConfig.build(dataset="my/pets", mode="finetune", image_size=448))
    assert trunk_values(config, layer_table(config.backbone), find_backbone(config.backbone)) == 4 * TRUNK


def test_sizes_as_people_say_them() -> None:
    assert [in_words(size) for size in (0, 340e6, 999.9e6, 2.1e9)] == ["0 MB", "340 MB", "1.0 GB", "2.1 GB"]


def test_planning_loads_no_framework() -> None:
    code = "import sys, tlcore.training.forecast, tlcore.jobs.calibrate; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"tensorflow", "keras", "openvino", "streamlit"} & set(done.stdout.split())
