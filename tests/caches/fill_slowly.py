"""Fills caches in a process of its own, to be killed: HOME KINDS COUNT MILLISECONDS PAUSE [FILE_SIZE_LIMIT].

Says "filling" when it begins to make rows, "waiting" when it hears that it has to wait, then in one JSON line how many
it made and what it was told meanwhile. Once it has made PAUSE rows it says "paused", and goes on when standard input
ends: however slow or quick the machine is, it is still at work until whoever started it wants otherwise.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from tests.caches.made_rows import Listener, Maker, expected, made_hashes, made_recipe
from tlcore.caches import fill, filling, open_cache
from tlcore.errors import StudioError
from tlcore.workspace import Workspace


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Teller(Listener):
    """Says once that it has to wait."""

    def progress(self, task: str, done: int, total: int) -> None:
        super().progress(task, done, total)
        if self.tasks == [filling.WAITING]:
            say("waiting")


def main(home: str, kinds: str, count: str, milliseconds: str, pause: str, limit: str = "") -> None:
    filling._BLOCK_BYTES = 40_000
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    workspace = Workspace.open(Path(home), {})
    hashes = made_hashes(int(count))
    recipes = [made_recipe(kind) for kind in kinds.split(",")]  # type: ignore[arg-type]
    maker = Maker(recipes, hashes)

    def wait(done: int) -> None:
        if not done:
            say("filling")
        if done == int(pause):
            say("paused")
            sys.stdin.read()
        time.sleep(int(milliseconds) / 1000)

    maker.before_batch = wait
    listener = Teller()
    with ExitStack() as stack:
        caches = [stack.enter_context(open_cache(workspace, recipe)) for recipe in recipes]
        try:
            made = fill(workspace, caches, hashes, maker, listener)
        except StudioError as error:
            say(json.dumps({"error": str(error)}))
            return
        right = all(bool(np.array_equal(cache.rows(hashes)[:], expected(cache.recipe, hashes))) for cache in caches)
    say(json.dumps({"made": made, "right": right, "tasks": sorted(set(listener.tasks))}))


if __name__ == "__main__":
    main(*sys.argv[1:])
