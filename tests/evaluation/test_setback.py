import pytest

from tests.pages.made_runs import made_report
from tlcore.config import Mode, RunConfig
from tlcore.evaluation.report import Report
from tlcore.evaluation.setback import Setback, setback_of


def fine_tuned(before: float, after: float) -> Report:
    """A run of both phases with a hundred validation pictures."""
    report = made_report("a", mode=Mode.FINE_TUNE, validation=before)
    return report.model_copy(update={"validation": report.validation.model_copy(update={"accuracy": after})})


@pytest.mark.parametrize(("before", "after"), [(0.9, 0.95), (0.9, 0.9), (0.9, 0.84), (0.0, 0.0)])
def test_what_chance_explains_is_no_setback(before: float, after: float) -> None:
    assert setback_of(fine_tuned(before, after)) is None


def test_a_model_that_fine_tuning_ruined_is_told() -> None:
    assert setback_of(fine_tuned(0.89, 0.1)) == Setback(0.89, 0.1, "validation")
    assert setback_of(fine_tuned(0.9, 0.82)) is not None


def test_what_went_into_fine_tuning_is_the_best_round_of_the_head_not_its_last() -> None:
    report = fine_tuned(0.9, 0.6)
    first, second, third, *rest = report.history
    best_in_the_middle = (
        first,
        second.model_copy(update={"val_loss": 0.01, "val_accuracy": 0.95}),
        third.model_copy(update={"val_accuracy": 0.5}),
        *rest,
    )
    found = setback_of(report.model_copy(update={"history": best_in_the_middle}))
    assert found is not None
    assert found.before == 0.95
    keeps_last = report.config.model_copy(
        update={"early_stopping": report.config.early_stopping.model_copy(update={"restore_best": False})}
    )
    assert setback_of(report.model_copy(update={"history": best_in_the_middle, "config": keeps_last})) is None


def test_a_run_that_goes_on_from_another_is_held_against_that_ones_model() -> None:
    report = made_report("a", mode=Mode.FINE_TUNE, test=0.6)
    report = report.model_copy(
        update={
            "history": report.history[3:],
            "baseline": report.baseline.model_copy(update={"accuracy": 0.9}),
            "config": RunConfig.model_validate(report.config.to_json() | {"from_run": "b"}),
        }
    )
    assert setback_of(report) == Setback(0.9, 0.6, "test")


def test_a_head_has_nothing_that_fine_tuning_could_spoil() -> None:
    report = made_report("a", validation=0.9)
    assert (
        setback_of(report.model_copy(update={"validation": report.validation.model_copy(update={"accuracy": 0.2})}))
        is None
    )
