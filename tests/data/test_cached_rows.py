"""What becomes of cached rows when a dataset is changed or deleted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.caches.made_rows import Maker, expected, made_recipe
from tlcore.caches import fill, open_cache
from tlcore.caches.budget import list_items
from tlcore.data.catalog import delete_dataset, open_dataset
from tlcore.data.edits import exclude, move_pictures, remove_class, remove_pictures
from tlcore.data.importer import import_pictures
from tlcore.data.stored import dataset_folder, read_rows
from tlcore.data.versions import restore_version
from tlcore.errors import DatasetError
from tlcore.progress import Silence
from tlcore.workspace import Workspace

RECIPE = made_recipe()


def hashes_of(workspace: Workspace) -> dict[str, str]:
    folder = dataset_folder(workspace, "my/pets")
    return {row.key: row.sha256 for row in read_rows(folder, open_dataset(workspace, "my/pets").info.version)}


@pytest.fixture
def pets(workspace: Workspace, picture_folder: Path) -> dict[str, str]:
    """my/pets with all rows cached: 12 photos of cats and 12 of coffee, by key."""
    import_pictures(workspace, picture_folder, "pets")
    hashes = hashes_of(workspace)
    wanted = list(hashes.values())
    with open_cache(workspace, RECIPE) as cache:
        assert fill(workspace, [cache], wanted, Maker([RECIPE], wanted), Silence()) == 24
    return hashes


def missing(workspace: Workspace, hashes: dict[str, str]) -> list[str]:
    """Keys whose rows are not cached; the others' are checked."""
    keys = list(hashes)
    with open_cache(workspace, RECIPE) as cache:
        absent = [keys[position] for position in cache.missing(list(hashes.values()))]
        there = [hashes[key] for key in keys if key not in absent]
        assert np.array_equal(cache.rows(there)[:], expected(RECIPE, there))
    return absent


def test_edits_that_keep_the_pictures_keep_their_rows(workspace: Workspace, pets: dict[str, str]) -> None:
    move_pictures(workspace, "my/pets", ["cat/001.jpg"], "coffee")
    exclude(workspace, "my/pets", ["cat/002.jpg"], "blurred")
    restore_version(workspace, "my/pets", 1)
    assert missing(workspace, pets) == []


def test_removed_pictures_take_their_rows_with_them(workspace: Workspace, pets: dict[str, str]) -> None:
    remove_pictures(workspace, "my/pets", ["cat/001.jpg", "cat/007.jpg"])
    assert missing(workspace, pets) == ["cat/001.jpg", "cat/007.jpg"]
    remove_class(workspace, "my/pets", "coffee")
    assert len(missing(workspace, pets)) == 14
    with pytest.raises(DatasetError, match="not in the dataset"):
        remove_pictures(workspace, "my/pets", ["cat/003.jpg", "cat/none.jpg"])
    assert len(missing(workspace, pets)) == 14


def test_a_deleted_dataset_takes_all_rows_with_it(workspace: Workspace, pets: dict[str, str]) -> None:
    with pytest.raises(DatasetError):
        delete_dataset(workspace, "my/other")
    assert len(list_items(workspace)) == 1
    delete_dataset(workspace, "my/pets")
    assert list_items(workspace) == ()
    assert len(missing(workspace, pets)) == 24
