from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tlcore.data.catalog import find_dataset, open_dataset
from tlcore.data.importer import import_pictures
from tlcore.data.versions import list_versions, pictures_kept, restore_version
from tlcore.errors import ImportRefused
from tlcore.workspace import Workspace


def test_a_name_that_is_taken_becomes_a_new_version_if_asked(
    workspace: Workspace, picture_folder: Path, tmp_path: Path, make_folder: Callable[..., Path]
) -> None:
    first = import_pictures(workspace, picture_folder, "Pets")
    before = set(open_dataset(workspace, first.id).hashes)
    other = make_folder(tmp_path / "other", coffee=4, rocket=5)
    with pytest.raises(ImportRefused, match=r"already a dataset.*pets-2.*new version"):
        import_pictures(workspace, other, "pets")
    second = import_pictures(workspace, other, "pets", new_version=True)
    assert (second.id, second.name, second.version) == (first.id, "Pets", 2)
    assert second.counts == {"coffee": 4, "rocket": 5}
    assert find_dataset(workspace, first.id) == second
    assert [version.number for version in list_versions(workspace, first.id)] == [2, 1]
    assert len(open_dataset(workspace, first.id)) == 9
    back = restore_version(workspace, first.id, 1)
    assert (back.counts, back.version) == (first.counts, 3)
    assert set(open_dataset(workspace, first.id).hashes) == before


def test_a_new_version_of_nothing_is_a_new_dataset(workspace: Workspace, picture_folder: Path) -> None:
    info = import_pictures(workspace, picture_folder, "pets", new_version=True)
    assert (info.id, info.version) == ("my/pets", 1)


def test_a_refused_new_version_leaves_the_old_one(
    workspace: Workspace, picture_folder: Path, tmp_path: Path, make_folder: Callable[..., Path]
) -> None:
    first = import_pictures(workspace, picture_folder, "pets")
    with pytest.raises(ImportRefused, match="Only one class"):
        import_pictures(workspace, make_folder(tmp_path / "one", cat=2), "pets", new_version=True)
    assert find_dataset(workspace, "my/pets") == first
    assert list(workspace.incoming.iterdir()) == []
    assert len(list((workspace.datasets / "my" / "pets" / "pictures").iterdir())) == 1


def test_pictures_that_somebody_reads_outlast_every_change_until_the_next_one_after(
    workspace: Workspace, picture_folder: Path, tmp_path: Path, make_folder: Callable[..., Path]
) -> None:
    workspace = replace(workspace, limits=replace(workspace.limits, versions=1))
    folder = workspace.datasets / "my" / "pets"
    import_pictures(workspace, picture_folder, "pets")
    with pictures_kept(folder, "20260101-000000-aaaa"):
        read = open_dataset(workspace, "my/pets")
        for number in (1, 2):
            other = make_folder(tmp_path / str(number), coffee=3 + number, rocket=3)
            import_pictures(workspace, other, "pets", new_version=True)
        assert [version.number for version in list_versions(workspace, "my/pets") if version.restorable] == []
        assert read.read(0)
        assert len(list((folder / "pictures").iterdir())) == 3
    assert not list(folder.glob("reading-*"))
    import_pictures(workspace, picture_folder, "pets", new_version=True)
    assert len(list((folder / "pictures").iterdir())) == 1
