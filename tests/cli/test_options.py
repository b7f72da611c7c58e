"""What the options of `train` become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.calling import tlcore
from tlcore.cli.train import build_config
from tlcore.config import VIEWS, ComputeConfig, RunConfig
from tlcore.errors import ConfigError


def config(**options: Any) -> RunConfig:
    return build_config("sample/digits", None, {"mode": "frozen"} | options)


def test_a_preset_keeps_copies_and_its_refinements_leave_them() -> None:
    refined = config(augment="light", rotation=45.0).augmentation

    assert (refined.views, refined.rotation, refined.flip) == (VIEWS, 45, "horizontal")


def test_the_number_of_copies_is_taken_and_none_means_on_the_fly() -> None:
    assert config(augment="strong", augment_views=3).augmentation.views == 3
    assert config(augment="strong", augment_views=0).augmentation.views == 0
    assert config(flip="both", augment_views=2).augmentation.views == 2


def test_copies_that_nobody_typed_go_where_they_have_no_use() -> None:
    scratch = config(augment="light", mode="scratch").augmentation
    unchanged = config(augment="light", flip="none", rotation=0.0, zoom=0.0).augmentation

    assert (scratch.views, scratch.flip) == (0, "horizontal")
    assert (unchanged.views, unchanged.active) == (0, False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"augment": "light", "augment_views": 3, "mode": "scratch"}, "From scratch"),
        ({"augment_views": 3}, "no change"),
        ({"augment": "light", "augment_views": 101}, "augmentation.views"),
        ({"engine": "openvino", "mode": "scratch"}, "from scratch there is none"),
        ({"engine": "tensorflow", "precision": "bfloat16"}, "OpenVINO only"),
    ],
)
def test_what_was_typed_is_never_ignored(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        config(**options)


def test_engine_and_precision_are_taken() -> None:
    chosen = config(engine="openvino", precision="bfloat16").compute

    assert chosen == ComputeConfig(engine="openvino", precision="bfloat16")
    assert config(mode="scratch").compute == ComputeConfig()


def test_the_command_refuses_before_anything_is_queued(tmp_path: Path) -> None:
    ran = tlcore(tmp_path, "train", "--dataset", "sample/digits", "--augment-views", 3, "--json")
    wrong = tlcore(tmp_path, "train", "--dataset", "sample/digits", "--engine", "magic", "--json")

    assert (ran.status, "views to 0" in ran.json["error"]["hint"]) == (2, True)
    assert (wrong.status, "openvino" in wrong.json["error"]["text"]) == (2, True)
    assert not list((tmp_path / "runs").iterdir())
