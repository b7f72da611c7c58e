"""What is still open after somebody mended things, and the one click that mends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tlcore.audit.copies import find_copies
from tlcore.audit.dismissals import case_of
from tlcore.audit.findings import Audit, Finding, FindingKind, Item, apply_fix, open_findings, read_audit
from tlcore.audit.words import make_finding, worst_first
from tlcore.data.catalog import open_dataset
from tlcore.data.edits import exclude, move_pictures
from tlcore.data.importer import import_pictures
from tlcore.data.versions import list_versions
from tlcore.errors import DatasetError
from tlcore.workspace import Workspace


def audit_of(*findings: Finding) -> Audit:
    return Audit(
        dataset_id="my/pets",
        version=1,
        fingerprint="",
        created=datetime.now(UTC),
        pictures=24,
        seconds={},
        findings=findings,
    )


def single(kind: FindingKind, key: str, class_name: str, **values: Any) -> Item:
    return Item(keys=(key,), note="", affected=(key,), classes=(class_name,), **values)


@pytest.fixture
def pets(workspace: Workspace, picture_folder: Path) -> Workspace:
    """A workspace with my/pets: 12 cats and 12 coffees."""
    import_pictures(workspace, picture_folder, "pets")
    return workspace


@pytest.fixture
def labels() -> Finding:
    """Two cats that look like coffee; the check is sure of the first."""
    items = [
        single(FindingKind.LABEL, "cat/000.jpg", "cat", suggestion="coffee", score=0.97),
        single(FindingKind.LABEL, "cat/001.jpg", "cat", suggestion="coffee", score=0.7),
    ]
    return make_finding(FindingKind.LABEL, items, 24)


def test_the_one_click_moves_only_what_is_sure(pets: Workspace, labels: Finding) -> None:
    assert labels.fix is not None
    assert (labels.fix.action, labels.fix.keys, labels.fix.classes) == ("move", ("cat/000.jpg",), ("coffee",))
    info = apply_fix(pets, "my/pets", labels)
    assert info.counts == {"cat": 11, "coffee": 13}
    (left,) = open_findings(audit_of(labels), open_dataset(pets, "my/pets"))
    assert [item.keys for item in left.items] == [("cat/001.jpg",)]
    assert left.title.startswith("1 picture may")
    assert left.fix is None  # what the check is not sure of is moved one by one
    info = apply_fix(pets, "my/pets", left, left.items)
    assert info.counts == {"cat": 10, "coffee": 14}
    assert open_findings(audit_of(labels), open_dataset(pets, "my/pets")) == ()


def test_a_label_that_was_corrected_by_hand_or_left_out_is_no_longer_open(pets: Workspace, labels: Finding) -> None:
    move_pictures(pets, "my/pets", ["cat/000.jpg"], "coffee")
    exclude(pets, "my/pets", ["cat/001.jpg"], "by hand")
    assert open_findings(audit_of(labels), open_dataset(pets, "my/pets")) == ()


def test_mending_twice_changes_nothing(pets: Workspace, labels: Finding) -> None:
    first = apply_fix(pets, "my/pets", labels)
    assert apply_fix(pets, "my/pets", labels) == first
    assert first.version == 2


def test_copies_are_left_out_but_one_and_the_history_says_why(pets: Workspace) -> None:
    keys = ("cat/000.jpg", "cat/001.jpg", "cat/002.jpg")
    copies = make_finding(
        FindingKind.EXACT_COPIES, [Item(keys=keys, note="", affected=keys[1:], classes=("cat",) * 3)], 24
    )
    exclude(pets, "my/pets", [keys[0]], "by hand")
    (left,) = open_findings(audit_of(copies), open_dataset(pets, "my/pets"))
    assert left.items[0].affected == keys[2:]  # one always stays
    apply_fix(pets, "my/pets", left)
    dataset = open_dataset(pets, "my/pets")
    assert keys[1] in dataset.keys
    assert keys[2] not in dataset.keys
    assert "exact copy" in list_versions(pets, "my/pets")[0].change
    assert open_findings(audit_of(copies), dataset) == ()


def test_only_the_cases_that_were_picked_are_mended(pets: Workspace) -> None:
    items = [single(FindingKind.BLANK, f"cat/00{number}.jpg", "cat") for number in range(3)]
    blank = make_finding(FindingKind.BLANK, items, 24)
    assert apply_fix(pets, "my/pets", blank, items[:1]).excluded == 1
    assert apply_fix(pets, "my/pets", blank, []).excluded == 1
    assert apply_fix(pets, "my/pets", blank).excluded == 3


def test_what_no_click_can_mend_is_refused_in_words(pets: Workspace) -> None:
    for kind in (FindingKind.IMBALANCE, FindingKind.SMALL_CLASS, FindingKind.UNREADABLE):
        finding = make_finding(kind, [Item(keys=(), note="cat: 2 pictures", suggestion="cat")], 24)
        with pytest.raises(DatasetError, match="One click"):
            apply_fix(pets, "my/pets", finding)
    assert open_dataset(pets, "my/pets").info.version == 1


def test_a_contradiction_is_open_while_both_classes_have_the_picture(listed: Callable[..., Any]) -> None:
    before = listed([0, 1, 0], contents="aab")
    finding = make_finding(FindingKind.TWO_CLASSES, find_copies(before, [0.9, 0.1, None])[FindingKind.TWO_CLASSES], 3)
    assert finding.items[0].affected == ("k1",)
    after = listed([0, 0, 0], contents="aab", classes=2)
    assert [one.kind for one in open_findings(audit_of(finding), before)].count(FindingKind.TWO_CLASSES) == 1
    assert FindingKind.TWO_CLASSES not in [one.kind for one in open_findings(audit_of(finding), after)]


def test_a_leak_is_mended_where_it_was_made(listed: Callable[..., Any]) -> None:
    before = listed([0, 0, 0], contents="aaa", parts=["train", "test", "train"])
    finding = make_finding(FindingKind.LEAK, find_copies(before, [None] * 3)[FindingKind.LEAK], 3)
    assert finding.items[0].keys == ("k1", "k0", "k2")
    assert finding.fix is not None
    assert finding.fix.keys == ("k0", "k2")
    assert finding.severity == "high"


def test_sizes_are_looked_up_afresh(listed: Callable[..., Any]) -> None:
    dataset = listed([0] * 6 + [1] * 40, rejected=["broken.jpg"])
    kinds = {finding.kind: finding for finding in open_findings(audit_of(), dataset)}
    assert set(kinds) == {FindingKind.UNREADABLE, FindingKind.IMBALANCE}
    assert "class1 has 40 pictures and class0 has 6 pictures" in kinds[FindingKind.IMBALANCE].title
    assert "class weights" in kinds[FindingKind.IMBALANCE].cost
    assert kinds[FindingKind.UNREADABLE].items[0].keys == ("broken.jpg",)
    outdated = make_finding(FindingKind.SMALL_CLASS, [Item(keys=(), note="gone")], 46)
    assert FindingKind.SMALL_CLASS not in {one.kind for one in open_findings(audit_of(outdated), dataset)}


def test_a_series_is_not_offered_to_be_thinned_out(listed: Callable[..., Any]) -> None:
    items = [Item(keys=tuple(f"k{n}" for n in range(40)), note="", affected=tuple(f"k{n}" for n in range(1, 40)))]
    assert make_finding(FindingKind.NEAR_COPIES, items, 100).fix is None
    assert make_finding(FindingKind.NEAR_COPIES, items, 1000).fix is not None


def test_few_wrong_labels_weigh_less_than_many(labels: Finding) -> None:
    assert labels.severity == "high"
    few = make_finding(FindingKind.LABEL, labels.items, 1000)
    tiny = make_finding(FindingKind.TINY, labels.items, 1000)
    leak = make_finding(FindingKind.LEAK, labels.items, 1000)
    assert few.severity == "medium"
    assert worst_first([tiny, few, leak]) == (leak, few, tiny)


def test_what_was_never_checked_has_no_check(workspace: Workspace) -> None:
    assert read_audit(workspace, "my/pets") is None


def test_what_was_called_right_is_not_open(pets: Workspace, labels: Finding) -> None:
    dataset = open_dataset(pets, "my/pets")
    right = case_of(labels.kind, labels.items[0])
    (still,) = [one for one in open_findings(audit_of(labels), dataset, {right}) if one.kind is FindingKind.LABEL]
    assert [item.keys for item in still.items] == [("cat/001.jpg",)]
    every = {case_of(labels.kind, item) for item in labels.items}
    assert FindingKind.LABEL not in [one.kind for one in open_findings(audit_of(labels), dataset, every)]


def test_another_picture_of_the_same_name_is_not_suspected(pets: Workspace, labels: Finding) -> None:
    dataset = open_dataset(pets, "my/pets")
    contents = {"cat/000.jpg": "of the picture that had this name", "cat/001.jpg": dataset.hashes[1]}
    audit = audit_of(labels).model_copy(update={"contents": contents})
    (still,) = [one for one in open_findings(audit, dataset) if one.kind is FindingKind.LABEL]
    assert [item.keys for item in still.items] == [("cat/001.jpg",)]
