from __future__ import annotations

import pytest

from pages.widgets.network import assembled_network
from tlcore.backbones.checks import complete
from tlcore.backbones.registry import layer_table
from tlcore.config import RunConfig

TABLE = layer_table("efficientnet-lite0")
HEAD = (TABLE.embedding + 1) * 10


def test_frozen_trains_the_new_last_layer_only() -> None:
    network = assembled_network(complete(RunConfig.build(dataset="d")), 10)

    assert network.trainable == HEAD
    assert network.parameters == TABLE.parameters + HEAD
    assert [block.name for block in network.blocks if block.trainable] == ["New last layer"]
    assert network.blocks[0].name == "Picture"


def test_fine_tuning_unlocks_the_top_stages_and_what_lies_above_them() -> None:
    config = complete(RunConfig.build(dataset="d", mode="finetune", unfreeze=["block6"]))

    learning = [block.name for block in assembled_network(config, 10).blocks if block.trainable]

    assert learning == [*TABLE.stages[TABLE.stages.index("block6") :], "New last layer"]


def test_a_cut_inside_a_stage_trains_part_of_it() -> None:
    start = TABLE.first_layer(("block7",)) + 3
    config = complete(RunConfig.build(dataset="d", mode="finetune", fine_tune_at=start))

    network = assembled_network(config, 10)

    block = next(block for block in network.blocks if block.name == "block7")
    assert f"from {start} on" in block.detail
    assert network.trainable == TABLE.trainable_from(start) + HEAD


@pytest.mark.parametrize(("activation", "outputs"), [("softmax", 2), ("sigmoid", 1)])
def test_two_classes_have_one_or_two_outputs(activation: str, outputs: int) -> None:
    config = complete(RunConfig.build(dataset="d", head={"activation": activation}))

    assert assembled_network(config, 2).blocks[-1].parameters == (TABLE.embedding + 1) * outputs


def test_from_scratch_everything_learns_but_running_statistics() -> None:
    network = assembled_network(complete(RunConfig.build(dataset="d", mode="scratch")), 10)

    assert TABLE.trainable_from(0) + HEAD < network.trainable < network.parameters
