import errno
import json
import os
import sqlite3
from pathlib import Path

import pytest

from tlcore.files import error_chain, is_disk_full, read_json, write_bytes, write_json, write_text


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    write_text(path, "one")
    write_text(path, "zwei ä")
    assert path.read_text(encoding="utf-8") == "zwei ä"
    assert list(tmp_path.iterdir()) == [path]


def test_json_keeps_letters_and_ends_with_a_line_break(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"class": "Mädesüß", "counts": [1, 2]})
    assert read_json(tmp_path / "a.json") == {"class": "Mädesüß", "counts": [1, 2]}
    assert (tmp_path / "a.json").read_text(encoding="utf-8").endswith("}\n")
    assert "Mädesüß" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "notes.txt"
    write_bytes(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_there_or_no_json_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "nothing.json")
    (tmp_path / "torn.json").write_text("{")
    with pytest.raises(json.JSONDecodeError):
        read_json(tmp_path / "torn.json")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_secret_is_nobody_elses_from_its_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    replace = Path.replace

    def watched(self: Path, target: Path) -> Path:
        seen.append(self.stat().st_mode & 0o777)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    write_bytes(tmp_path / "token", b"secret", mode=0o600)
    write_bytes(tmp_path / "open", b"not secret")
    assert seen[0] == 0o600
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "open").stat().st_mode & 0o444 != 0o400


def test_a_full_disk_is_known_whoever_tells_it() -> None:
    with Path("/dev/full").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space") as caught:
        file.write(b"x")
    assert is_disk_full(caught.value)
    wrapped = ValueError("can't be kept")
    wrapped.__cause__ = caught.value
    assert is_disk_full(wrapped)
    assert is_disk_full(sqlite3.OperationalError("database or disk is full"))
    assert is_disk_full(ExceptionGroup("threads", [ValueError("x"), OSError(errno.EDQUOT, "Disk quota exceeded")]))


def test_other_errors_are_no_full_disk() -> None:
    assert not is_disk_full(OSError(errno.EACCES, "Permission denied"))
    assert not is_disk_full(sqlite3.OperationalError("database is locked"))
    assert not is_disk_full(MemoryError())


def test_a_chain_that_bites_its_tail_ends() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__context__, second.__context__ = second, first
    assert list(error_chain(first)) == [first, second]
