"""Figures of a classifier from its probabilities: plain arrays in, plain numbers out.

Imported by workers and by `evaluate` only: scikit-learn and SciPy take most of a second to load.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

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
    """`score` with the number of pictures and the 95% interval of the accuracy (Wilson 1927)."""
    plain = score(probabilities, truth)
    right = int((probabilities.argmax(axis=1) == truth).sum())
    interval = binomtest(right, len(truth)).proportion_ci(confidence_level=0.95, method="wilson")
    return TestScore(
        loss=plain.loss,
        accuracy=plain.accuracy,
        count=len(truth),
        accuracy_ci95=(float(interval.low), float(interval.high)),
    )


def class_scores(
    probabilities: NDArray[np.float32], truth: NDArray[np.int32], class_names: tuple[str, ...]
) -> dict[str, ClassScore]:
    """Precision, recall, F1 and number of pictures by class; a figure that would divide by zero is 0."""
    precision, recall, f1, count = precision_recall_fscore_support(
        truth, probabilities.argmax(axis=1), labels=range(len(class_names)), zero_division=0.0
    )
    return {
        name: ClassScore(precision=float(precision[i]), recall=float(recall[i]), f1=float(f1[i]), count=int(count[i]))
        for i, name in enumerate(class_names)
    }


def confusion(probabilities: NDArray[np.float32], truth: NDArray[np.int32]) -> list[list[int]]:
    """Counts of pictures: a row for each true class, a column for each answer."""
    matrix = confusion_matrix(truth, probabilities.argmax(axis=1), labels=range(probabilities.shape[1]))
    return [[int(count) for count in row] for row in matrix]
