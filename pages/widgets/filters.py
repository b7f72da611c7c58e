"""Which of a dataset's pictures are shown: by class, by part, and by what is the matter with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.widgets.audits import last_check
from tlcore.audit.findings import Finding, FindingKind
from tlcore.data.dataset import PARTS, DatasetInfo
from tlcore.data.stored import StoredDataset

ALL: Final = ""
IN_USE: Final = "in use"
LEFT_OUT: Final = "left out"
EVERYTHING: Final = "everything"

_PART_NAMES: Final = {"train": "Training", "validation": "Validation", "test": "Test", "none": "In no part"}

PROBLEM_NAMES: Final[dict[str, str]] = {
    FindingKind.LEAK: "In two parts at once",
    FindingKind.TWO_CLASSES: "In two classes at once",
    FindingKind.LABEL: "Maybe the wrong class",
    FindingKind.BLANK: "Blank",
    FindingKind.OUTLIER: "Unlike the others",
    FindingKind.EXACT_COPIES: "Exact copies",
    FindingKind.NEAR_COPIES: "Near-copies",
    FindingKind.TINY: "Tiny",
}
"""What the filter calls the kinds of findings that are about pictures."""


@dataclass(frozen=True)
class Filter:
    """What is asked for.

    Attributes:
        class_name: One class, or `ALL`.
        part: One part, "none" for pictures that are in none, or `ALL`.
        problem: `IN_USE`, `LEFT_OUT`, `EVERYTHING`, or a kind of finding.
    """

    class_name: str = ALL
    part: str = ALL
    problem: str = IN_USE


def problem_key(dataset_id: str) -> str:
    """Key of the field that chooses a problem, for those who lead to it."""
    return f"gallery-show-{dataset_id}"


def choose_filter(info: DatasetInfo) -> Filter:
    """The fields. What was chosen stays chosen when another tab or page is opened."""
    findings = _about_pictures(info)
    with st.container(horizontal=True, gap="small"):
        class_name = _class_field(info)
        part = _part_field(info)
        problem = _problem_field(info, findings)
    return Filter(class_name, part, problem)


def _class_field(info: DatasetInfo) -> str:
    counts = info.counts or {}
    names = {ALL: "All classes"}
    names |= {name: f"{name} ({counts.get(name, 0):,})" for name in info.class_names}
    return _field(f"gallery-class-{info.id}", "Class", names, "Shows one class. In brackets: pictures in use.")


def _part_field(info: DatasetInfo) -> str:
    if not info.parts:
        return ALL
    names = {ALL: "All parts"} | {part: f"{_PART_NAMES[part]} ({info.parts.get(part, 0):,})" for part in PARTS}
    loose = (info.pictures or 0) - sum(info.parts.values())
    if loose:
        names["none"] = f"{_PART_NAMES['none']} ({loose:,})"
    return _field(f"gallery-part-{info.id}", "Part", names, "The parts that the dataset's makers divided it into.")


def _problem_field(info: DatasetInfo, findings: Sequence[Finding]) -> str:
    names = {IN_USE: f"In use ({info.pictures or 0:,})"}
    if info.excluded:
        names[LEFT_OUT] = f"Left out ({info.excluded:,})"
        names[EVERYTHING] = f"Both ({(info.pictures or 0) + info.excluded:,})"
    for finding in findings:
        keys = {key for item in finding.items for key in item.keys}
        names[finding.kind.value] = f"{PROBLEM_NAMES[finding.kind]} ({len(keys):,})"
    explanation = "Pictures that are left out take no part in training. Problems are what the check found (tab Check)."
    return _field(problem_key(info.id), "Show", names, explanation)


def _field(key: str, label: str, names: dict[str, str], explanation: str) -> str:
    if st.session_state.get(key) not in names:
        st.session_state[key] = next(iter(names))
    chosen = st.selectbox(
        label, list(names), format_func=names.__getitem__, key=key, help=explanation, persist_state="session", width=220
    )
    return str(chosen)


def _about_pictures(info: DatasetInfo) -> list[Finding]:
    check = last_check(info)
    return [] if check is None else [finding for finding in check.open if finding.kind in PROBLEM_NAMES]


def matching(dataset: StoredDataset, wanted: Filter) -> NDArray[np.int64]:
    """Indices of the pictures that are asked for: copies side by side, other problems the clearest first, else the
    classes in turn, so that the first page shows some of each."""
    chosen = np.ones(len(dataset), dtype=bool)
    if wanted.problem not in (LEFT_OUT, EVERYTHING):
        chosen &= np.fromiter((reason is None for reason in dataset.exclusions), bool, len(dataset))
    elif wanted.problem == LEFT_OUT:
        chosen &= np.fromiter((reason is not None for reason in dataset.exclusions), bool, len(dataset))
    if wanted.class_name != ALL:
        names = dataset.info.class_names
        label = names.index(wanted.class_name) if wanted.class_name in names else -1
        chosen &= dataset.labels == label
    if wanted.part != ALL:
        part = None if wanted.part == "none" else wanted.part
        chosen &= np.fromiter((one == part for one in dataset.parts), bool, len(dataset))
    if wanted.problem in PROBLEM_NAMES:
        return _of_problem(dataset, wanted.problem, chosen)
    return _in_turn(dataset, np.flatnonzero(chosen))


def _of_problem(dataset: StoredDataset, problem: str, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    findings = [finding for finding in _about_pictures(dataset.info) if finding.kind == problem]
    keys = dict.fromkeys(key for finding in findings for item in finding.items for key in item.keys)
    places = [dataset.index_of(key) for key in keys]
    return np.array([place for place in places if place is not None and chosen[place]], dtype=np.int64)


def _in_turn(dataset: StoredDataset, indices: NDArray[np.int64]) -> NDArray[np.int64]:
    labels = dataset.labels[indices]
    order = np.argsort(labels, kind="stable")
    sorted_labels = labels[order]
    starts = np.searchsorted(sorted_labels, sorted_labels)
    return indices[order[np.argsort(np.arange(len(order)) - starts, kind="stable")]]
