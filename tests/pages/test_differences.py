"""The end of a run's name: what it was given that the defaults are not."""

from __future__ import annotations

from typing import Any

from pages.widgets.differences import differences, with_differences
from tlcore.backbones.checks import complete
from tlcore.config import AUGMENTATION_PRESETS, RunConfig


def config(**options: Any) -> RunConfig:
    return complete(RunConfig.build(dataset="my/pets", **options))


def test_a_run_with_nothing_changed_has_nothing_added() -> None:
    assert differences(config()) == []
    assert differences(config(mode="finetune")) == []
    assert with_differences("Lite0, frozen", config(mode="scratch")) == "Lite0, frozen"


def test_what_was_changed_is_told_in_a_few_words() -> None:
    changed = config(learning_rate=0.01, image_size=160, augmentation=AUGMENTATION_PRESETS["light"].model_dump())

    assert with_differences("Lite0, frozen", changed) == "Lite0, frozen, 5 copies, learning rate 0.01, 160 px"


def test_what_the_run_does_not_read_is_left_out() -> None:
    assert differences(config(fine_tune_epochs=9)) == []
    assert differences(config(mode="finetune", fine_tune_epochs=9)) == ["9 fine-tuning rounds"]


def test_where_much_was_changed_the_rest_is_counted() -> None:
    much = config(
        epochs=3,
        learning_rate=0.01,
        batch_size=8,
        image_size=96,
        seed=7,
        label_smoothing=0.1,
        split={"train": 70, "validation": 20, "test": 10, "fraction": 0.5},
    )

    assert differences(much)[-1] == "50% of the pictures, split 70/20/10"
    assert with_differences("x", much) == "x, 3 rounds, learning rate 0.01, 8 a step, 96 px, 3 more changes"
