"""Where the time of a run went, which engine computed, and its settings: as the Results page tells it."""

from __future__ import annotations

import pytest

from pages.widgets.result_settings import settings_table
from pages.widgets.result_time import engine_words, memory_words, merged_words, points_text, steps
from tests.pages.app_pages import open_page, text_of
from tests.pages.made_runs import add_run, made_report
from tlcore.config import Mode, RunConfig
from tlcore.evaluation.report import Agreement
from tlcore.workspace import Workspace

_ENGINE = {"features": "openvino", "predictions": "openvino", "device": "CPU", "precision": "float32"}
_FEATURES = "Reading the pictures and computing features"
_SECONDS = {"total": 42.0, "prepare": 1.0, "features": 20.0, "train": 12.0, "evaluate": 6.0}


def test_steps_add_up_and_say_what_was_kept() -> None:
    report = made_report("r1", more={"seconds": _SECONDS, "cache": {"features": "miss"}})

    found = {step.name: step for step in steps(report)}

    assert sum(step.seconds for step in found.values()) == pytest.approx(42)
    assert found["Starting and saving"].seconds == pytest.approx(3)
    assert "kept for the next run" in found[_FEATURES].about
    assert found["Training"].about == "3 rounds of the new last layer"
    assert found["Building the model"].about == ""


def test_what_was_found_ready_is_told_though_it_took_no_time() -> None:
    seconds = _SECONDS | {"features": 0.0, "prepare": 0.0}
    ready = made_report("r1", more={"seconds": seconds, "cache": {"features": "hit", "trunk": "hit"}})
    none = made_report("r1", more={"seconds": seconds, "cache": {}})

    about = {step.name: step.about for step in steps(ready)}

    assert "found ready from an earlier run" in about[_FEATURES]
    assert "was ready too" in about[_FEATURES]
    assert "Building the model" not in about
    assert _FEATURES not in {step.name for step in steps(none)}


def test_pictures_that_are_read_without_features_are_told_with_the_model() -> None:
    report = made_report("r1", mode=Mode.SCRATCH, more={"seconds": _SECONDS, "cache": {"images": "hit"}})

    (first, *_) = steps(report)

    assert first.name == "Building the model and reading the pictures"
    assert "found ready" in first.about


def test_the_engine_is_told_with_its_reason() -> None:
    speeds = {"openvino": 565.7, "tensorflow": 368.6}
    cache = {"features": "miss"}
    won = "OpenVINO: 566 pictures a second in a short race on this machine, TensorFlow 369"
    half = "OpenVINO in bfloat16, as chosen: faster, and the features differ by some percent"
    other = "OpenVINO could not convert the model: predictions go through a worker with Keras."

    def words(*notes: str) -> str:
        report = made_report("r1", more={"cache": cache, "engine": _ENGINE | {"speeds": speeds, "notes": notes}})
        return engine_words(report).replace("\\", "")

    assert words(won).startswith(
        f"The locked part of the network ran in {won}. OpenVINO and TensorFlow are two programs"
    )
    assert words(other, half).startswith(f"The locked part of the network ran in {half}. In a short race at full")
    assert "OpenVINO 566, TensorFlow 369 pictures a second" in words(half)
    assert words(other).startswith("The locked part of the network ran in OpenVINO.")


def test_a_run_without_features_says_that_the_whole_network_ran() -> None:
    scratch = made_report("r1", mode=Mode.SCRATCH, more={"engine": _ENGINE | {"features": "tensorflow"}})

    assert engine_words(scratch) == "The whole network ran in TensorFlow, in every round."


def test_a_merged_model_that_differs_is_told_apart_from_one_that_does_not() -> None:
    same = merged_words(Agreement(compared=140, same_answer=140, largest_difference=2e-6))
    other = merged_words(Agreement(compared=140, same_answer=139, largest_difference=0.02))

    assert "same answer on all 140 test pictures" in same
    assert "warning" not in same
    assert "139 of 140" in other
    assert "warning" in other
    assert merged_words(None) == ""


def test_memory_is_told_where_it_is_known() -> None:
    assert "912 MB" in memory_words(made_report("r1", more={"memory_bytes": 912_000_000}))
    assert memory_words(made_report("r1")) == ""


def test_the_page_tells_all_of_it(home: Workspace) -> None:
    more = {
        "seconds": _SECONDS,
        "cache": {"features": "hit"},
        "plan_notes": ["The disk is too small: *everything* is read anew."],
    }
    add_run(home, "r1", mode=Mode.FINE_TUNE, more=more | {"memory_bytes": 912_000_000})

    text = text_of(open_page("results", run="r1"))

    assert "The disk is too small: *everything* is read anew." in text
    assert "The locked part of the network ran in OpenVINO" in text
    assert "912 MB" in text


def test_settings_are_told_in_words_and_those_without_a_use_left_out() -> None:
    table = settings_table(
        RunConfig.build(dataset="my/pets", augmentation={"flip": "both", "views": 4}, image_size=160)
    ).set_index("Name")

    assert table.loc["augmentation.flip", "Value"] == "Both"
    assert table.loc["augmentation.views", "Value"] == "4 made once and kept"
    assert table.loc["backbone", "Value"] == "EfficientNet-Lite0"
    assert table.loc["early_stopping.patience", "Value"] == "Never"
    assert table.loc["early_stopping.restore_best", "Value"] == "Yes"
    assert table.loc["image_size", "Value"] == "160"
    assert table.loc["learning_rate", "Setting"] == "Learning rate"
    assert not {"fine_tune_epochs", "optimizer.momentum", "unfreeze", "schema_version"} & set(table.index)


def test_settings_of_each_mode_are_those_that_it_reads() -> None:
    tuned = settings_table(RunConfig.build(dataset="x", mode="finetune", fine_tune_at=0))
    scratch = settings_table(RunConfig.build(dataset="x", mode="scratch", augmentation={"flip": "both"}))

    assert {"fine_tune_epochs", "fine_tune_at", "compute.engine"} <= set(tuned["Name"])
    assert not {"augmentation.views", "compute.engine", "compute.precision"} & set(scratch["Name"])


def test_what_was_found_and_what_was_made_are_told_apart() -> None:
    def about(features: str, trunk: str) -> str:
        cache = {"features": features, "trunk": trunk}
        report = made_report("r1", mode=Mode.FINE_TUNE, more={"seconds": _SECONDS, "cache": cache})
        return {step.name: step.about for step in steps(report)}[_FEATURES]

    assert about("hit", "miss") == (
        "the features were found ready from an earlier run; what the unlocked part learns from was not: it was made "
        "now, once for each picture, and kept for the next run"
    )
    assert about("miss", "hit").startswith("what the unlocked part learns from was found ready")
    assert "found ready" not in about("miss", "miss")
    assert "made" not in about("hit", "hit")


def test_differences_of_probabilities_are_told_in_points() -> None:
    assert points_text(2e-6) == "less than 0.001 points"
    assert points_text(0.02) == "up to 2 points"
    same = merged_words(Agreement(compared=140, same_answer=140, largest_difference=2e-6))
    assert "e-0" not in same
    assert "unlocked part" in same
