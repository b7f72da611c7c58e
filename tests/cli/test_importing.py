"""The commands that bring pictures in, as scripts outside the project call them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.calling import Ran, tlcore_here
from tests.fake_kaggle import TOKEN, serving_kaggle
from tlcore.errors import RunError
from tlcore.jobs.service import request_stop, wait
from tlcore.runs.registry import Registry
from tlcore.workspace import Workspace


def datasets(home: Path, *arguments: object) -> Ran:
    """The command in this process; jobs have processes of their own."""
    return tlcore_here(home, "datasets", *arguments, "--json")


def test_a_dataset_is_imported_grown_changed_and_brought_back(
    tmp_path: Path, make_folder: Callable[..., Path], crop: Callable[..., bytes]
) -> None:
    home, folder = tmp_path / "home", make_folder(tmp_path / "pets", cat=3, coffee=3)
    first = datasets(home, "import", folder, "--name", "pets", "--no-audit")
    assert first.status == 0, first.err
    assert {"dataset_id", "name", "classes", "rejected", "duplicates"} <= first.json.keys()
    assert (first.json["dataset_id"], first.json["version"]) == ("my/pets", 1)
    assert "audit" not in first.json

    more = tmp_path / "more"
    more.mkdir()
    for number in (1, 7, 8):
        (more / f"{number}.jpg").write_bytes(crop("cat", number))
    (more / "note.jpg").write_text("not a picture")
    grown = datasets(home, "add", "my/pets", "--class", "cat", more, folder / "cat" / "000.jpg", "--no-audit").json
    assert (grown["added"], grown["copies"], grown["classes"]["cat"]) == (2, 2, 5)
    assert [item["file"].endswith("more/note.jpg") for item in grown["rejected"]] == [True]

    left = datasets(home, "exclude", "my/pets", "cat/000.jpg", "coffee/001.jpg", "--reason", "blurred").json
    assert (left["pictures"], left["excluded"], left["version"]) == (6, 2, 3)
    back = datasets(home, "include", "my/pets", "cat/000.jpg").json
    assert (back["pictures"], back["excluded"]) == (7, 1)
    rows = datasets(home, "versions", "my/pets").json
    assert [row["number"] for row in rows] == [4, 3, 2, 1]
    assert "blurred" in rows[1]["change"]
    restored = datasets(home, "restore", "my/pets", 1).json
    assert (restored["version"], restored["pictures"]) == (5, 6)
    assert datasets(home, "restore", "my/pets", 99).status == 2
    assert datasets(home, "exclude", "my/pets", "no/such.jpg", "--reason", "x").status == 2


def test_a_taken_name_is_refused_or_a_new_version(tmp_path: Path, make_folder: Callable[..., Path]) -> None:
    home, folder = tmp_path / "home", make_folder(tmp_path / "pets", cat=2, coffee=2)
    options = ("import", folder, "--name", "pets", "--no-audit")
    assert datasets(home, *options).status == 0
    again = datasets(home, *options)
    assert again.status == 2
    assert "pets-2" in again.json["error"]["text"]
    assert datasets(home, *options, "--new-version").json["version"] == 2


def test_labels_may_be_in_a_table_elsewhere(tmp_path: Path, make_folder: Callable[..., Path]) -> None:
    folder = make_folder(tmp_path / "pictures", cat=6)
    table = tmp_path / "mine.csv"
    table.write_text("".join(f"{number:03d};{'even' if number % 2 == 0 else 'odd'}\n" for number in range(5)))
    ran = datasets(tmp_path / "home", "import", folder, "--name", "x", "--labels", table, "--no-audit")
    assert ran.json["classes"] == {"even": 3, "odd": 2}
    assert ran.json["rejected"] == [{"file": "cat/005.jpg", "reason": "mine.csv has no label for it."}]


def test_an_import_starts_the_check(tmp_path: Path, make_folder: Callable[..., Path]) -> None:
    home, folder = tmp_path / "home", make_folder(tmp_path / "pets", cat=2, coffee=2)
    result = datasets(home, "import", folder, "--name", "pets").json
    workspace = Workspace.open(home)
    record = Registry(workspace).get(result["audit"])
    assert (record.kind, record.dataset) == ("audit", "my/pets")
    with suppress(RunError):  # it may be done already
        request_stop(workspace, record.id)
    wait(workspace, record.id, timeout=300)


def test_kaggle_by_its_address(
    tmp_path: Path, make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(tmp_path / "leaves", cat=2, coffee=2)
    with serving_kaggle(tmp_path / "person", monkeypatch) as kaggle:
        kaggle.archive = Path(shutil.make_archive(str(folder), "zip", folder)).read_bytes()
        ran = datasets(tmp_path / "home", "kaggle", "kaggle.com/datasets/ann/leaves", "--no-audit")
        assert ran.status == 0, ran.err
        assert ran.json["dataset_id"] == "my/leaves"
        kaggle.refusal = (404, "Not found")
        missing = datasets(tmp_path / "home", "kaggle", "ann/nothing", "--no-audit")
        assert (missing.status, missing.json["error"]["kind"]) == (2, "ImportRefused")
        assert TOKEN not in ran.out + ran.err + missing.out + missing.err
    assert datasets(tmp_path / "home", "kaggle", "kaggle.com/c/titanic").status == 2
