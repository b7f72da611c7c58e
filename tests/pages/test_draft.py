from __future__ import annotations

import pytest

from pages.widgets.draft import BackboneChoice, Design, configuration, default_of, load_design, save_design
from tlcore.config import Mode
from tlcore.errors import ConfigError
from tlcore.workspace import Workspace


def test_a_design_comes_back_as_it_was_saved(workspace: Workspace) -> None:
    design = Design(
        modes=(Mode.FROZEN, Mode.SCRATCH),
        backbones=("resnet50", "efficientnet-lite0"),
        options={"head.dropout": 0.5, "epochs": 3, "from_run": None},
        of_backbone={"resnet50": BackboneChoice(unfreeze=("conv5",))},
    )

    save_design(workspace, design)

    assert load_design(workspace) == design


def test_without_a_file_the_design_is_the_default(workspace: Workspace) -> None:
    assert load_design(workspace) == Design()
    assert load_design(workspace).backbones == ("efficientnet-lite0",)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"text"', '{"modes": 7, "options": []}', "\ufffd\x00"])
def test_a_damaged_file_starts_anew(workspace: Workspace, text: str) -> None:
    (workspace.drafts / "design.json").write_text(text, encoding="utf-8")

    assert load_design(workspace) == Design()


def test_bytes_that_are_no_text_start_anew(workspace: Workspace) -> None:
    (workspace.drafts / "design.json").write_bytes(b"\xff\xfe\x00{")

    assert load_design(workspace) == Design()


def test_what_is_stale_is_dropped_and_the_rest_kept(workspace: Workspace) -> None:
    (workspace.drafts / "design.json").write_text(
        '{"modes": ["frozen", "gone"], "backbones": ["resnet50"], "news": 1,'
        ' "options": {"epochs": 7, "batch_size": "many", "old.option": 3, "head.dropout": 2}}',
        encoding="utf-8",
    )

    design = load_design(workspace)

    assert design.modes == (Mode.FROZEN,)
    assert design.backbones == ("resnet50",)
    assert design.options == {"epochs": 7}


def test_options_of_fine_tuning_reach_only_fine_tuning() -> None:
    design = Design(
        options={"from_run": "r1", "head.dropout": 0.4},
        of_backbone={"resnet50": BackboneChoice(fine_tune_at=100)},
    )

    frozen = configuration(design, "my/pets", "resnet50", Mode.FROZEN)
    tuned = configuration(design, "my/pets", "resnet50", Mode.FINE_TUNE)
    other = configuration(design, "my/pets", "vgg16", Mode.FINE_TUNE)

    assert (frozen.from_run, frozen.fine_tune_at, frozen.head.dropout) == (None, None, 0.4)
    assert (tuned.from_run, tuned.fine_tune_at) == ("r1", 100)
    assert other.fine_tune_at is None


def test_from_scratch_nothing_is_kept_and_no_engine_is_asked_for() -> None:
    chosen = {"augmentation.flip": "both", "augmentation.views": 5, "compute.precision": "bfloat16"}
    design = Design(modes=(Mode.FROZEN, Mode.SCRATCH), options=chosen)

    frozen = configuration(design, "my/pets", "resnet50", Mode.FROZEN)
    scratch = configuration(design, "my/pets", "resnet50", Mode.SCRATCH)

    assert (frozen.augmentation.views, frozen.compute.precision) == (5, "bfloat16")
    assert (scratch.augmentation.views, scratch.augmentation.flip) == (0, "both")
    assert scratch.compute.precision == "float32"


def test_a_contradiction_is_told() -> None:
    design = Design(options={"split.train": 50.0})

    with pytest.raises(ConfigError, match="sum to 100"):
        configuration(design, "my/pets", "resnet50", Mode.FROZEN)


def test_defaults_are_those_of_the_configuration() -> None:
    assert default_of("epochs") == 10
    assert default_of("augmentation.flip") == "none"
    with pytest.raises(KeyError):
        default_of("mode")
