"""A run's result is replaced as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlcore.jobs.results import begin_result, put_in_place
from tlcore.runs.folder import RunFolder


def fill(folder: RunFolder, text: str) -> None:
    folder.bundle.mkdir(exist_ok=True)
    for path in (folder.model, folder.test_pictures, folder.report, folder.bundle / "network.bin"):
        path.write_text(text)


def told(folder: RunFolder) -> set[str]:
    return {path.read_text() for path in folder.path.rglob("*") if path.is_file()}


@pytest.mark.parametrize("earlier", [False, True])
def test_the_new_takes_the_place_of_what_was_before(tmp_path: Path, earlier: bool) -> None:
    folder = RunFolder(tmp_path)
    if earlier:
        fill(folder, "earlier")
    new = begin_result(folder)
    fill(new, "new")
    assert told(folder) == ({"earlier", "new"} if earlier else {"new"})
    put_in_place(new, folder)
    assert told(folder) == {"new"}
    assert folder.report.read_text() == "new"
    assert not list(tmp_path.glob("saving*"))


def test_what_an_attempt_left_half_made_is_no_part_of_the_next(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    fill(folder, "earlier")
    (begin_result(folder).model).write_text("half")
    assert list(begin_result(folder).path.iterdir()) == []
    assert folder.model.read_text() == "earlier"


def test_a_result_with_a_part_missing_leaves_the_report_of_before(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    fill(folder, "earlier")
    new = begin_result(folder)
    fill(new, "new")
    new.test_pictures.unlink()
    with pytest.raises(FileNotFoundError):
        put_in_place(new, folder)
    assert folder.report.read_text() == "earlier"
