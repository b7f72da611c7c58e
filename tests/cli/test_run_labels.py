"""`runs rename`, `note`, `tag`, `archive`, `restore`, `empty-bin`, `list --tag`, `pack` and `unpack`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.cli.calling import tlcore
from tests.pages.made_runs import add_run
from tlcore.cli import main
from tlcore.data.importer import import_pictures
from tlcore.runs.registry import Registry
from tlcore.workspace import HOME_VARIABLE, Workspace


@pytest.fixture
def run(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """run("list"): the answer of `runs list`, as data; run("show", "x", fails=2): the error."""
    monkeypatch.setenv(HOME_VARIABLE, str(workspace.root))
    add_run(workspace, "r1", minute=1)
    add_run(workspace, "r2", minute=2)

    def call(*arguments: str, fails: int = 0) -> Any:
        ran = CliRunner().invoke(main, ["runs", *arguments, "--json"])
        assert ran.exit_code == fails, ran.output
        return json.loads(ran.stdout)

    return call


def test_words_are_given_and_found_again(run: Callable[..., Any]) -> None:
    assert run("rename", "r1", "Leaves")["title"] == "Leaves"
    assert run("note", "r1", "dark photos")["note"] == "dark photos"
    assert run("tag", "r1", "oak", "may")["tags"] == ["oak", "may"]
    assert run("tag", "r1", "MAY", "--remove")["tags"] == ["oak"]
    assert run("tag", "r1")["tags"] == ["oak"]
    assert [row["run_id"] for row in run("list", "--tag", "Oak")] == ["r1"]
    assert [row["run_id"] for row in run("list", "--search", "dark leaves")] == ["r1"]
    assert run("list", "--tag", "ash") == []
    assert run("rename", "r1", " ", fails=2)["error"]["text"].startswith("The name is empty")
    assert run("rename", "r9", "Leaves", fails=2)["error"]["kind"] == "RunError"


def test_the_bin(run: Callable[..., Any], workspace: Workspace) -> None:
    assert run("archive", "r1")["archived"]
    assert [row["run_id"] for row in run("list")] == ["r2"]
    assert [row["run_id"] for row in run("list", "--archived")] == ["r1"]
    assert not run("restore", "r1")["archived"]
    assert run("restore", "no/such.zip", fails=2)["error"]["kind"] == "RunError"
    run("archive", "r2")
    assert run("empty-bin", "--yes") == {"deleted": ["r2"]}
    assert [record.id for record in Registry(workspace).list()] == ["r1"]
    assert run("empty-bin") == {"deleted": []}


def test_what_has_no_model_is_not_packed(run: Callable[..., Any], tmp_path: Path) -> None:
    assert run("pack", "r1", "--out", str(tmp_path / "run.zip"), fails=2)["error"]["kind"] == "NoBundle"
    assert not list(tmp_path.glob("*.zip"))


def test_a_dataset_goes_from_one_home_to_another(
    workspace: Workspace, picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_pictures(workspace, picture_folder, "pets")
    monkeypatch.setenv(HOME_VARIABLE, str(workspace.root))
    pack = ["datasets", "pack", "my/pets", "--out", str(tmp_path / "pets.zip"), "--json"]
    packed = json.loads(CliRunner().invoke(main, pack).stdout)
    assert packed["bytes"] == (tmp_path / "pets.zip").stat().st_size
    unpacked = tlcore(tmp_path / "elsewhere", "datasets", "unpack", tmp_path / "pets.zip", "--json")
    assert (unpacked.status, unpacked.json["classes"]) == (0, {"cat": 12, "coffee": 12})
