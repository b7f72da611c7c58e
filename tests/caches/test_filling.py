from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.caches.made_rows import Listener, Maker, expected, made_hashes, made_recipe
from tlcore.caches import RowCache, TooLarge, fill, filling, open_cache
from tlcore.caches.rowfiles import INDEX, ROWS, RowFiles
from tlcore.errors import CacheFull, WorkspaceError
from tlcore.progress import Silence, Stopped
from tlcore.workspace import Workspace

HASHES = made_hashes(40)


def check_whole(cache: RowCache, most_missing: int) -> list[int]:
    """All rows that are known are right; returns the positions that are missing."""
    missing = cache.missing(HASHES).tolist()
    there = [digest for position, digest in enumerate(HASHES) if position not in missing]
    assert len(missing) <= most_missing
    assert np.array_equal(cache.rows(there)[:], expected(cache.recipe, there))
    return missing


def test_only_what_is_missing_is_made(workspace: Workspace) -> None:
    with open_cache(workspace, made_recipe()) as cache:
        maker = Maker([cache.recipe], HASHES)
        assert fill(workspace, [cache], HASHES[10:20], Maker([cache.recipe], HASHES[10:20]), Silence()) == 10
        assert fill(workspace, [cache], HASHES + HASHES, maker, Silence()) == 30
        assert maker.asked == [*range(10), *range(20, 40)]
        assert np.array_equal(cache.rows(HASHES)[:], expected(cache.recipe, HASHES))
        assert fill(workspace, [cache], HASHES, maker, Silence()) == 0


def test_several_caches_are_filled_in_one_pass_and_each_with_what_it_lacks(workspace: Workspace) -> None:
    with (
        open_cache(workspace, made_recipe("features")) as features,
        open_cache(workspace, made_recipe("trunk")) as trunk,
    ):
        fill(workspace, [trunk], HASHES[5:30], Maker([trunk.recipe], HASHES[5:30]), Silence())
        fill(workspace, [features], HASHES[:6], Maker([features.recipe], HASHES[:6]), Silence())
        maker = Maker([features.recipe, trunk.recipe], HASHES)

        assert fill(workspace, [features, trunk], HASHES, maker, Silence()) == 39
        assert 5 not in maker.asked
        assert (features.files.count(), trunk.files.count()) == (40, 40)
        for cache in (features, trunk):
            assert np.array_equal(cache.rows(HASHES)[:], expected(cache.recipe, HASHES))


@pytest.mark.parametrize("value", [1e6, -65_520.0])
def test_values_that_are_too_large_are_told_and_what_was_made_before_is_kept(
    workspace: Workspace, value: float
) -> None:
    with open_cache(workspace, made_recipe("trunk")) as trunk:
        fine = np.full((1, 4, 4, 24), -65_504, dtype=np.float32)
        fine[0, 0, 0, :2] = np.inf, np.nan  # not made so by the cast
        large = fine.copy()
        large[0, 3, 3, 23] = value
        with pytest.raises(TooLarge, match="too large for float16"):
            fill(workspace, [trunk], HASHES[:2], lambda _: [(fine,), (large,)], Silence())
        assert trunk.missing(HASHES[:2]).tolist() == [1]
        assert np.array_equal(trunk.rows(HASHES[:1])[:], fine, equal_nan=True)


def test_wrong_shapes_types_and_numbers_are_refused(workspace: Workspace) -> None:
    with open_cache(workspace, made_recipe("trunk")) as trunk, open_cache(workspace, made_recipe("images")) as images:
        large = np.full((1, 4, 4, 24), 1e4, dtype=np.float32)
        with pytest.raises(ValueError, match="shape"):
            fill(workspace, [trunk], HASHES[:2], lambda _: [(large[:, :3],)], Silence())
        with pytest.raises(ValueError, match="float32"):
            fill(workspace, [images], HASHES[:1], lambda _: [(np.zeros((1, 32, 32, 3), np.float32),)], Silence())
        with pytest.raises(RuntimeError, match="1 of 3"):
            fill(workspace, [trunk], HASHES[1:4], lambda _: [(large,)], Silence())


def test_one_cache_is_not_filled_twice_at_once(workspace: Workspace) -> None:
    with open_cache(workspace, made_recipe()) as cache, open_cache(workspace, made_recipe()) as same:
        maker = Maker([cache.recipe, same.recipe], HASHES)
        with pytest.raises(ValueError, match="same recipe"):
            fill(workspace, [cache, same], HASHES, maker, Silence())
        assert maker.asked == []


def fail(error: BaseException) -> Callable[[int], None]:
    def before_batch(done: int) -> None:
        if done == 20:
            raise error

    return before_batch


@pytest.mark.parametrize("error", [RuntimeError("broken picture"), MemoryError(), KeyboardInterrupt(), OSError("x")])
def test_whatever_goes_wrong_whole_rows_stay(workspace: Workspace, error: BaseException) -> None:
    with open_cache(workspace, made_recipe()) as cache:
        maker = Maker([cache.recipe], HASHES)
        maker.before_batch = fail(error)
        with pytest.raises(type(error)):
            fill(workspace, [cache], HASHES, maker, Silence())
        assert check_whole(cache, 20) == list(range(20, 40))
        assert fill(workspace, [cache], HASHES, Maker([cache.recipe], HASHES), Silence()) == 20


def test_a_stop_is_heeded_and_ends_the_maker(workspace: Workspace) -> None:
    listener = Listener()
    with open_cache(workspace, made_recipe()) as cache:
        maker = Maker([cache.recipe], HASHES)
        maker.before_batch = lambda done: setattr(listener, "stop", done == 12)
        with pytest.raises(Stopped):
            fill(workspace, [cache], HASHES, maker, listener)
        assert maker.ended
        assert check_whole(cache, 24) == list(range(16, 40))


