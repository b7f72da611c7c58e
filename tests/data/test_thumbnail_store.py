from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tlcore.data.thumbnail_store import ThumbnailStore


def test_copies_survive_a_restart_and_sizes_are_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "small.sqlite"
    with ThumbnailStore(path) as store:
        store.put({"a": b"small"}, 100)
        store.put({"a": b"large"}, 900)

    with ThumbnailStore(path) as store:
        assert store.get(["a", "b"], 100) == {"a": b"small"}
        assert store.get(["a"], 900) == {"a": b"large"}
        assert store.get(["a"], 200) == {}
        assert store.get([], 100) == {}


def test_a_page_of_many_pictures_is_asked_for_at_once(tmp_path: Path) -> None:
    with ThumbnailStore(tmp_path / "small.sqlite") as store:
        store.put({f"{number}": b"copy" for number in range(2000)}, 100)

        assert len(store.get([f"{number}" for number in range(3000)], 100)) == 2000


def test_the_file_stays_bounded_and_the_oldest_copies_go_first(tmp_path: Path) -> None:
    path = tmp_path / "small.sqlite"
    with ThumbnailStore(path, most_bytes=1_000_000) as store:
        for number in range(3000):
            store.put({f"{number:04d}": bytes(2000)}, 100)

        kept = store.get([f"{number:04d}" for number in range(3000)], 100)
        assert "2999" in kept
        assert "0000" not in kept
    assert path.stat().st_size < 2_000_000


def test_a_damaged_file_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "small.sqlite"
    path.write_bytes(b"this is no database" * 1000)

    with ThumbnailStore(path) as store:
        assert store.get(["a"], 100) == {}
        store.put({"a": b"copy"}, 100)
        assert store.get(["a"], 100) == {"a": b"copy"}


def test_where_nothing_can_be_kept_nothing_breaks(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with ThumbnailStore(tmp_path / "file" / "small.sqlite") as store:
        store.put({"a": b"copy"}, 100)
        assert store.get(["a"], 100) == {}


@pytest.mark.parametrize("threads", [4])
def test_threads_share_it(tmp_path: Path, threads: int) -> None:
    with ThumbnailStore(tmp_path / "small.sqlite") as store, ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda number: store.put({str(number): b"copy"}, 100), range(200)))

        assert len(store.get([str(number) for number in range(200)], 100)) == 200


def test_forgotten_copies_leave_no_byte_behind(tmp_path: Path) -> None:
    path = tmp_path / "small.sqlite"
    with ThumbnailStore(path) as store:
        store.put({"a": b"secret face" * 1000, "b": b"harmless tree" * 1000}, 100)
        store.put({"a": b"secret face" * 2000}, 900)

        store.forget(["a", "unknown"])

        assert store.get(["a", "b"], 100) == {"b": b"harmless tree" * 1000}
        assert store.get(["a"], 900) == {}
        kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert b"secret face" not in kept
        assert b"harmless tree" in kept
