"""Names, notes, tags and the bin: the folder holds them, the registry shows them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest

from tlcore.errors import InputError, RunError
from tlcore.runs.events import EventWriter
from tlcore.runs.folder import RunFolder
from tlcore.runs.labels import (
    LONGEST_NAME,
    LONGEST_NOTE,
    LONGEST_TAG,
    MOST_TAGS,
    archive,
    describe,
    matches,
    restore,
    tags_of,
)
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

MakeFolder = Callable[..., RunFolder]


@pytest.fixture
def run(workspace: Workspace, make_folder: MakeFolder, make_record: Callable[..., JobRecord]) -> str:
    """A training that was stopped, in its folder and in the registry."""
    Registry(workspace).list()  # a registry that is made later takes rows from folders
    folder = make_folder("a1")
    with EventWriter(folder.events) as events:
        events.write("started", pid=7)
        events.write("ended", state="stopped", error=None)
    Registry(workspace).add(make_record("a1", state=State.STOPPED))
    return "a1"


def test_words_are_kept_and_survive_the_loss_of_the_registry(workspace: Workspace, run: str) -> None:
    told = describe(
        workspace, run, name="  Leaves,\n second try ", note="dark\r\nphotos ", tags=["Oak", "oak", "May 26"]
    )
    assert (told.title, told.note, told.tags, told.named) == (
        "Leaves, second try",
        "dark\nphotos",
        ("Oak", "May 26"),
        True,
    )
    archive(workspace, run)
    before = Registry(workspace).get(run)
    assert before.archived
    workspace.registry.unlink()
    after = Registry(workspace).get(run)
    assert (after.title, after.note, after.tags, after.named, after.archived, after.state) == (
        before.title,
        before.note,
        before.tags,
        True,
        True,
        State.STOPPED,
    )


def test_what_is_not_named_stays(workspace: Workspace, run: str) -> None:
    describe(workspace, run, note="kept", tags=["kept"])
    told = describe(workspace, run, note="")
    assert (told.title, told.note, told.tags, told.named) == ("Run a1", "", ("kept",), False)


@pytest.mark.parametrize(
    "words",
    [
        {"name": " \n"},
        {"name": "x" * (LONGEST_NAME + 1)},
        {"name": "evil\u202etxt.exe"},
        {"name": "\x07bell"},
        {"note": "x" * (LONGEST_NOTE + 1)},
        {"note": "zero\x00"},
        {"tags": ["a,b"]},
        {"tags": [""]},
        {"tags": ["x" * (LONGEST_TAG + 1)]},
        {"tags": [str(number) for number in range(MOST_TAGS + 1)]},
    ],
)
def test_what_can_t_be_kept_changes_nothing(workspace: Workspace, run: str, words: dict[str, object]) -> None:
    before = RunFolder.find(workspace, run).meta.read_bytes()
    with pytest.raises(InputError):
        describe(workspace, run, **({"name": "Good", "note": "good", "tags": ["good"]} | words))  # type: ignore[arg-type]
    assert RunFolder.find(workspace, run).meta.read_bytes() == before
    assert Registry(workspace).get(run).title == "Run a1"


def test_the_bin_hides_and_gives_back(workspace: Workspace, run: str) -> None:
    registry = Registry(workspace)
    archive(workspace, run)
    archive(workspace, run)  # a double click
    assert registry.list("train", archived=False) == ()
    assert [record.id for record in registry.list("train", archived=True)] == [run]
    assert [record.id for record in registry.list("train")] == [run]
    assert not restore(workspace, run).archived
    assert [record.id for record in registry.list("train", archived=False)] == [run]


def test_a_run_at_work_and_other_jobs_don_t_go_to_the_bin(
    workspace: Workspace, make_folder: MakeFolder, make_record: Callable[..., JobRecord]
) -> None:
    registry = Registry(workspace)
    registry.list()
    for name, kind, state in (("b2", "train", State.RUNNING), ("c3", "import", State.COMPLETED)):
        make_folder(name, kind)
        registry.add(make_record(name, kind, state=state))
        with pytest.raises(RunError):
            archive(workspace, name)
        assert not registry.get(name).archived
    with pytest.raises(RunError):
        archive(workspace, "never-there")


def test_finding_by_words_and_tags(make_record: Callable[..., JobRecord]) -> None:
    record = replace(make_record("a1"), title="Leaves in May", note="Dark photos", tags=("Oak", "blurred"))
    assert matches(record, "MAY dark")
    assert matches(record, "oak")
    assert matches(record, "", ["oak", "Blurred"])
    assert not matches(record, "may june")
    assert not matches(record, "", ["oak", "ash"])
    assert tags_of([record, replace(record, tags=("ash", "OAK"))]) == ["ash", "blurred", "Oak"]


def test_a_registry_of_the_first_version_gets_the_new_columns(workspace: Workspace, run: str) -> None:
    with closing(sqlite3.connect(workspace.registry, isolation_level=None)) as connection:
        for column in ("named", "note", "tags", "archived"):
            connection.execute(f"ALTER TABLE jobs DROP COLUMN {column}")
        connection.execute("PRAGMA user_version = 1")
    record = Registry(workspace).get(run)
    assert (record.note, record.tags, record.archived, record.state) == ("", (), False, State.STOPPED)
    assert describe(workspace, run, tags=["new"]).tags == ("new",)
    assert not list(workspace.root.glob("registry-damaged-*"))
