"""The findings of a check, as pages and the command line use them: what is still open, and fixing it.

Light: nothing here loads scikit-learn, OpenVINO or TensorFlow.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from tlcore.audit.balance import find_in_counts
from tlcore.audit.dismissals import Case, case_of
from tlcore.audit.files import Map, read_audit, read_average, read_map
from tlcore.audit.record import SEVERITIES, Action, Audit, Finding, FindingKind, Fix, Item, Severity
from tlcore.audit.words import make_finding, reason, worst_first
from tlcore.data.catalog import find_dataset, open_dataset
from tlcore.data.dataset import Dataset, DatasetInfo
from tlcore.data.edits import exclude, move_pictures
from tlcore.errors import DatasetError
from tlcore.workspace import Workspace

__all__ = [
    "SEVERITIES",
    "Action",
    "Audit",
    "Finding",
    "FindingKind",
    "Fix",
    "Item",
    "Map",
    "Severity",
    "apply_fix",
    "open_findings",
    "read_audit",
    "read_average",
    "read_map",
]

_COUNTED: Final = frozenset({FindingKind.UNREADABLE, FindingKind.SMALL_CLASS, FindingKind.IMBALANCE})
"""What can be seen without looking at the pictures is looked up afresh."""

_COPIES: Final = frozenset({FindingKind.EXACT_COPIES, FindingKind.NEAR_COPIES})


class _Now:
    """The dataset as it is now, by key; without the pictures that got the name of another one since the check."""

    def __init__(self, dataset: Dataset, contents: Mapping[str, str] | None = None) -> None:
        known = contents or {}
        self._dataset = dataset
        self._places = {
            key: place
            for place, (key, digest) in enumerate(zip(dataset.keys, dataset.hashes, strict=True))
            if known.get(key, digest) == digest
        }

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def class_of(self, key: str) -> str:
        return self._dataset.info.class_names[int(self._dataset.labels[self._places[key]])]

    def part_of(self, key: str) -> str | None:
        return self._dataset.parts[self._places[key]]


def open_findings(audit: Audit, dataset: Dataset, dismissed: Collection[Case] = frozenset()) -> tuple[Finding, ...]:
    """What a check found and nobody has mended since, the worst first.

    Args:
        audit: The check.
        dataset: The dataset as it is now, without the pictures that were left out.
        dismissed: Cases that somebody called right; see `tlcore.audit.dismissals`.
    """
    now = _Now(dataset, audit.contents)
    findings = find_in_counts(dataset)
    for finding in audit.findings:
        if finding.kind not in _COUNTED:
            told = [item for item in finding.items if case_of(finding.kind, item) not in dismissed]
            items = [still for item in told if (still := _still_open(finding.kind, item, now))]
            if items:
                findings.append(make_finding(finding.kind, items, len(dataset)))
    return worst_first(findings)


def _still_open(kind: FindingKind, item: Item, now: _Now) -> Item | None:
    """The case without the pictures that are gone; None when there is nothing left to mend."""
    was = dict(zip(item.keys, item.classes, strict=False))
    keys = [key for key in item.keys if key in now]
    if kind in _COPIES:
        return None if len(keys) < 2 else _item(item, keys, keys[1:], was)
    if kind is FindingKind.LEAK:
        parts = [now.part_of(key) for key in keys]
        affected = [key for key, part in zip(keys, parts, strict=True) if part != parts[0]]
        return _item(item, keys, affected, was) if affected else None
    if kind is FindingKind.TWO_CLASSES:
        classes = {now.class_of(key) for key in keys}
        affected = [key for key in item.affected if key in now]
        return _item(item, keys, affected, was) if len(classes) > 1 and affected else None
    if kind is FindingKind.LABEL:
        keys = [key for key in keys if now.class_of(key) == was.get(key)]
    return _item(item, keys, keys, was) if keys else None


def _item(item: Item, keys: Sequence[str], affected: Sequence[str], was: dict[str, str]) -> Item:
    classes = tuple(was[key] for key in keys if key in was)
    return item.model_copy(update={"keys": tuple(keys), "affected": tuple(affected), "classes": classes})


def apply_fix(
    workspace: Workspace, dataset_id: str, finding: Finding, items: Sequence[Item] | None = None
) -> DatasetInfo:
    """Does what a finding's fix says: the pictures are left out, which can be undone, or given another class.

    Args:
        workspace: Where the dataset is.
        dataset_id: Which dataset.
        finding: What to mend.
        items: These of its cases; None is all that `finding.fix` names, which are those that the check is sure of.

    Returns:
        The dataset's new state; the old one when everything was mended already.

    Raises:
        DatasetError: There is nothing that a click can mend, the dataset is unknown, or somebody else is changing it.
        WorkspaceError: The disk is full or can't be written.
    """
    dataset = open_dataset(workspace, dataset_id)
    now = _Now(dataset)
    if finding.kind in _COUNTED or (finding.fix is None and items is None):
        raise DatasetError("One click can't mend this", value=finding.title, hint=finding.cost)
    chosen = finding.items if items is None else items
    cases = [still for item in chosen if (still := _still_open(finding.kind, item, now))]
    targets = {key: item.suggestion for item in cases for key in item.affected}
    if items is None and finding.fix is not None:
        meant = set(finding.fix.keys)
        targets = {key: target for key, target in targets.items() if key in meant}
    if not targets:
        return find_dataset(workspace, dataset_id)
    if finding.kind is not FindingKind.LABEL:
        return exclude(workspace, dataset_id, tuple(targets), reason(finding.kind))
    for class_name in dict.fromkeys(targets.values()):
        keys = [key for key, target in targets.items() if target == class_name]
        info = move_pictures(workspace, dataset_id, keys, class_name)
    return info
