from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tlcore.data import ordered
from tlcore.data.batches import read_batches
from tlcore.data.catalog import open_dataset
from tlcore.data.importer import import_pictures
from tlcore.data.ordered import ordered_map
from tlcore.errors import PictureError
from tlcore.images.decode import load_picture
from tlcore.workspace import Workspace


def test_batches_come_in_the_order_that_was_asked_for(workspace: Workspace, picture_folder: Path) -> None:
    dataset = open_dataset(workspace, import_pictures(workspace, picture_folder, "pets").id)
    wanted = np.array([20, 3, 3, 11, 0], dtype=np.int64)
    batches = list(read_batches(dataset, wanted, 24, 2, workspace.limits))
    assert [batch.shape for batch in batches] == [(2, 24, 24, 3), (2, 24, 24, 3), (1, 24, 24, 3)]
    expected = [load_picture(dataset.read(int(index)), 24, workspace.limits) for index in wanted]
    assert np.array_equal(np.concatenate(batches), np.stack(expected))
    assert list(read_batches(dataset, wanted[:0], 24, 2, workspace.limits)) == []


def test_a_picture_that_vanished_is_named(workspace: Workspace, picture_folder: Path) -> None:
    info = import_pictures(workspace, picture_folder, "pets")
    dataset = open_dataset(workspace, info.id)
    next((workspace.datasets / "my" / "pets" / "pictures").glob("*/000/000001.*")).unlink()
    with pytest.raises(PictureError, match=r"my/pets: cat/001\.jpg"):
        list(read_batches(dataset, np.arange(4), 24, 2, workspace.limits))


def test_work_is_only_a_little_ahead_and_ends_with_the_reader() -> None:
    taken: list[int] = []

    def items(note: Callable[[int], None]) -> object:
        for number in range(1000):
            note(number)
            yield number

    before = set(threading.enumerate())
    results = ordered_map(lambda number: number * 2, items(taken.append), threads=2, ahead=5)  # type: ignore[arg-type]
    assert [next(results) for _ in range(10)] == list(range(0, 20, 2))
    assert len(taken) <= 15
    results.close()
    left = set(threading.enumerate()) - before
    assert not [thread for thread in left if thread.name.startswith("ordered-map")]


@pytest.mark.parametrize(("processors", "threads"), [(1, 1), (3, 3), (64, 8)])
def test_as_many_threads_decode_as_there_are_processors_to_use(
    processors: int, threads: int, workspace: Workspace, picture_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools: list[int] = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, size: int, **options: str) -> None:
            pools.append(size)
            super().__init__(size, **options)

    monkeypatch.setattr(ordered, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)), raising=False)
    dataset = open_dataset(workspace, import_pictures(workspace, picture_folder, "pets").id)
    pools.clear()
    whole = list(read_batches(dataset, np.arange(24), 16, 24, workspace.limits))
    single = list(read_batches(dataset, np.arange(24), 16, 5, workspace.limits, threads=1))
    assert pools == [threads, 1]
    assert np.array_equal(np.concatenate(whole), np.concatenate(single))
