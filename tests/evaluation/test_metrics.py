import numpy as np
import pytest

from tlcore.evaluation.metrics import class_scores, confusion, score, score_with_interval

PROBABILITIES = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]], dtype=np.float32)
TRUTH = np.array([0, 1, 1, 1], dtype=np.int32)


def test_score_is_mean_cross_entropy_and_share_of_right_answers() -> None:
    result = score(PROBABILITIES, TRUTH)
    assert result.loss == pytest.approx(-np.log([0.9, 0.8, 0.4, 0.7]).mean(), rel=1e-6)
    assert result.accuracy == 0.75


def test_a_certain_wrong_answer_costs_much_but_not_infinitely() -> None:
    result = score(np.array([[1.0, 0.0]], dtype=np.float32), np.array([1]))
    assert 16 < result.loss < 17


def test_interval_is_wilsons() -> None:
    # 87 of 100: Wilson's formula by hand gives 0.7902 to 0.9224, the naive one 0.804 to 0.936.
    probabilities = np.zeros((100, 2), dtype=np.float32)
    probabilities[:, 0] = 1
    truth = np.array([0] * 87 + [1] * 13)
    low, high = score_with_interval(probabilities, truth).accuracy_ci95
    assert (low, high) == (pytest.approx(0.7902, abs=1e-4), pytest.approx(0.9224, abs=1e-4))


def test_interval_of_a_perfect_score_still_allows_errors() -> None:
    low, high = score_with_interval(np.eye(2, dtype=np.float32)[[0] * 20], np.zeros(20, dtype=np.int32)).accuracy_ci95
    assert low < 0.9
    assert high == pytest.approx(1.0)


def test_confusion_has_a_row_for_each_true_class() -> None:
    assert confusion(PROBABILITIES, TRUTH) == [[1, 0], [1, 2]]


def test_class_scores_by_name_and_zero_for_a_class_nobody_answered() -> None:
    scores = class_scores(PROBABILITIES, TRUTH, ("cat", "dog"))
    assert scores["cat"].precision == 0.5
    assert scores["dog"].recall == pytest.approx(2 / 3)
    assert scores["dog"].count == 3
    never = class_scores(np.array([[1.0, 0.0]], dtype=np.float32), np.array([1]), ("cat", "dog"))
    assert never["dog"].precision == never["dog"].f1 == 0.0