def test_who_waits_says_for_what_and_heeds_a_stop(workspace: Workspace) -> None:
    listener = Listener()
    with open_cache(workspace, made_recipe()) as cache, open_cache(workspace, made_recipe()) as second:
        maker, other = Maker([cache.recipe], HASHES), Maker([cache.recipe], HASHES)

        def fill_second(done: int) -> None:
            if done == 20:
                listener.stop = True
                with pytest.raises(Stopped):
                    fill(workspace, [second], HASHES, other, listener)

        maker.before_batch = fill_second
        assert fill(workspace, [cache], HASHES, maker, Silence()) == 40
        assert (listener.tasks, other.asked) == ([filling.WAITING], [])
        assert fill(workspace, [second], HASHES, other, Silence()) == 0


def damage_rows_added(rows: bytes, index: bytes) -> tuple[bytes, bytes]:
    return rows + b"half a row", index


def damage_digest_cut(rows: bytes, index: bytes) -> tuple[bytes, bytes]:
    return rows, index[:-7]


def damage_rows_cut(rows: bytes, index: bytes) -> tuple[bytes, bytes]:
    return rows[: 640 * 25 + 100], index


def damage_all_gone(rows: bytes, index: bytes) -> tuple[bytes, bytes]:
    return b"", index


def damage_index_gone(rows: bytes, index: bytes) -> tuple[bytes, bytes]:
    return rows, b""


@pytest.mark.parametrize(
    ("damage", "lost"),
    [
        (damage_rows_added, 0),
        (damage_digest_cut, 1),
        (damage_rows_cut, 15),
        (damage_all_gone, 40),
        (damage_index_gone, 40),
    ],
)
def test_torn_files_lose_only_what_is_torn(
    workspace: Workspace, damage: Callable[[bytes, bytes], tuple[bytes, bytes]], lost: int
) -> None:
    with open_cache(workspace, made_recipe()) as cache:
        fill(workspace, [cache], HASHES, Maker([cache.recipe], HASHES), Silence())
    files = [cache.folder / ROWS, cache.folder / INDEX]
    for path, data in zip(files, damage(*(path.read_bytes() for path in files)), strict=True):
        path.write_bytes(data)

    with open_cache(workspace, made_recipe()) as cache:
        assert len(check_whole(cache, lost)) == lost
        more = [*HASHES, *made_hashes(1, first=1000)]
        assert fill(workspace, [cache], more, Maker([cache.recipe], more), Silence()) == lost + 1
        assert np.array_equal(cache.rows(more)[:], expected(cache.recipe, more))
    assert files[0].stat().st_size == 41 * 640


@pytest.mark.parametrize("note", ["", "{}", "[1"])
def test_a_damaged_note_begins_the_entry_anew(workspace: Workspace, note: str) -> None:
    with open_cache(workspace, made_recipe()) as cache:
        fill(workspace, [cache], HASHES, Maker([cache.recipe], HASHES), Silence())
    (cache.folder / "entry.json").write_text(note)

    with open_cache(workspace, made_recipe()) as cache:
        assert len(cache.missing(HASHES)) == 40
        assert fill(workspace, [cache], HASHES, Maker([cache.recipe], HASHES), Silence()) == 40


def test_a_full_disk_is_told_and_what_was_done_is_kept(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk ends in the middle of a row, and has no room for digests until rows are given up."""
    append_rows, append_digests = RowFiles.append_rows, RowFiles.append_digests
    monkeypatch.setattr(filling, "_SPARE_BYTES", 640 * 3)

    def append_until_full(files: RowFiles, rows: Any) -> None:
        if files.rows_written() < 20:
            append_rows(files, rows)
        else:
            append_rows(files, rows[:2])
            files._rows.write(b"half a row")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def append_digests_if_room(files: RowFiles, digests: Any) -> None:
        if files.rows_written() > 19:
            files._index.write(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        append_digests(files, digests)

    monkeypatch.setattr(RowFiles, "append_rows", append_until_full)
    monkeypatch.setattr(RowFiles, "append_digests", append_digests_if_room)
    with open_cache(workspace, made_recipe()) as cache:
        with pytest.raises(WorkspaceError, match=r"disk is full.*kept.*smaller image size") as caught:
            fill(workspace, [cache], HASHES, Maker([cache.recipe], HASHES), Silence())
        assert not isinstance(caught.value, CacheFull)
        assert check_whole(cache, 21) == list(range(19, 40))
        monkeypatch.undo()
        assert fill(workspace, [cache], HASHES, Maker([cache.recipe], HASHES), Silence()) == 21
        assert check_whole(cache, 0) == []


@pytest.mark.parametrize("background", [False, True])
def test_a_disk_that_is_full_at_the_very_end_costs_a_few_rows(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, background: bool
) -> None:
    """All rows found room, their digests don't until rows are given up."""
    append_digests = RowFiles.append_digests
    monkeypatch.setattr(filling, "_SPARE_BYTES", 640 * 3)
    monkeypatch.setattr(filling, "_BLOCK_BYTES", 640 * 40 if background else 640 * 1000)

    def append_digests_if_room(files: RowFiles, digests: Any) -> None:
        if files.rows_written() > 37:
            files._index.write(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        append_digests(files, digests)

    monkeypatch.setattr(RowFiles, "append_digests", append_digests_if_room)
    with open_cache(workspace, made_recipe()) as cache:
        with pytest.raises(WorkspaceError, match=r"disk is full.*kept"):
            fill(workspace, [cache], HASHES, Maker([cache.recipe], HASHES), Silence())
        assert check_whole(cache, 3) == [37, 38, 39]
