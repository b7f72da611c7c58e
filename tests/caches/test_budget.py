from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.caches.made_rows import Maker, expected, made_hashes, made_recipe
from tlcore.caches import Recipe, fill, open_cache
from tlcore.caches.budget import Cleared, clear, forget, list_items, reserve, room, used
from tlcore.caches.entry import promised_growth
from tlcore.data.thumbnail_store import ThumbnailStore, store_path
from tlcore.errors import CacheFull
from tlcore.progress import Silence
from tlcore.workspace import Workspace

HASHES = made_hashes(100)
ENTRY_BYTES = 100 * (640 + 32)


def with_budget(workspace: Workspace, size: int) -> Workspace:
    return replace(workspace, limits=replace(workspace.limits, cache_bytes=size))


def keep(workspace: Workspace, name: str, days: float = 0, dataset: str = "my/pets") -> Recipe:
    """A filled entry that was used so many days ago."""
    recipe = replace(made_recipe(dataset=dataset, name=name), title=name)
    with open_cache(workspace, recipe) as cache:
        fill(workspace, [cache], HASHES, Maker([recipe], HASHES), Silence())
    seconds = (cache.folder / "used").stat().st_mtime - days * 86_400
    os.utime(cache.folder / "used", (seconds, seconds))
    return recipe


def keep_network(workspace: Workspace, name: str, size: int) -> list[Path]:
    paths = [workspace.engines / f"{name}{suffix}" for suffix in (".bin", ".json", ".xml")]
    for path in paths:
        path.write_bytes(bytes(size))
        os.utime(path, (0, 0))
    return paths


def titles(workspace: Workspace) -> list[str]:
    return [item.title for item in list_items(workspace)]


def test_what_is_held_is_listed_by_its_last_use(workspace: Workspace) -> None:
    keep(workspace, "new")
    keep(workspace, "old", days=9, dataset="my/other")
    paths = keep_network(workspace, "efficientnet-lite0-224-0123456789abcdef", 1000)
    (workspace.engines / ".being-written.xml").write_bytes(b"x")
    with ThumbnailStore(store_path(workspace)) as store:
        store.put({"a": b"copy"}, 100)
    items = list_items(workspace)

    assert [item.kind for item in items] == ["networks", "features", "features", "thumbnails"]
    assert items[0].title == "efficientnet-lite0, 224 pixels"
    assert (items[0].bytes, set(items[0].paths), items[0].dataset) == (3000, set(paths), "")
    assert [(item.title, item.dataset, item.bytes) for item in items[1:3]] == [
        ("old", "my/other", ENTRY_BYTES),
        ("new", "my/pets", ENTRY_BYTES),
    ]
    assert used(items) == 3000 + 2 * ENTRY_BYTES
    assert not any(item.in_use for item in items)


