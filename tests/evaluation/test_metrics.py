import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from tlcore.evaluation.metrics import class_scores, confusion, score, score_with_interval, wilson_interval

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


@pytest.mark.parametrize(("right", "count"), [(0, 1), (1, 1), (0, 20), (20, 20), (7, 9), (138, 140), (19999, 20000)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_intervals_are_those_of_scipy(right: int, count: int, confidence: float) -> None:
    theirs = binomtest(right, count).proportion_ci(confidence, method="wilson")
    assert wilson_interval(right, count, confidence) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize("classes", [2, 3, 11])
def test_tables_and_scores_are_those_of_scikit_learn(classes: int) -> None:
    dice = np.random.default_rng(classes)
    # The last class is nobody's, and the one before it nobody answers: both divide by zero.
    truth = dice.integers(0, max(classes - 1, 1), 60).astype(np.int32)
    probabilities = dice.dirichlet(np.ones(classes), 60).astype(np.float32)
    probabilities[:, classes - 2] = 0
    answers, names = probabilities.argmax(axis=1), tuple(f"class {i}" for i in range(classes))
    assert confusion(probabilities, truth) == confusion_matrix(truth, answers, labels=range(classes)).tolist()
    theirs = precision_recall_fscore_support(truth, answers, labels=range(classes), zero_division=0.0)
    ours = [(s.precision, s.recall, s.f1, s.count) for s in class_scores(probabilities, truth, names).values()]
    np.testing.assert_allclose(np.array(ours).T, np.array(theirs), atol=1e-12)
