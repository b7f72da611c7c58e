"""Real processes that fill caches: killed, at once, and on a disk that ends."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.caches.made_rows import Maker, expected, made_hashes, made_recipe
from tlcore.caches import Kind, fill, filling, open_cache
from tlcore.progress import Silence
from tlcore.workspace import Workspace

Start = Callable[..., Any]

ROOT = Path(__file__).parents[2]
KILLS = 10
COUNT = 4000
MOST_AT_ONCE = 360  # rows: none of so many that are killed gets to the end
ROWS_OF_A_BLOCK = 100  # at most: all rows but those of the last two blocks are known for certain
NEVER = -1


@pytest.fixture
def start(workspace: Workspace) -> Iterator[Start]:
    """start("images", 1000, pause=200): fills caches in a process of its own, which ends with the test."""
    started: list[Any] = []

    def begin(kinds: str, count: int = COUNT, milliseconds: int = 0, pause: int = NEVER, limit: int | str = "") -> Any:
        arguments = [workspace.root, kinds, count, milliseconds, pause, *([limit] if limit else [])]
        command = [sys.executable, "-m", "tests.caches.fill_slowly", *map(str, arguments)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        started.append(subprocess.Popen(command, cwd=ROOT, text=True, **pipes))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def last_line(process: Any) -> dict[str, Any]:
    """What it says in the end; what had paused goes on."""
    out, _ = process.communicate(timeout=300)
    return json.loads(out.splitlines()[-1])  # type: ignore[no-any-return]


@pytest.mark.parametrize("kinds", ["images", "features", "features,trunk"])
def test_killed_at_any_moment_the_next_one_is_right_and_uses_what_was_whole(
    workspace: Workspace, start: Start, kinds: str
) -> None:
    dice = random.Random(kinds)  # noqa: S311 - moments to kill at
    hashes = made_hashes(COUNT)
    recipes = [made_recipe(kind) for kind in kinds.split(",")]  # type: ignore[arg-type]
    whole = [0] * len(recipes)
    for kill in range(KILLS):
        process = start(kinds, milliseconds=1, pause=MOST_AT_ONCE)
        assert process.stdout.readline() == "filling\n"
        if kill == KILLS - 1:  # so much is done by one of them however slow the machine is
            assert process.stdout.readline() == "paused\n"
        else:
            time.sleep(dice.uniform(0, 0.12))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL  # it was killed while it worked
        for number, recipe in enumerate(recipes):
            with open_cache(workspace, recipe) as cache:
                lacking = set(cache.missing(hashes).tolist())
                there = [digest for position, digest in enumerate(hashes) if position not in lacking]
                assert np.array_equal(cache.rows(there)[:], expected(recipe, there))
                assert len(there) >= whole[number]
                whole[number] = len(there)
    assert min(whole) >= MOST_AT_ONCE - 2 * ROWS_OF_A_BLOCK
    assert max(whole) < COUNT

    ended = last_line(start(kinds))
    assert (ended["made"], ended["right"]) == (COUNT - min(whole), True)


def test_of_two_at_once_one_works_and_both_read_the_same(start: Start) -> None:
    first = start("features,trunk", 1000, pause=500)
    assert first.stdout.readline() == "filling\n"
    second = start("trunk,features", 1000)
    assert second.stdout.readline() == "waiting\n"
    outcomes = [last_line(first), last_line(second)]

    assert [outcome["made"] for outcome in outcomes] == [1000, 0]
    assert all(outcome["right"] for outcome in outcomes)
    assert [outcome["tasks"] for outcome in outcomes] == [[], [filling.WAITING]]


def test_who_waits_takes_over_where_the_other_was_killed(start: Start) -> None:
    first = start("images", 1000, pause=3 * ROWS_OF_A_BLOCK)
    assert [first.stdout.readline() for _ in range(2)] == ["filling\n", "paused\n"]
    second = start("images", 1000)
    assert second.stdout.readline() == "waiting\n"
    first.kill()
    first.communicate()
    outcome = last_line(second)

    assert outcome["right"]
    assert 0 < outcome["made"] < 1000


@pytest.mark.parametrize("kind", ["images", "features"])
def test_a_file_that_may_not_grow_is_told_and_what_fits_is_kept(workspace: Workspace, start: Start, kind: Kind) -> None:
    recipe, hashes = made_recipe(kind), made_hashes(200)
    most = 50 * recipe.row_bytes + 100
    process = start(kind, 200, limit=most)
    assert "what was done so far is kept" in last_line(process)["error"]
    assert process.returncode == 0

    with open_cache(workspace, recipe) as cache:
        assert len(cache.missing(hashes)) == 150
        assert np.array_equal(cache.rows(hashes[:50])[:], expected(recipe, hashes[:50]))
        assert fill(workspace, [cache], hashes, Maker([recipe], hashes), Silence()) == 150
