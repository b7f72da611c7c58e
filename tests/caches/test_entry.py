"""Opening entries and looking at those in use: beside others who look, and where the system refuses."""

from __future__ import annotations

import errno
import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from tests.caches.made_rows import Maker, expected, made_hashes, made_recipe
from tlcore.caches import fill, open_cache
from tlcore.caches.budget import clear, list_items, room
from tlcore.caches.entry import rows_folder
from tlcore.errors import WorkspaceError
from tlcore.locks import take_lock
from tlcore.progress import Silence
from tlcore.workspace import Workspace

HASHES = made_hashes(40)


def test_looking_at_entries_in_use_does_not_wait(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlcore.locks._LOOK_SECONDS", 60.0)
    with ExitStack() as stack:
        for number in range(3):
            stack.enter_context(open_cache(workspace, made_recipe(view=str(number))))
        began = time.monotonic()
        assert [item.in_use for item in list_items(workspace)] == [True] * 3
        assert room(workspace) > 0
        assert clear(workspace).kept_in_use == 3
        assert time.monotonic() - began < 60
    assert not any(item.in_use for item in list_items(workspace))


def test_who_looks_at_that_instant_does_not_stop_an_opening(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlcore.caches.entry.uuid4", lambda: UUID(int=7))
    monkeypatch.setattr("tlcore.caches.entry._USER_SECONDS", 60.0)  # the timer may be late
    users = rows_folder(workspace) / made_recipe().key / "users"
    users.mkdir(parents=True)
    taken = take_lock(users / f"{os.getpid()}-{UUID(int=7).hex}.lock")
    assert taken is not None
    looker = threading.Timer(0.1, taken.release)
    looker.start()
    with open_cache(workspace, made_recipe()) as cache:
        assert len(cache.missing(HASHES)) == 40
    looker.join()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO, errno.EACCES])
def test_a_note_that_can_not_be_read_now_costs_no_rows(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    with open_cache(workspace, made_recipe()) as cache:
        fill(workspace, [cache], HASHES, Maker([cache.recipe], HASHES), Silence())

    def refuse(path: Path) -> Any:
        raise OSError(number, os.strerror(number), str(path))

    with monkeypatch.context() as patch:
        patch.setattr("tlcore.caches.entry.read_json", refuse)
        with pytest.raises(WorkspaceError, match=rf"can't be read or written: {os.strerror(number)}.*entry\.json"):
            open_cache(workspace, made_recipe())
    with open_cache(workspace, made_recipe()) as cache:
        assert len(cache.missing(HASHES)) == 0


def open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def test_an_open_cache_takes_few_descriptors_whatever_is_read(workspace: Workspace) -> None:
    """A hundred kept copies, each read for three parts, must fit into the 1024 that a process has."""
    before = open_files()
    with ExitStack() as stack:
        kept = []
        for number in range(10):
            cache = stack.enter_context(open_cache(workspace, made_recipe(view=str(number))))
            fill(workspace, [cache], HASHES, Maker([cache.recipe], HASHES), Silence())
            for part in (HASHES[:20], HASHES[20:30], HASHES[30:]):
                rows = cache.rows(part)
                assert np.array_equal(rows[:], expected(cache.recipe, part))
                kept.append(rows)
        assert open_files() - before <= 10 * 4
    del kept, rows, cache
    assert open_files() <= before


def test_rows_added_after_others_were_read_are_read_too(workspace: Workspace) -> None:
    with open_cache(workspace, made_recipe()) as cache:
        assert cache.rows([])[:].shape == (0, 160)
        fill(workspace, [cache], HASHES[:10], Maker([cache.recipe], HASHES[:10]), Silence())
        first = cache.rows(HASHES[:10])
        assert np.array_equal(first[:], expected(cache.recipe, HASHES[:10]))
        fill(workspace, [cache], HASHES, Maker([cache.recipe], HASHES), Silence())
        second = cache.rows(HASHES)
        assert np.array_equal(second[:], expected(cache.recipe, HASHES))
        assert np.array_equal(first[:], expected(cache.recipe, HASHES[:10]))
