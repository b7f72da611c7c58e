"""Real processes that fill caches: killed, at once, and on a disk that ends."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.caches.made_rows import Maker, expected, made_hashes, made_recipe
from tlcore.caches import Kind, fill, filling, open_cache
from tlcore.progress import Silence
from tlcore.workspace import Workspace

ROOT = Path(__file__).parents[2]
KILLS = 10
COUNT = 4000


def start(workspace: Workspace, kinds: str, count: int = COUNT, milliseconds: int = 1, limit: int | str = "") -> Any:
    arguments = [workspace.root, kinds, count, milliseconds, *([limit] if limit else [])]
    command = [sys.executable, "-m", "tests.caches.fill_slowly", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def last_line(process: Any) -> dict[str, Any]:
    out, _ = process.communicate(timeout=120)
    return json.loads(out.splitlines()[-1])  # type: ignore[no-any-return]


@pytest.mark.parametrize("kinds", ["images", "features", "features,trunk"])
def test_killed_at_any_moment_the_next_one_is_right_and_uses_what_was_whole(workspace: Workspace, kinds: str) -> None:
    dice = random.Random(kinds)  # noqa: S311 - moments to kill at
    hashes = made_hashes(COUNT)
    recipes = [made_recipe(kind) for kind in kinds.split(",")]  # type: ignore[arg-type]
    whole = [0] * len(recipes)
    for _ in range(KILLS):
        process = start(workspace, kinds)
        assert process.stdout.readline() == "filling\n"
        time.sleep(dice.uniform(0, 0.12))
        process.kill()
        process.communicate()
        for number, recipe in enumerate(recipes):
            with open_cache(workspace, recipe) as cache:
                lacking = set(cache.missing(hashes).tolist())
                there = [digest for position, digest in enumerate(hashes) if position not in lacking]
                assert np.array_equal(cache.rows(there)[:], expected(recipe, there))
                assert len(there) >= whole[number]
                whole[number] = len(there)
    assert min(whole) > 0
    assert max(whole) < COUNT  # all ten were killed while they worked

    ended = last_line(start(workspace, kinds, milliseconds=0))
    assert (ended["made"], ended["right"]) == (COUNT - min(whole), True)


def test_of_two_at_once_one_works_and_both_read_the_same(workspace: Workspace) -> None:
    first = start(workspace, "features,trunk", 1000, 4)
    assert first.stdout.readline() == "filling\n"
    second = start(workspace, "trunk,features", 1000, 4)
    outcomes = [last_line(first), last_line(second)]

    assert [outcome["made"] for outcome in outcomes] == [1000, 0]
    assert all(outcome["right"] for outcome in outcomes)
    assert [outcome["tasks"] for outcome in outcomes] == [[], [filling.WAITING]]


def test_who_waits_takes_over_where_the_other_was_killed(workspace: Workspace) -> None:
    first = start(workspace, "images", 1000, 4)
    assert first.stdout.readline() == "filling\n"
    second = start(workspace, "images", 1000, 0)
    time.sleep(0.6)
    first.kill()
    first.communicate()
    outcome = last_line(second)

    assert outcome["right"]
    assert 0 < outcome["made"] < 1000


@pytest.mark.parametrize("kind", ["images", "features"])
def test_a_file_that_may_not_grow_is_told_and_what_fits_is_kept(workspace: Workspace, kind: Kind) -> None:
    recipe, hashes = made_recipe(kind), made_hashes(200)
    most = 50 * recipe.row_bytes + 100
    process = start(workspace, kind, 200, 0, limit=most)
    assert "what was done so far is kept" in last_line(process)["error"]
    assert process.returncode == 0

    with open_cache(workspace, recipe) as cache:
        assert len(cache.missing(hashes)) == 150
        assert np.array_equal(cache.rows(hashes[:50])[:], expected(recipe, hashes[:50]))
        assert fill(workspace, [cache], hashes, Maker([recipe], hashes), Silence()) == 150
