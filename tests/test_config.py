from typing import Any

import pytest

from tlcore.config import AUGMENTATION_PRESETS, Mode, RunConfig
from tlcore.errors import ConfigError


def test_a_configuration_survives_json() -> None:
    config = RunConfig.build(
        dataset="my/leaves",
        mode="finetune",
        unfreeze=["block6", "block7"],
        augmentation={"flip": "both", "rotation": 20},
        early_stopping={"monitor": "val_accuracy", "patience": 3},
        width=1.0,
    )
    assert RunConfig.from_json(config.to_json()) == config
    assert config.mode is Mode.FINE_TUNE


def test_a_changed_copy_leaves_the_original_alone_and_is_checked() -> None:
    config = RunConfig(dataset="x")
    assert config.replace(seed=7).seed == 7
    assert config.seed == 1
    with pytest.raises(ConfigError, match="seed"):
        config.replace(seed=-1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"epochs": 0}, "'epochs'.*Received: 0.*greater than or equal to 1"),
        ({"batch_size": "many"}, "'batch_size'.*Received: many"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"fine_tune_learning_rate": float("inf")}, "fine_tune_learning_rate"),
        ({"steps_per_epoch": 0}, "steps_per_epoch"),
        ({"image_size": 8}, "image_size"),
        ({"label_smoothing": 1}, "label_smoothing"),
        ({"head": {"dropout": 1}}, r"head\.dropout"),
        ({"head": {"activation": "relu"}}, "softmax.*sigmoid"),
        ({"optimizer": {"name": "lion"}}, "adam"),
        ({"mode": "magic"}, "scratch.*frozen.*finetune"),
        ({"learning_speed": 1}, "no such option.*learning_speed.*Valid: learning_rate"),
        ({"head": {"drop": 0.1}}, "no such option in 'head'.*drop.*Valid: dropout, activation, l2"),
        ({"split": {"train": 80, "validation": 10, "test": 20}}, r"80 \+ 10 \+ 20 = 110"),
        ({"split": {"train": 100, "validation": 0, "test": 0}}, "more than 0 percent"),
        ({"split": {"fraction": 0}}, "fraction"),
        ({"mode": "finetune", "unfreeze": ["block7"], "fine_tune_at": 3}, "two places"),
        ({"unfreeze": ["block7"]}, "only means something when fine-tuning"),
        ({"fine_tune_at": 0}, "only means something when fine-tuning"),
        ({"from_run": "20260101-000000-aaaa", "mode": "scratch"}, "only means something when fine-tuning"),
        ({"schema_version": 2}, "another version"),
    ],
)
def test_what_can_not_work_is_refused_by_name(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as refusal:
        RunConfig.build(**({"dataset": "x"} | options))
    assert refusal.value.exit_status == 2
    assert "pydantic" not in str(refusal.value)


def test_fine_tuning_may_start_at_layer_0() -> None:
    assert RunConfig.build(dataset="x", mode="finetune", fine_tune_at=0).fine_tune_at == 0


def test_augmentation_is_off_unless_asked_for() -> None:
    assert not RunConfig(dataset="x").augmentation.active
    assert [name for name, preset in AUGMENTATION_PRESETS.items() if preset.active] == ["light", "strong"]
