from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tlcore.data.kaggle import (
    KaggleDataset,
    check_kaggle_allowed,
    forget_token,
    has_token,
    parse_kaggle,
    save_token,
    token_place,
)
from tlcore.errors import ImportRefused, WorkspaceError
from tlcore.workspace import Workspace

TOKEN = "KGAT_0123456789abcdef"  # noqa: S105 - made up


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of somebody who never used Kaggle."""
    home = tmp_path / "person"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.mark.parametrize(
    ("text", "dataset"),
    [
        ("ann/leaves", KaggleDataset("ann", "leaves")),
        (" ann/leaves/ ", KaggleDataset("ann", "leaves")),
        ("ann/leaves/versions/3", KaggleDataset("ann", "leaves", 3)),
        ("https://www.kaggle.com/datasets/ann/leaves", KaggleDataset("ann", "leaves")),
        ("kaggle.com/datasets/ann/leaves/data?select=train", KaggleDataset("ann", "leaves")),
        ("https://www.kaggle.com/datasets/ann/leaves/versions/12", KaggleDataset("ann", "leaves", 12)),
        ("https://kaggle.com/ann/leaves", KaggleDataset("ann", "leaves")),
    ],
)
def test_a_dataset_is_named_by_slug_or_address(text: str, dataset: KaggleDataset) -> None:
    assert parse_kaggle(text) == dataset


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("leaves", "owner/name"),
        ("", "owner/name"),
        ("ann/../..", "owner/name"),
        ("ann/le aves", "owner/name"),
        ("ann/leaves/versions/", "version"),
        ("ann/leaves/versions/zero", "version"),
        ("https://example.com/datasets/ann/leaves", "kaggle.com"),
        ("https://www.kaggle.com/competitions/dogs-vs-cats", "a competition"),
        ("https://www.kaggle.com/c/dogs-vs-cats/data", "a competition"),
        ("https://www.kaggle.com/models/google/yamnet", "a model"),
        ("https://www.kaggle.com/code/ann/notebook", "a notebook"),
    ],
)
def test_anything_else_is_refused_with_what_it_is(text: str, part: str) -> None:
    with pytest.raises(ImportRefused, match=part):
        parse_kaggle(text)


def test_a_token_is_kept_for_its_owner_alone_and_forgotten(person: Path) -> None:
    assert not has_token()
    assert token_place() == str(person / ".kaggle" / "access_token")
    save_token(f" {TOKEN}\n")
    kept = Path(token_place())
    assert kept.read_text() == TOKEN
    if os.name != "nt":
        assert kept.stat().st_mode & 0o777 == 0o600
        assert kept.parent.stat().st_mode & 0o777 == 0o700
    assert has_token()
    forget_token()
    assert not has_token()
    assert list((person / ".kaggle").iterdir()) == []


def test_the_file_that_kaggle_gives_can_be_pasted(person: Path) -> None:
    save_token(json.dumps({"username": "ann", "key": "5ec2e7", "more": 1}))
    assert token_place() == str(person / ".kaggle" / "kaggle.json")
    assert json.loads(Path(token_place()).read_text()) == {"username": "ann", "key": "5ec2e7"}
    forget_token()
    assert not has_token()


@pytest.mark.parametrize("text", ["", "short", "two words here", "tökentöken", '{"username": "ann"}', "a" * 2000])
def test_what_cannot_be_a_token_is_not_kept_nor_repeated(person: Path, text: str) -> None:
    with pytest.raises(ImportRefused) as refused:
        save_token(text)
    assert text == "" or text not in str(refused.value)
    assert not has_token()
    assert not (person / ".kaggle").exists()


def test_a_token_in_a_variable_is_used_and_cannot_be_forgotten(person: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    assert has_token()
    assert "KAGGLE_API_TOKEN" in token_place()
    assert TOKEN not in token_place()
    with pytest.raises(WorkspaceError, match="KAGGLE_API_TOKEN"):
        forget_token()


@pytest.mark.parametrize("way", ["none", "token", "json", "variable", "name and key", "folder", "damaged"])
def test_a_token_is_known_where_kagglehub_finds_one(person: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    if way == "token":
        save_token(TOKEN)
    elif way == "json":
        save_token('{"username": "ann", "key": "5ec2e7"}')
    elif way == "variable":
        monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    elif way == "name and key":
        monkeypatch.setenv("KAGGLE_USERNAME", "ann")
        monkeypatch.setenv("KAGGLE_KEY", "5ec2e7")
    elif way == "folder":
        monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(person / "elsewhere"))
        save_token('{"username": "ann", "key": "5ec2e7"}')
        assert (person / "elsewhere" / "kaggle.json").is_file()
    elif way == "damaged":
        (person / ".kaggle").mkdir()
        (person / ".kaggle" / "access_token").write_text("  \n")
    code = "from kagglehub.config import get_kaggle_credentials as find; print(find() is not None)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert has_token() is (found.stdout.strip() == "True")
    assert has_token() is (way not in ("none", "damaged"))


def test_a_demo_has_no_kaggle(workspace: Workspace) -> None:
    check_kaggle_allowed(workspace)
    with pytest.raises(ImportRefused, match="switched off"):
        check_kaggle_allowed(replace(workspace, mode="demo"))