def test_what_was_used_longest_ago_makes_way_and_networks_last(workspace: Workspace) -> None:
    small = with_budget(workspace, int(3.5 * ENTRY_BYTES))
    for name, days in (("a week ago", 7), ("yesterday", 1), ("a month ago", 30)):
        keep(small, name, days)
    keep_network(small, "network", ENTRY_BYTES // 12)

    keep(small, "now", 0.1)
    assert titles(small) == ["network", "a week ago", "yesterday", "now"]

    with open_cache(small, made_recipe(name="a week ago")):
        pass  # a look is a use
    keep(small, "again")
    assert titles(small)[:2] == ["network", "now"]
    assert set(titles(small)[2:]) == {"a week ago", "again"}  # in one tick of the file system's clock, perhaps


def test_what_is_in_use_never_makes_way(workspace: Workspace) -> None:
    small = with_budget(workspace, int(2.5 * ENTRY_BYTES))
    oldest, other = keep(small, "oldest", 30), keep(small, "other", 1)
    with open_cache(small, oldest) as cache:
        keep(small, "now")
        assert set(titles(small)) == {"oldest", "now"}
        assert np.array_equal(cache.rows(HASHES)[:], expected(oldest, HASHES))
        assert room(small) == int(2.5 * ENTRY_BYTES) - ENTRY_BYTES
    with open_cache(small, other) as cache:
        assert len(cache.missing(HASHES)) == 100


def test_where_there_is_no_room_nothing_is_evicted_and_nothing_made(workspace: Workspace) -> None:
    small = with_budget(workspace, int(2.5 * ENTRY_BYTES))
    recipe = keep(small, "kept", 1)
    keep(small, "free", 2)
    many = made_hashes(400)
    maker = Maker([made_recipe()], many)
    with open_cache(small, recipe), open_cache(small, made_recipe()) as cache:
        with pytest.raises(CacheFull, match=r"Received: 0 MB where 0 MB.*TLCORE_CACHE_GB"):
            fill(small, [cache], many, maker, Silence())
        assert maker.asked == []
        assert {"kept", "free"} < set(titles(small))
        # The same entry still takes what fits.
        assert fill(small, [cache], many[:100], Maker([made_recipe()], many), Silence()) == 100


def test_the_disk_keeps_some_room_free(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(workspace, "old", 2)
    free = 10_000

    def disk_usage(_: Path) -> object:
        taken = sum(item.bytes for item in list_items(workspace))
        return type("Usage", (), {"total": 4_000_000, "free": 200_000 + free + ENTRY_BYTES - taken})

    monkeypatch.setattr("tlcore.caches.budget.shutil.disk_usage", disk_usage)
    assert room(workspace) == free + ENTRY_BYTES
    keep(workspace, "new")
    assert titles(workspace) == ["new"]
    with open_cache(workspace, made_recipe(name="new")), open_cache(workspace, made_recipe()) as cache:
        with pytest.raises(CacheFull, match="disk has no room"):
            fill(workspace, [cache], HASHES, Maker([cache.recipe], HASHES), Silence())
        assert room(workspace) == free


def test_what_one_was_promised_the_other_does_not_get(workspace: Workspace) -> None:
    small = with_budget(workspace, int(1.5 * ENTRY_BYTES))
    seen: list[int] = []
    with open_cache(small, made_recipe()) as cache, open_cache(small, made_recipe(name="other")) as other:
        maker = Maker([cache.recipe], HASHES)

        def want_the_same(done: int) -> None:
            if done == 40:
                seen.extend((room(small), promised_growth(small)))
                with pytest.raises(CacheFull):
                    fill(small, [other], HASHES, Maker([other.recipe], HASHES), Silence())

        maker.before_batch = want_the_same
        fill(small, [cache], HASHES, maker, Silence())
        assert seen[0] == ENTRY_BYTES // 2
        assert 0 < seen[1] <= ENTRY_BYTES
        assert promised_growth(small) == 0
    # What a killed process was promised is void.
    (cache.folder / "promised").write_text("999999999")
    assert used(list_items(small)) == ENTRY_BYTES


def test_clearing_takes_what_is_asked_for_and_keeps_what_is_in_use(workspace: Workspace) -> None:
    pets, birds = keep(workspace, "pets"), keep(workspace, "birds", dataset="my/birds")
    keep_network(workspace, "network", 10)
    assert clear(workspace, dataset="my/none") == Cleared(0, 0, 0)
    assert clear(workspace, ["images", "trunk"]) == Cleared(0, 0, 0)
    assert clear(workspace, ["networks"], "my/pets") == Cleared(0, 0, 0)
    with open_cache(workspace, pets):
        assert clear(workspace, ["features"]) == Cleared(1, ENTRY_BYTES, 1)
        assert titles(workspace) == ["network", "pets"]
    assert clear(workspace) == Cleared(2, ENTRY_BYTES + 30, 0)
    assert titles(workspace) == []
    with open_cache(workspace, birds) as cache:
        assert len(cache.missing(HASHES)) == 100


def test_small_copies_are_cleared_under_those_who_have_them_open(workspace: Workspace) -> None:
    path = store_path(workspace)
    with ThumbnailStore(path) as store:
        store.put({str(number): bytes(10_000) for number in range(200)}, 100)
        cleared = clear(workspace, ["thumbnails"])
        assert cleared.bytes > 2_000_000
        assert store.get(["1"], 100) == {}
        store.put({"1": b"again"}, 100)
        assert store.get(["1"], 100) == {"1": b"again"}
        assert sum(item.bytes for item in list_items(workspace)) < 200_000


def test_a_damaged_file_of_small_copies_is_cleared_too(workspace: Workspace) -> None:
    store_path(workspace).write_bytes(b"no database" * 1000)
    assert clear(workspace) == Cleared(1, 11_000, 0)
    assert not store_path(workspace).exists()


def test_a_dataset_is_forgotten_also_while_it_is_used(workspace: Workspace) -> None:
    pets, birds = keep(workspace, "pets"), keep(workspace, "birds", dataset="my/birds")
    with open_cache(workspace, pets) as cache:
        rows = cache.rows(HASHES)
        forget(workspace, "my/pets")

        assert titles(workspace) == ["birds"]
        assert np.array_equal(rows[:], expected(pets, HASHES))  # who is at work reads on
        more = made_hashes(20, first=500)
        assert fill(workspace, [cache], more, Maker([pets], more), Silence()) == 20
        with open_cache(workspace, pets) as fresh:
            assert len(fresh.missing(HASHES + more)) == 120
    with open_cache(workspace, birds) as cache:
        assert len(cache.missing(HASHES)) == 0


def bytes_on_disk(workspace: Workspace) -> bytes:
    return b"".join(path.read_bytes() for path in workspace.cache.rglob("*") if path.is_file())


@pytest.mark.parametrize("used_now", [False, True])
def test_single_pictures_leave_no_byte_behind_and_the_others_stay(workspace: Workspace, used_now: bool) -> None:
    pets = keep(workspace, "pets")
    gone, kept = [HASHES[0], HASHES[7], HASHES[99]], [HASHES[1], HASHES[98]]
    traces = [expected(pets, [digest]).tobytes() for digest in gone]
    assert all(trace in bytes_on_disk(workspace) for trace in traces)
    with ExitStack() as stack:
        if used_now:
            rows = stack.enter_context(open_cache(workspace, pets)).rows(HASHES)
        forget(workspace, "my/other", gone)
        forget(workspace, "my/pets", [])
        assert traces[0] in bytes_on_disk(workspace)

        forget(workspace, "my/pets", gone)

        found = bytes_on_disk(workspace)
        assert not any(trace in found for trace in traces)
        assert not any(bytes.fromhex(digest) in found for digest in gone)
        if used_now:
            assert np.array_equal(rows[:], expected(pets, HASHES))
    with open_cache(workspace, pets) as cache:
        assert len(cache.missing(gone)) == 3
        assert len(cache.missing(kept)) == (2 if used_now else 0)
        fill(workspace, [cache], HASHES, Maker([pets], HASHES), Silence())
        assert np.array_equal(cache.rows(HASHES)[:], expected(pets, HASHES))


def test_what_killed_processes_left_is_swept(workspace: Workspace) -> None:
    recipe = keep(workspace, "pets")
    folder = workspace.cache / "rows"
    (folder / ".gone-1").mkdir()
    (folder / ".gone-1" / "rows.bin").write_bytes(b"half removed")
    stale = folder / recipe.key / "users" / "1-dead.lock"
    stale.touch()
    reserve(workspace, {})
    assert not (folder / ".gone-1").exists()
    assert not stale.exists()
    assert titles(workspace) == ["pets"]


def test_without_any_cache_there_is_nothing_to_do(workspace: Workspace) -> None:
    forget(workspace, "my/pets")
    assert (list_items(workspace), clear(workspace)) == ((), Cleared(0, 0, 0))
    assert room(workspace) <= workspace.limits.cache_bytes


def refuse(*_: object, **__: object) -> object:
    raise sqlite3.OperationalError("database is locked")


def test_what_can_not_be_removed_is_not_counted(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with ThumbnailStore(store_path(workspace)) as store:
        store.put({"1": b"copy"}, 100)
    refusing: Callable[..., object] = refuse
    monkeypatch.setattr("tlcore.caches.budget.sqlite3.connect", refusing)
    assert clear(workspace) == Cleared(0, 0, 1)
    assert "database is locked" in caplog.text
