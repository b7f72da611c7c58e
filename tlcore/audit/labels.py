"""Labels that are probably wrong: what a linear head, trained on the other pictures, does not believe.

Every picture is judged by heads that did not see it, nor a copy of it. A second round learns without the pictures that
the first one doubts, so that wrong labels don't defend each other (Northcutt, Jiang & Chuang 2021: confident learning).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tlcore.audit.record import Item
from tlcore.data.dataset import Dataset
from tlcore.progress import Reporter, Stopped

TASK: Final = "Looking for wrong labels"

LEAST_PICTURES: Final = 20
"""Fewer different pictures say nothing about labels."""

LEAST_IN_CLASS: Final = 5
"""A class of fewer different pictures is neither judged nor suggested."""

DIMENSIONS: Final = 256

SURE: Final = 0.05
"""A label that the heads believe in less than this is told, whatever the other labels are like."""

LIKELY: Final = 0.5
"""How much more the heads believe in another class, for a label to be told beside surer ones. Where there is none, the
labels are good, and such pictures are difficult rather than mislabelled: of 1,399 clean photos five are like that."""

AGREEMENT: Final = 0.9
"""Share of labels, averaged over the classes, that the heads have to agree with; or else they must hardly ever be in
doubt. Many wrong labels give disagreement without doubt: a fifth of the photos' labels swapped, 0.25 doubtful answers
for each disagreement. Classes that the backbone can't tell apart give both (0.6 to 1.7, patches of those photos 1.4),
and then nothing can be said about labels."""

_DOUBTS: Final = 0.4  # doubtful answers for each disagreement
_DOUBTFUL: Final = 0.5  # lead of the first class over the second

_FOLDS: Final = 5
_DOUBTED: Final = 0.3
_REPEATS: Final = 3  # divisions into folds over which the second round is averaged
_MANY: Final = 5000  # pictures, from which on one division is enough
_STRENGTH: Final = 4000.0  # of the head's freedom: C = 4000 / pictures, at least 1, for points of mean squared length 1
_ITERATIONS: Final = 300


@dataclass(frozen=True)
class Belief:
    """What the heads believe.

    Attributes:
        probabilities: float64, shape (n, classes); rows of zeros where nothing was judged.
        judged: bool, shape (n,).
    """

    probabilities: NDArray[np.float64]
    judged: NDArray[np.bool_]

    def in_label(self, labels: NDArray[np.int32]) -> list[float | None]:
        """How much each picture's label is believed; None where it was not judged."""
        rows = np.arange(len(labels))
        believed = self.probabilities[rows, labels]
        return [float(one) if known else None for one, known in zip(believed, self.judged, strict=True)]


def believe(dataset: Dataset, points: NDArray[np.float32], reporter: Reporter) -> Belief:
    """Out-of-fold probabilities of every picture whose class is large enough.

    Args:
        dataset: Labels, and which pictures are copies of each other.
        points: float32, shape (n, dimensions), of mean squared length 1.
        reporter: Told how many heads are trained, and asked whether to stop.

    Raises:
        Stopped: Somebody asked to stop.
    """
    labels = dataset.labels
    classes = len(dataset.info.class_names)
    different = [len(set(dataset.groups[labels == label].tolist())) for label in range(classes)]
    usable = np.array(different) >= LEAST_IN_CLASS
    judged = usable[labels]
    probabilities = np.zeros((len(labels), classes))
    if usable.sum() < 2 or len(set(dataset.groups[judged].tolist())) < LEAST_PICTURES:
        return Belief(probabilities, np.zeros(len(labels), dtype=np.bool_))
    rows = np.flatnonzero(judged)
    repeats = _REPEATS if len(rows) <= _MANY else 1
    progress = _Progress(reporter, _FOLDS * (1 + repeats))
    first = _out_of_fold(points[rows], labels[rows], dataset.groups[rows], classes, 0, progress)
    trusted = first[np.arange(len(rows)), labels[rows]] > _DOUBTED
    rounds = [
        _out_of_fold(points[rows], labels[rows], dataset.groups[rows], classes, seed, progress, trusted)
        for seed in range(1, 1 + repeats)
    ]
    probabilities[rows] = np.mean(rounds, axis=0)
    return Belief(probabilities, judged)


