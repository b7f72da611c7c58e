"""`datasets audit` as scripts call it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.calling import tlcore, tlcore_here
from tlcore.workspace import Workspace


def run(home: Path, *arguments: object) -> tuple[int, Any]:
    ran = tlcore(home, *arguments, "--json")
    return ran.status, ran.json


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory,
    make_folder: Callable[..., Path],
    with_backbone: Callable[[Path], Workspace],
) -> Path:
    """A workspace with my/pets, in which one cat is there twice and one is also a coffee."""
    root = tmp_path_factory.mktemp("audit")
    folder = make_folder(root / "pets", cat=12, coffee=12)
    shutil.copy(folder / "cat/003.jpg", folder / "cat/again.jpg")
    shutil.copy(folder / "cat/004.jpg", folder / "coffee/cat.jpg")
    with_backbone(root / "home")
    status, _ = run(root / "home", "datasets", "import", folder, "--name", "pets", "--no-audit")
    assert status == 0
    return root / "home"


def test_the_audit_is_told_mended_and_made_anew(home: Path) -> None:
    status, audit = run(home, "datasets", "audit", "my/pets")
    assert status == 0
    kinds = {finding["kind"]: finding for finding in audit["findings"]}
    assert (audit["dataset_id"], audit["pictures"]) == ("my/pets", 26)
    assert kinds["exact_copies"]["items"][0]["keys"] == ["cat/003.jpg", "cat/again.jpg"]
    assert kinds["two_classes"]["severity"] == "high"
    status, mended = run(home, "datasets", "audit", "my/pets", "--fix", "exact_copies", "--fix", "two_classes")
    assert status == 0
    assert [one["kind"] for one in mended["fixed"]] == ["exact_copies", "two_classes"]
    assert not {"exact_copies", "two_classes"} & {finding["kind"] for finding in mended["findings"]}
    assert mended["version"] == audit["version"] + 2
    assert 23 <= mended["pictures"] <= 24


@pytest.mark.parametrize(
    "arguments",
    [("my/nothing",), ("my/pets", "--fix", "nonsense"), ("my/pets", "--fix", "leak", "--detach")],
)
def test_bad_usage_is_told_with_exit_status_two(home: Path, arguments: tuple[str, ...]) -> None:
    ran = tlcore_here(home, "datasets", "audit", *arguments, "--json")
    assert ran.status == 2
    assert ran.json["error"]["text"]
