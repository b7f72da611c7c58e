from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from tlcore.caches import Recipe, fill, open_cache
from tlcore.caches.entry import in_use, rows_folder
from tlcore.caches.looking import Shelf
from tlcore.progress import Silence
from tlcore.workspace import Workspace

RECIPE = Recipe("features", "my/pets", (("size", "224"), ("engine", "one")), (3,), "float32", "Some")
HASHES = [hashlib.sha256(bytes([number])).hexdigest() for number in range(10)]


def keep(workspace: Workspace, recipe: Recipe, hashes: list[str]) -> None:
    def rows(positions: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.float32]]]:
        yield (np.zeros((len(positions), *recipe.row), dtype=np.float32),)

    with open_cache(workspace, recipe) as cache:
        fill(workspace, [cache], hashes, rows, Silence())


def test_rows_that_are_there_are_counted_without_opening(workspace: Workspace) -> None:
    assert Shelf.look(workspace).missing(RECIPE, HASHES) == 10
    assert not rows_folder(workspace).exists()  # looking makes nothing
    keep(workspace, RECIPE, HASHES[:4])
    shelf = Shelf.look(workspace)
    assert shelf.missing(RECIPE, HASHES) == 6
    assert shelf.missing(RECIPE, HASHES[:4] * 2) == 0
    assert not in_use(rows_folder(workspace) / RECIPE.key)


def test_the_order_of_parts_and_the_shape_of_rows_decide_nothing(workspace: Workspace) -> None:
    keep(workspace, RECIPE, HASHES)
    other = Recipe("features", "my/pets", RECIPE.parts[::-1], (99,), "float32", "Another title")
    assert Shelf.look(workspace).missing(other, HASHES) == 0


def test_other_parts_are_other_rows(workspace: Workspace) -> None:
    keep(workspace, RECIPE, HASHES)
    shelf = Shelf.look(workspace)
    for other in (
        Recipe("features", "my/pets", (("size", "160"), ("engine", "one")), (3,), "float32", ""),
        Recipe("features", "my/leaves", RECIPE.parts, (3,), "float32", ""),
        Recipe("trunk", "my/pets", RECIPE.parts, (3,), "float32", ""),
        Recipe("features", "my/pets", RECIPE.parts, (3,), "float16", ""),
    ):
        assert shelf.missing(other, HASHES) == 10


def test_torn_and_damaged_entries_count_what_is_whole(workspace: Workspace) -> None:
    keep(workspace, RECIPE, HASHES)
    folder = rows_folder(workspace) / RECIPE.key
    rows = (folder / "rows.bin").read_bytes()
    (folder / "rows.bin").write_bytes(rows[: 7 * 12 + 5])
    assert Shelf.look(workspace).missing(RECIPE, HASHES) == 3
    (folder / "entry.json").write_text("{ torn", encoding="utf-8")
    assert Shelf.look(workspace).missing(RECIPE, HASHES) == 10


@pytest.mark.parametrize("note", ["[]", "null", "7", "{}", '{"parts": 1}'])
def test_a_note_that_says_something_else_counts_as_none(workspace: Workspace, note: str) -> None:
    keep(workspace, RECIPE, HASHES)
    (rows_folder(workspace) / RECIPE.key / "entry.json").write_text(note, encoding="utf-8")
    assert Shelf.look(workspace).missing(RECIPE, HASHES) == 10


def test_what_a_killed_process_left_half_removed_is_not_there(workspace: Workspace) -> None:
    keep(workspace, RECIPE, HASHES)
    (rows_folder(workspace) / RECIPE.key).rename(rows_folder(workspace) / ".gone-1")
    assert Shelf.look(workspace).missing(RECIPE, HASHES) == 10
