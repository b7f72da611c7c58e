"""Pictures that exist only as hashes, and rows that can be told from them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlcore.caches import Kind, Recipe
from tlcore.progress import Silence

_ROWS: dict[Kind, tuple[tuple[int, ...], str]] = {
    "images": ((32, 32, 3), "uint8"),
    "features": ((160,), "float32"),
    "trunk": ((4, 4, 24), "float16"),
}


def made_hashes(count: int, first: int = 0) -> list[str]:
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(first, first + count)]


def made_recipe(kind: Kind = "features", dataset: str = "my/pets", **parts: str) -> Recipe:
    row, dtype = _ROWS[kind]
    return Recipe(kind, dataset, tuple(parts.items()), row, dtype, f"{kind} of {dataset}")  # type: ignore[arg-type]


def expected(recipe: Recipe, hashes: Sequence[str]) -> NDArray[Any]:
    """What the rows of these pictures are: their digests, over and over."""
    digests = np.frombuffer(bytes.fromhex("".join(hashes)), dtype=np.uint8).reshape(-1, 32)
    values = np.resize(np.arange(32), int(np.prod(recipe.row)))
    return digests[:, values].reshape(len(hashes), *recipe.row).astype(recipe.dtype)


class Maker:
    """Makes rows in batches, and remembers for which positions it was asked."""

    def __init__(self, recipes: Sequence[Recipe], hashes: Sequence[str], batch: int = 4) -> None:
        self.recipes = recipes
        self.hashes = hashes
        self.batch = batch
        self.asked: list[int] = []
        self.ended = False
        self.before_batch: Callable[[int], None] = lambda _: None

    def __call__(self, positions: NDArray[np.int64]) -> Iterator[tuple[NDArray[Any], ...]]:
        self.asked = positions.tolist()
        try:
            for start in range(0, len(self.asked), self.batch):
                self.before_batch(start)
                some = [self.hashes[position] for position in self.asked[start : start + self.batch]]
                yield tuple(expected(recipe, some) for recipe in self.recipes)
        finally:
            self.ended = True


class Listener(Silence):
    """Remembers the tasks that it was told, and asks for a stop when it is set to."""

    def __init__(self) -> None:
        self.tasks: list[str] = []
        self.stop = False

    def progress(self, task: str, done: int, total: int) -> None:
        assert done <= total
        self.tasks.append(task)

    def stop_requested(self) -> bool:
        return self.stop
