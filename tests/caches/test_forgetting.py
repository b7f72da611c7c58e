"""Deleted pictures leave nothing behind, whatever state a killed writer or a damaged file left an entry in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.caches.made_rows import Maker, expected, made_hashes, made_recipe
from tlcore.caches import RowCache, fill, open_cache
from tlcore.caches.budget import forget, list_items
from tlcore.caches.rowfiles import INDEX, ROWS
from tlcore.errors import WorkspaceError
from tlcore.progress import Silence
from tlcore.workspace import Workspace

HASHES = made_hashes(20)
PETS = "my/pets"


def keep(workspace: Workspace) -> RowCache:
    with open_cache(workspace, made_recipe()) as cache:
        fill(workspace, [cache], HASHES, Maker([cache.recipe], HASHES), Silence())
    return cache


@pytest.mark.parametrize("lost", [(ROWS,), (INDEX,), (ROWS, INDEX)])
def test_an_entry_without_its_files_goes_as_a_whole(workspace: Workspace, lost: tuple[str, ...]) -> None:
    cache = keep(workspace)
    for name in lost:
        (cache.folder / name).unlink()
    forget(workspace, PETS, HASHES[:1])
    assert not cache.folder.exists()  # also the rows that no digest names any more
    with open_cache(workspace, made_recipe()) as cache:
        assert len(cache.missing(HASHES)) == 20


def test_rows_that_a_killed_writer_left_without_a_digest_go_too(workspace: Workspace) -> None:
    cache = keep(workspace)
    rows = (cache.folder / ROWS).read_bytes()
    stray = expected(cache.recipe, made_hashes(1, first=500)).tobytes()
    (cache.folder / ROWS).write_bytes(rows + stray + b"torn")
    forget(workspace, PETS, HASHES[3:4])
    assert (cache.folder / ROWS).stat().st_size == len(rows)
    with open_cache(workspace, made_recipe()) as cache:
        assert cache.missing(HASHES).tolist() == [3]


def test_digests_whose_rows_are_lost_go_before_rows_are_erased(workspace: Workspace) -> None:
    """Erasing a row past the file's end would let the lost rows before it come back as zeros."""
    cache = keep(workspace)
    rows = (cache.folder / ROWS).read_bytes()
    (cache.folder / ROWS).write_bytes(rows[: 10 * cache.recipe.row_bytes + 5])
    forget(workspace, PETS, [HASHES[2], HASHES[15]])
    with open_cache(workspace, made_recipe()) as cache:
        assert cache.missing(HASHES).tolist() == [2, *range(10, 20)]
        there = [*HASHES[:2], *HASHES[3:10]]
        assert np.array_equal(cache.rows(there)[:], expected(cache.recipe, there))


def test_what_can_not_be_read_is_told_rather_than_passed_over(
    workspace: Workspace, unreadable: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert list_items(workspace) == ()  # pages show what they can
    assert "can't be read now" in caplog.text
    with pytest.raises(WorkspaceError, match="Input/output error"):
        forget(workspace, PETS)
    assert unreadable.exists()


@pytest.fixture
def unreadable(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = keep(workspace).folder

    def refuse(_: Path) -> Any:
        raise OSError(5, "Input/output error", "entry.json")

    monkeypatch.setattr("tlcore.caches.entry.read_json", refuse)
    return folder
