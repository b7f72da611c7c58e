from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.caches.made_rows import Maker, expected, made_hashes, made_recipe
from tlcore.caches import RowCache, fill, open_cache
from tlcore.progress import Silence
from tlcore.workspace import Workspace


def filled(workspace: Workspace, hashes: list[str]) -> RowCache:
    cache = open_cache(workspace, made_recipe())
    fill(workspace, [cache], hashes, Maker([cache.recipe], hashes), Silence())
    return cache


def test_equal_recipes_have_one_key_and_every_part_counts() -> None:
    recipe = made_recipe(size="224", view="1")
    assert recipe.key == replace(recipe, title="other words", parts=recipe.parts[::-1]).key
    others = [
        replace(recipe, dataset="my/other"),
        replace(recipe, row=(80, 2)),
        replace(recipe, dtype="float16"),
        replace(recipe, kind="trunk"),
        replace(recipe, parts=(("size", "224"), ("view", "2"))),
        replace(recipe, parts=(("size", "224"),)),
    ]
    assert len({recipe.key, *(other.key for other in others)}) == 7
    assert recipe.row_bytes == 640


def test_rows_come_in_any_order_and_more_than_once(workspace: Workspace) -> None:
    hashes = made_hashes(50)
    with filled(workspace, hashes) as cache:
        wanted = [hashes[3], hashes[49], hashes[3], hashes[0]]
        rows = cache.rows(wanted)

        assert (len(rows), rows.shape, rows.dtype) == (4, (4, 160), np.float32)
        assert np.array_equal(rows[:], expected(cache.recipe, wanted))
        assert np.array_equal(rows[np.array([3, 1])], expected(cache.recipe, [hashes[0], hashes[49]]))
        assert np.array_equal(rows[1:3], expected(cache.recipe, wanted[1:3]))
        with pytest.raises(IndexError):
            rows[np.array([4])]
        batch = rows[:2]
        batch[:] = 0  # the caller's own: the cache stays as it is
        assert np.array_equal(rows[:], expected(cache.recipe, wanted))


def test_rows_are_there_for_another_process_and_other_pictures(workspace: Workspace) -> None:
    hashes = made_hashes(20)
    filled(workspace, hashes).close()

    with open_cache(workspace, made_recipe()) as cache:
        grown = [*made_hashes(3, first=100), *hashes[::-1], *made_hashes(2, first=100)]
        assert cache.missing(hashes).tolist() == []
        assert cache.missing(grown).tolist() == [0, 1, 2]  # equal pictures are missing once
        with pytest.raises(RuntimeError, match="5 of 25"):
            cache.rows(grown)
    with open_cache(workspace, made_recipe(view="2")) as cache:
        assert len(cache.missing(hashes)) == 20


def test_no_pictures_are_no_rows(workspace: Workspace) -> None:
    with open_cache(workspace, made_recipe()) as cache:
        assert cache.missing([]).tolist() == []
        assert cache.rows([])[:].shape == (0, 160)
        assert fill(workspace, [cache], [], Maker([cache.recipe], []), Silence()) == 0
        with pytest.raises(ValueError, match="SHA-256"):
            cache.missing(["abcd"])


def test_what_was_read_from_once_survives_the_end_of_its_cache(workspace: Workspace) -> None:
    hashes = made_hashes(8)
    cache = filled(workspace, hashes)
    read, unread = cache.rows(hashes), cache.rows(hashes)
    assert len(read[:1]) == 1
    cache.close()
    cache.close()

    assert np.array_equal(read[:], expected(cache.recipe, hashes))
    with pytest.raises(RuntimeError, match="closed"):
        unread[:]
