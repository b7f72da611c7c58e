"""Figures of a classifier from its probabilities: plain arrays in, plain numbers out.

By NumPy alone: every training pays for what is loaded here, and scikit-learn with SciPy's statistics takes 1.4 s, as
long as a small training learns. The tests hold these few lines against theirs.
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from tlcore.evaluation.report import ClassScore, Score, TestScore

_SMALLEST_PROBABILITY = 1e-7  # Keras clips at the same value, so that losses agree


def score(probabilities: NDArray[np.float32], truth: NDArray[np.int32]) -> Score:
    """Mean cross-entropy (natural logarithm) and accuracy.

    Args:
        probabilities: Shape (n, classes), rows summing to 1.
        truth: Shape (n,), indices of the true classes.
    """
    of_truth = probabilities[np.arange(len(truth)), truth]
    loss = -np.log(np.clip(of_truth, _SMALLEST_PROBABILITY, 1.0)).mean()
    accuracy = (probabilities.argmax(axis=1) == truth).mean()
    return Score(loss=float(loss) + 0.0, accuracy=float(accuracy))  # the sum turns -0.0 into 0.0


def score_with_interval(probabilities: NDArray[np.float32], truth: NDArray[np.int32]) -> TestScore:
    """`score` with the number of pictures and the 95% interval of the accuracy."""
    plain = score(probabilities, truth)
    right = int((probabilities.argmax(axis=1) == truth).sum())
    return TestScore(
        loss=plain.loss,
        accuracy=plain.accuracy,
        count=len(truth),
        accuracy_ci95=wilson_interval(right, len(truth)),
    )


def wilson_interval(right: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Where the true share lies when `right` of `count` were right (Wilson 1927, without continuity correction).

    Args:
        right: How many were right, 0 to `count`.
        count: Of how many, at least 1.
        confidence: How often such intervals hold the true share.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = right / count, z * z / count
    middle = (share + weight / 2) / (1 + weight)
    half = z * sqrt(share * (1 - share) / count + weight / (4 * count)) / (1 + weight)
    # At the ends the formula gives exactly 0 and 1; the rounding of the sums must not.
    return (0.0 if right == 0 else middle - half, 1.0 if right == count else middle + half)


def class_scores(
    probabilities: NDArray[np.float32], truth: NDArray[np.int32], class_names: tuple[str, ...]
) -> dict[str, ClassScore]:
    """Precision, recall, F1 and number of pictures by class; a figure that would divide by zero is 0."""
    table = _confusion(probabilities, truth)
    right, answered, there = table.diagonal(), table.sum(axis=0), table.sum(axis=1)
    precision, recall = right / np.maximum(answered, 1), right / np.maximum(there, 1)
    f1 = 2 * right / np.maximum(answered + there, 1)
    return {
        name: ClassScore(precision=float(precision[i]), recall=float(recall[i]), f1=float(f1[i]), count=int(there[i]))
        for i, name in enumerate(class_names)
    }


def confusion(probabilities: NDArray[np.float32], truth: NDArray[np.int32]) -> list[list[int]]:
    """Counts of pictures: a row for each true class, a column for each answer."""
    rows: list[list[int]] = _confusion(probabilities, truth).tolist()
    return rows


def _confusion(probabilities: NDArray[np.float32], truth: NDArray[np.int32]) -> NDArray[np.int64]:
    classes = probabilities.shape[1]
    pairs = np.asarray(truth, dtype=np.int64) * classes + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
