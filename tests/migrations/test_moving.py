"""Older, newer, damaged and half-moved workspaces."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from zipfile import ZipFile

import pytest

import tlcore
from tlcore.errors import WorkspaceError
from tlcore.files import read_json, write_json
from tlcore.locks import take_lock
from tlcore.migrations.mark import FORMAT, Mark, read_mark, write_mark
from tlcore.migrations.moving import move
from tlcore.migrations.steps import STEPS, Step
from tlcore.workspace import Workspace


def notes(root: Path) -> Iterator[Path]:
    yield from sorted((root / "runs").glob("*/note.json"))


def shout(root: Path) -> None:
    for path in notes(root):
        write_json(path, {"text": read_json(path)["text"].upper()})


def fail_half_way(root: Path) -> None:
    write_json(next(notes(root)), {"text": "spoiled"})
    raise ValueError("the second one is not to my liking")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A workspace from before there was a mark, with two small files."""
    root = tmp_path / "home"
    for name in ("a", "b"):
        (root / "runs" / name).mkdir(parents=True)
        write_json(root / "runs" / name / "note.json", {"text": name})
    return root


def texts(root: Path) -> list[str]:
    return [read_json(path)["text"] for path in notes(root)]


def test_a_new_workspace_is_marked_and_an_opened_one_stays_as_it_is(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "home")
    assert read_json(workspace.root / "workspace.json")["format"] == FORMAT == 1 + len(STEPS)
    assert read_json(workspace.root / "workspace.json")["version"] == tlcore.__version__
    before = (workspace.root / "workspace.json").stat().st_mtime_ns
    Workspace.open(tmp_path / "home")
    assert (workspace.root / "workspace.json").stat().st_mtime_ns == before
    assert not (workspace.root / "backups").exists()


def test_an_old_one_goes_through_every_step_and_keeps_what_was_changed(old: Path) -> None:
    order: list[int] = []
    steps = (Step("shouting", notes, shout), Step("nothing", lambda _: iter(()), lambda _: order.append(3)))
    move(old, steps)
    mark = read_json(old / "workspace.json")
    assert (mark["format"], [made["to"] for made in mark["moves"]], mark["begun"]) == (3, [2, 3], None)
    assert texts(old) == ["A", "B"]
    assert order == [3]
    with ZipFile(old / mark["moves"][0]["backup"]) as backup:
        assert {name: json.loads(backup.read(name))["text"] for name in backup.namelist()} == {
            "runs/a/note.json": "a",
            "runs/b/note.json": "b",
        }


def test_a_step_that_fails_is_taken_back_and_told(old: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"second one is not to my liking.*as it was.*before-format-2"):
        move(old, (Step("spoiling", notes, fail_half_way),))
    assert texts(old) == ["a", "b"]
    move(old, (Step("shouting", notes, shout),))
    assert texts(old) == ["A", "B"]


def test_a_step_that_was_killed_is_done_again_and_keeps_the_first_backup(old: Path) -> None:
    script = (
        "import os, sys\nfrom pathlib import Path\n"
        "from tlcore.files import write_json\nfrom tlcore.migrations.moving import move\n"
        "from tlcore.migrations.steps import Step\n"
        "def half(root):\n"
        "    write_json(root / 'runs' / 'a' / 'note.json', {'text': 'A'})\n"
        "    os._exit(9)\n"
        "move(Path(sys.argv[1]), (Step('shouting', lambda root: (root / 'runs').glob('*/note.json'), half),))\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, old], env=os.environ, cwd=Path(tlcore.__file__).parents[1])
    assert killed.returncode == 9
    assert texts(old) == ["A", "b"]
    move(old, (Step("shouting", notes, shout),))
    assert texts(old) == ["A", "B"]
    (backup,) = (old / "backups").glob("*.zip")
    with ZipFile(backup) as kept:
        assert json.loads(kept.read("runs/a/note.json")) == {"text": "a"}


def test_a_backup_of_a_database_holds_what_lies_in_its_second_file(old: Path) -> None:
    with closing(sqlite3.connect(old / "registry.sqlite")) as open_all_along:
        open_all_along.execute("PRAGMA journal_mode = WAL")
        open_all_along.execute("CREATE TABLE names (name TEXT)")
        open_all_along.execute("INSERT INTO names VALUES ('ada')")
        open_all_along.commit()
        with pytest.raises(WorkspaceError):
            move(old, (Step("spoiling", lambda root: iter([root / "registry.sqlite"]), fail_half_way),))
    with closing(sqlite3.connect(old / "registry.sqlite")) as restored:
        assert restored.execute("SELECT name FROM names").fetchall() == [("ada",)]


def test_a_newer_workspace_is_refused_with_the_reason_and_left_alone(tmp_path: Path) -> None:
    write_json(tmp_path / "workspace.json", {"format": FORMAT + 1, "version": "9.1.0", "unheard": "of"})
    with pytest.raises(WorkspaceError, match=r"written by Transfer Learning Studio 9\.1\.0.*TLCORE_HOME") as refused:
        Workspace.open(tmp_path)
    assert f"formats 1 to {FORMAT}" in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["workspace.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "two"}', '{"format": 0}', '{"format": true}', '{"a": 1}'])
def test_a_damaged_mark_is_told_and_nothing_is_guessed(old: Path, text: str) -> None:
    (old / "workspace.json").write_text(text)
    with pytest.raises(WorkspaceError, match=r"workspace\.json is damaged.*copy of the workspace"):
        Workspace.open(old)
    assert (old / "workspace.json").read_text() == text


def test_what_an_older_program_is_at_work_on_is_left_alone(old: Path) -> None:
    lock = take_lock(old / "runs" / "a" / "worker.lock")
    assert lock is not None
    with pytest.raises(WorkspaceError, match="still at work"):
        move(old, (Step("shouting", notes, shout),))
    assert texts(old) == ["a", "b"]
    lock.release()
    move(old, (Step("shouting", notes, shout),))
    assert texts(old) == ["A", "B"]


def test_a_mark_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_mark(tmp_path, Mark(1, version="0.1.0"))
    assert read_mark(tmp_path) == Mark(1, version="0.1.0")
    assert read_mark(tmp_path / "nowhere") is None
