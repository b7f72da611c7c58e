from __future__ import annotations

from typing import Any

import pytest

from tlcore.backbones.checks import complete, fine_tune_start
from tlcore.backbones.registry import layer_table, list_backbones
from tlcore.config import RunConfig
from tlcore.errors import BackboneError, ConfigError


def config(**values: Any) -> RunConfig:
    return RunConfig.build(dataset="my/leaves", **values)


def test_size_and_width_are_filled_in() -> None:
    completed = complete(config(backbone="mobilenetv2"))
    assert (completed.image_size, completed.width, completed.unfreeze) == (224, 1.0, ())
    assert complete(config(backbone="xception")).image_size == 299
    assert complete(config(backbone="xception")).width is None


def test_what_was_given_stays() -> None:
    given = config(backbone="mobilenetv2", width=0.35, image_size=96, mode="finetune", unfreeze=["block7"])
    assert complete(given) == given
    assert complete(complete(given)) == given


@pytest.mark.parametrize("backbone", list_backbones(), ids=lambda backbone: backbone.id)
def test_fine_tuning_trains_the_top_two_stages_by_default(backbone: Any) -> None:
    table = layer_table(backbone.id)
    completed = complete(config(backbone=backbone.id, mode="finetune"))
    assert completed.unfreeze == table.stages[-2:]
    start = fine_tune_start(completed)
    assert table.layers[start].stage == table.stages[-2]
    assert table.layers[start - 1].stage != table.stages[-2]
    assert 0 < table.trainable_from(start) < table.trainable_from(0)


def test_a_layer_index_takes_the_place_of_stages() -> None:
    completed = complete(config(backbone="vgg16", mode="finetune", fine_tune_at=15))
    assert completed.unfreeze == ()
    assert fine_tune_start(completed) == 15


@pytest.mark.parametrize(
    ("values", "error", "said"),
    [
        ({"backbone": "vgg"}, BackboneError, "vgg16"),
        ({"backbone": "vgg16", "width": 0.5}, BackboneError, "no width multiplier"),
        ({"backbone": "mobilenetv2", "width": 0.4}, BackboneError, r"Received: 0\.4\. Valid: .*0\.35"),
        ({"backbone": "xception", "image_size": 70}, ConfigError, "70 pixels.*71 or more"),
        ({"backbone": "vgg16", "mode": "finetune", "unfreeze": ["block6"]}, ConfigError, "block6.*block5"),
        ({"backbone": "vgg16", "mode": "finetune", "unfreeze": ["block5", "top"]}, ConfigError, "no such stage.*top"),
        ({"backbone": "vgg16", "mode": "finetune", "fine_tune_at": 19}, ConfigError, "from 0 to 18"),
        ({"backbone": "vgg16", "mode": "finetune", "fine_tune_at": 18}, ConfigError, "nothing.*layer 17 or lower"),
        ({"backbone": "mobilenetv2", "mode": "finetune", "fine_tune_at": 152}, ConfigError, "train nothing"),
    ],
)
def test_settings_that_do_not_fit_the_backbone_are_refused(values: dict[str, Any], error: type, said: str) -> None:
    with pytest.raises(error, match=said) as caught:
        complete(config(**values))
    assert caught.value.exit_status == 2


def test_the_smallest_size_itself_is_fine() -> None:
    assert complete(config(backbone="xception", image_size=71)).image_size == 71
