from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tlcore.cli import main
from tlcore.workspace import HOME_VARIABLE, Workspace


@pytest.fixture
def run(tfds_files: Callable[[str], Path], workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """run("list"): the answer of `datasets list`, as data; run("show", "x", fails=2): the error."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tfds_files("array_record")))
    monkeypatch.setenv(HOME_VARIABLE, str(workspace.root))

    def call(*arguments: str, fails: int = 0) -> Any:
        ran = CliRunner().invoke(main, ["datasets", *arguments, "--json"])
        assert ran.exit_code == fails, ran.output
        return json.loads(ran.stdout)

    return call


def test_the_list_has_what_tfds_prepared_on_this_machine(run: Callable[..., Any]) -> None:
    rows = {row["id"]: row for row in run("list")}
    assert set(rows) == {"sample/digits", "sample/textures", "halves/large", "halves/small", "only_train", "squares"}
    assert rows["only_train"] == {
        "id": "only_train",
        "name": "Only train",
        "source": "tfds",
        "classes": ["cat", "coffee", "rocket"],
        "pictures": 36,
        "state": "available",
    }
    assert [row["id"] for row in run("list", "--search", "squares")] == [
        "halves/large",
        "halves/small",
        "only_train",
        "squares",
    ]


def test_the_catalogue_is_searched(run: Callable[..., Any]) -> None:
    found = run("list", "--catalogue", "--search", "bean leaf")
    assert [row["id"] for row in found] == ["beans"]
    assert (found[0]["pictures"], found[0]["state"], found[0]["by_hand"]) == (1295, "needs a download", False)
    assert len(run("list", "--catalogue")) > 300
    assert run("list", "--catalogue", "--search", "zyzzyva") == []


def test_many_classes_are_counted_for_people(run: Callable[..., Any]) -> None:
    ran = CliRunner().invoke(main, ["datasets", "list", "--catalogue", "--search", "oxford flowers"])
    assert "102 " in ran.stdout
    assert "pink primrose" not in ran.stdout


def test_one_of_the_catalogue_is_shown_before_it_is_here(run: Callable[..., Any]) -> None:
    emnist = run("show", "emnist")
    assert (emnist["id"], emnist["tfds_state"], emnist["pictures"]) == ("emnist/byclass", "download", None)
    assert emnist["citation"]
    by_hand = run("show", "resisc45")
    assert by_hand["tfds_state"] == "manual"
    assert by_hand["manual_folder"].endswith("downloads/manual")
    assert "rar" in by_hand["manual"]
    assert run("show", "cats_vs_dogs")["pictures"] == 23_262


def test_a_dataset_is_prepared_by_its_name(run: Callable[..., Any]) -> None:
    answer = run("prepare", "squares", "--no-audit")
    assert (answer["dataset_id"], answer["state"]) == ("squares", "completed")
    assert answer["classes"] == {"cat": 12, "coffee": 12, "rocket": 12}
    assert "audit" not in answer
    assert run("show", "squares")["parts"] == {"train": 24, "validation": 6, "test": 6}
    run("prepare", "squares", "--no-audit", "--splits", "ours")
    assert run("show", "squares")["parts"] == {}
    assert run("delete", "squares", "--yes") == {"deleted": "squares"}
    assert run("show", "squares")["tfds_state"] == "on disk"


def test_preparing_can_be_left_alone(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from tlcore.jobs import service

    monkeypatch.setattr(service, "ensure_supervisor", lambda _workspace: None)
    answer = run("prepare", "only_train", "--detach")
    assert answer["state"] == "queued"


def test_unknown_names_get_the_nearest(run: Callable[..., Any]) -> None:
    error = run("prepare", "bean", fails=2)["error"]
    assert "beans" in error["text"]
    assert "--catalogue" in error["text"]
    assert "squares" in run("show", "square", fails=2)["error"]["text"]
