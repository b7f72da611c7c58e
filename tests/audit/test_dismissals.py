"""What somebody called right is not told again, and is told again on request."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlcore.audit.dismissals import Case, case_of, dismiss, read_dismissed, recall
from tlcore.audit.files import audit_folder
from tlcore.audit.record import FindingKind, Item
from tlcore.data.importer import import_pictures
from tlcore.errors import WorkspaceError
from tlcore.workspace import Workspace

ODD = Item(keys=("cat/001.jpg",), note="", affected=("cat/001.jpg",), classes=("cat",))
PAIR = Item(keys=("cat/001.jpg", "cat/000.jpg"), note="", affected=("cat/000.jpg",), classes=("cat", "cat"))


@pytest.fixture
def pets(workspace: Workspace, picture_folder: Path) -> Workspace:
    import_pictures(workspace, picture_folder, "pets")
    audit_folder(workspace, "my/pets").mkdir()
    return workspace


def test_a_case_is_the_same_in_another_order_and_another_with_another_class() -> None:
    turned = PAIR.model_copy(update={"keys": PAIR.keys[::-1]})
    assert case_of(FindingKind.NEAR_COPIES, turned) == case_of(FindingKind.NEAR_COPIES, PAIR)
    moved = ODD.model_copy(update={"classes": ("coffee",)})
    assert case_of(FindingKind.LABEL, moved) != case_of(FindingKind.LABEL, ODD)
    assert case_of(FindingKind.OUTLIER, ODD) != case_of(FindingKind.LABEL, ODD)


def test_cases_are_noted_and_recalled(pets: Workspace) -> None:
    assert read_dismissed(pets, "my/pets") == frozenset()
    dismiss(pets, "my/pets", FindingKind.LABEL, [ODD])
    dismiss(pets, "my/pets", FindingKind.NEAR_COPIES, [PAIR])
    odd = Case(kind=FindingKind.LABEL, keys=("cat/001.jpg",), classes=("cat",))
    assert odd in read_dismissed(pets, "my/pets")
    assert len(read_dismissed(pets, "my/pets")) == 2
    recall(pets, "my/pets", [odd])
    assert read_dismissed(pets, "my/pets") == {case_of(FindingKind.NEAR_COPIES, PAIR)}


def test_a_damaged_list_is_an_empty_one_and_a_missing_folder_an_error(pets: Workspace) -> None:
    (audit_folder(pets, "my/pets") / "dismissed.json").write_text('[{"kind": "nonsense"}]')
    assert read_dismissed(pets, "my/pets") == frozenset()
    with pytest.raises(WorkspaceError, match="not here any more"):
        dismiss(pets, "my/nothing", FindingKind.LABEL, [ODD])
    assert not (pets.datasets / "my/nothing").exists()
