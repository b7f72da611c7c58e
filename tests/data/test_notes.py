from __future__ import annotations

import pytest

from tlcore.data.edits import create_dataset, rename_class
from tlcore.data.notes import LONGEST, read_notes, write_notes
from tlcore.errors import DatasetError, WorkspaceError
from tlcore.workspace import Workspace


def test_notes_stay_through_changes_of_the_dataset(workspace: Workspace) -> None:
    info = create_dataset(workspace, "leaves", ["oak", "maple"])
    assert read_notes(workspace, info.id) == ""

    write_notes(workspace, info.id, "Collected in Größen.\n猫")
    rename_class(workspace, info.id, "oak", "red oak")

    assert read_notes(workspace, info.id) == "Collected in Größen.\n猫"


def test_notes_of_nothing_and_endless_notes_are_refused(workspace: Workspace) -> None:
    info = create_dataset(workspace, "leaves")

    with pytest.raises(DatasetError, match="no such dataset"):
        write_notes(workspace, "my/nothing", "text")
    with pytest.raises(DatasetError, match="too long"):
        write_notes(workspace, info.id, "a" * (LONGEST + 1))
    assert read_notes(workspace, info.id) == ""


def test_damaged_notes_are_told(workspace: Workspace) -> None:
    info = create_dataset(workspace, "leaves")
    write_notes(workspace, info.id, "text")
    (workspace.datasets / "my" / "leaves" / "notes.txt").write_bytes(b"\xff\xfe\xff")

    with pytest.raises(WorkspaceError, match="can't be read"):
        read_notes(workspace, info.id)