class _Progress:
    """Counts trained heads."""

    def __init__(self, reporter: Reporter, total: int) -> None:
        self._reporter = reporter
        self._total = total
        self._done = 0
        reporter.progress(TASK, 0, total)

    def step(self) -> None:
        self._done += 1
        self._reporter.progress(TASK, self._done, self._total)
        if self._reporter.stop_requested():
            raise Stopped


def _out_of_fold(
    points: NDArray[np.float32],
    labels: NDArray[np.int32],
    groups: NDArray[np.int32],
    classes: int,
    seed: int,
    progress: _Progress,
    trusted: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    folds = _folds(labels, groups, np.random.default_rng(seed))
    strength = max(1.0, _STRENGTH / len(labels))
    probabilities = np.zeros((len(labels), classes))
    for fold in range(_FOLDS):
        learnt = folds != fold
        if trusted is not None and len(set(labels[learnt & trusted].tolist())) == len(set(labels[learnt].tolist())):
            learnt &= trusted
        asked = np.flatnonzero(folds == fold)
        # Balanced, or the pictures of a small class would all seem to belong to a large one.
        head = LogisticRegression(C=strength, class_weight="balanced", max_iter=_ITERATIONS)
        with threadpool_limits(1):  # threads wait for each other longer than such small products take
            head.fit(points[learnt], labels[learnt])
        if len(asked):
            probabilities[np.ix_(asked, head.classes_)] = head.predict_proba(points[asked])
        progress.step()
    return probabilities


def _folds(labels: NDArray[np.int32], groups: NDArray[np.int32], random: np.random.Generator) -> NDArray[np.int64]:
    """A fold for each picture: every class in all of them, copies in the same one."""
    _, firsts, which = np.unique(groups, return_index=True, return_inverse=True)
    order = random.permutation(len(firsts))
    order = order[np.argsort(labels[firsts[order]], kind="stable")]
    fold_of_group = np.empty(len(firsts), dtype=np.int64)
    fold_of_group[order] = np.arange(len(firsts)) % _FOLDS
    return fold_of_group[which]


def find_wrong_labels(dataset: Dataset, belief: Belief, passed_over: NDArray[np.bool_]) -> list[Item]:
    """Pictures that are probably in the wrong class, the clearest first.

    Args:
        dataset: Labels and keys.
        belief: What the heads believe.
        passed_over: bool, shape (n,): pictures with a worse fault, such as blank ones.
    """
    rows = np.flatnonzero(belief.judged)
    if not len(rows):
        return []
    labels = dataset.labels[rows]
    probabilities = belief.probabilities[rows]
    own = probabilities[np.arange(len(rows)), labels]
    lead = probabilities.max(axis=1) - own
    if not _can_judge(labels, probabilities):
        return []
    clear = (own < SURE) | _confident(labels, probabilities)
    clear &= (lead > 0) & ~passed_over[rows]
    told = clear | ((lead >= LIKELY) & ~passed_over[rows]) if clear.any() else clear
    names = dataset.info.class_names
    items = []
    for place in sorted(np.flatnonzero(told).tolist(), key=lambda place: own[place]):
        row = int(rows[place])
        given, better = names[labels[place]], names[int(probabilities[place].argmax())]
        items.append(
            Item(
                keys=(dataset.keys[row],),
                note=f"Labelled {given}, looks like {better}",
                score=round(1 - float(own[place]), 3),
                suggestion=better,
                affected=(dataset.keys[row],),
                classes=(given,),
            )
        )
    return items


def _can_judge(labels: NDArray[np.int32], probabilities: NDArray[np.float64]) -> bool:
    """Whether the heads know the classes well enough to doubt a label."""
    agree = probabilities.argmax(axis=1) == labels
    agreement = np.mean([agree[labels == label].mean() for label in np.unique(labels)])
    ordered = np.sort(probabilities, axis=1)
    doubtful = ordered[:, -1] - ordered[:, -2] < _DOUBTFUL
    return bool(agreement >= AGREEMENT or doubtful.sum() <= _DOUBTS * (~agree).sum())


def _confident(labels: NDArray[np.int32], probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Labels that confident learning calls wrong."""
    from cleanlab.filter import find_label_issues

    present, compact = np.unique(labels, return_inverse=True)
    shares = probabilities[:, present]
    shares = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-12)
    wrong: NDArray[np.bool_] = find_label_issues(compact, shares, n_jobs=1)
    return wrong
