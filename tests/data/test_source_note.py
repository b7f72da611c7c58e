"""A path is imported once, until it or its dataset changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tlcore.cli.follow import StderrReporter
from tlcore.data.edits import exclude, keep_together, remove_pictures
from tlcore.data.importer import find_or_import, import_pictures
from tlcore.data.stored import StoredDataset
from tlcore.data.versions import restore_version
from tlcore.files import read_json, write_json
from tlcore.workspace import Workspace

Crop = Callable[..., bytes]


def test_a_path_is_imported_once_until_it_changes(
    workspace: Workspace, make_folder: Callable[..., Path], tmp_path: Path, crop: Crop
) -> None:
    folder = make_folder(tmp_path / "leaves", cat=2, coffee=2)
    first = find_or_import(workspace, folder)
    assert first.id == "my/leaves"
    assert find_or_import(workspace, folder) == first
    (folder / "cat/new.jpg").write_bytes(crop("cat", 7))
    second = find_or_import(workspace, folder)
    assert second.id == "my/leaves-2"
    assert second.pictures == 5
    assert find_or_import(workspace, folder) == second
    other = make_folder(tmp_path / "elsewhere/leaves", cat=1, coffee=1)
    assert find_or_import(workspace, other).id == "my/leaves-3"


def test_a_path_is_imported_anew_where_its_dataset_was_changed_since(
    workspace: Workspace, make_folder: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_folder(tmp_path / "leaves", cat=3, coffee=3)
    first = find_or_import(workspace, folder)
    remove_pictures(workspace, first.id, [StoredDataset.open(workspace.datasets / first.id).keys[0]])
    second = find_or_import(workspace, folder, StderrReporter())
    assert (second.id, second.pictures) == ("my/leaves-2", 6)
    assert "my/leaves was changed since" in capsys.readouterr().err
    assert find_or_import(workspace, folder).id == second.id
    exclude(workspace, second.id, [StoredDataset.open(workspace.datasets / second.id).keys[0]], "blurred")
    third = find_or_import(workspace, folder)
    assert third.id == "my/leaves-3"
    restore_version(workspace, second.id, 1)
    assert find_or_import(workspace, folder).id == second.id


def test_what_the_check_notes_of_near_copies_is_no_change(
    workspace: Workspace, make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_folder(tmp_path / "leaves", cat=3, coffee=3)
    first = find_or_import(workspace, folder)
    noted = keep_together(workspace, first.id, [StoredDataset.open(workspace.datasets / first.id).keys[:2]])
    assert noted.fingerprint != first.fingerprint
    assert find_or_import(workspace, folder) == noted


def test_a_new_version_of_the_same_name_is_found_by_what_it_was_made_of(
    workspace: Workspace, make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    old, new = (make_folder(tmp_path / name, cat=count, coffee=2) for name, count in (("old", 2), ("new", 3)))
    find_or_import(workspace, old)
    import_pictures(workspace, new, "old", new_version=True)
    assert find_or_import(workspace, new).id == "my/old"
    assert find_or_import(workspace, old).id == "my/old-2"


def test_a_note_of_an_older_program_is_believed_while_there_is_one_version(
    workspace: Workspace, make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_folder(tmp_path / "leaves", cat=3, coffee=3)
    first = find_or_import(workspace, folder)
    note = workspace.datasets / first.id / "source.json"
    write_json(note, {"stamp": read_json(note)["stamp"]})
    assert find_or_import(workspace, folder) == first
    exclude(workspace, first.id, [StoredDataset.open(workspace.datasets / first.id).keys[0]], "blurred")
    assert find_or_import(workspace, folder).id == "my/leaves-2"
