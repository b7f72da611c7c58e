"""The figures of the measurements are what they say, and both ways of training get the same pictures."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks.__main__ import PARTS, measure, parse
from benchmarks.growth import make_zip, summarise
from benchmarks.material import import_photos, make_task
from benchmarks.options import Options
from benchmarks.ours import first_to_test
from benchmarks.tables import markdown
from benchmarks.training import summary
from tlcore.data.dataset import PARTS as DATASET_PARTS


def event(second: float, kind: str, **values: Any) -> dict[str, Any]:
    return {"time": f"2026-01-01T00:00:{second:09.6f}+00:00", "kind": kind, **values}


BUILDING = event(1, "task", task="Building the model")
KEEPING = event(20, "task", task="Keeping the model")


def test_time_counts_from_the_first_picture_to_the_test_result() -> None:
    reading = [event(0.5, "progress", task="Preparing"), BUILDING, event(3, "progress", task="Looking at the pictures")]
    learned = [event(9, "baseline"), event(10, "phase"), KEEPING, event(25, "progress", task="Checking")]
    assert first_to_test([*reading, *learned], features=99) == pytest.approx(17)
    # Nothing was read: gathering what was kept counts, although no event tells of it.
    assert first_to_test([BUILDING, *learned], features=0.5) == pytest.approx(11.5)
    with pytest.raises(SystemExit):
        first_to_test([*reading, *learned[:2]], features=0)


def trained(first: float, process: float) -> dict[str, Any]:
    return {
        "first_to_test": first,
        "process": process,
        "accuracy": 0.9,
        "phases": {"frozen": [1.0], "fine_tune": [first / 2, first / 2]},
        "peak_mb": 500.0,
        "seconds": {"total": process},
    }


def test_ratios_are_of_medians() -> None:
    runs = {
        "plain": [trained(80, 90), trained(100, 110), trained(900, 910)],
        "fresh": [],
        "cold": [trained(10, 20), trained(10, 22)],
        "warm": [],
    }
    found = summary(runs)
    assert found["median"]["plain"]["first_to_test"] == 100
    assert found["times_faster"] == {"cold": {"first_to_test": 10, "process": 5.24, "fine_tune_phase": 10}}
    told = markdown({"finetune": found, "growth": {"frozen": {"runs": []}}, "app": {"error": "no browser"}})
    assert "| ours, empty caches | 10.0 s | 10.0 × |" in told
    assert "Not measured to the end" in told


def test_growth_compares_with_the_first_of_two_thousand() -> None:
    sizes = ((1000, 9.0, 500.0), (2000, 20.0, 600.0), (20_000, 220.0, 660.0))
    runs = [{"pictures": size, "first_to_test": seconds, "peak_mb": peak} for size, seconds, peak in sizes]
    found = summarise({"frozen": runs})["frozen"]
    assert (found["memory_ratio"], found["time_a_picture_ratio"]) == (1.1, 1.1)
    assert "memory_ratio" not in summarise({"frozen": runs[:2]})["frozen"]


def test_many_pictures_are_all_different(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (60, 40), (200, 30, 90)).save(tmp_path / name / "one.jpg")
    make_zip(tmp_path, tmp_path / "many.zip", 30)
    with zipfile.ZipFile(tmp_path / "many.zip") as archive:
        assert len({archive.read(name) for name in archive.namelist()}) == 30
        assert {name.split("/")[1] for name in archive.namelist()} == {"cat", "dog"}


def test_the_plain_way_gets_the_same_division(tmp_path: Path, make_folder: Callable[..., Path]) -> None:
    photos = make_folder(tmp_path / "photos", cat=20, coffee=20)
    home = tmp_path / "home"
    import_photos(home, photos)
    task = make_task(home, photos, seed=3, epochs=2, fine_tune_epochs=1)
    files = [file for part in DATASET_PARTS for file in task.files[part]]
    assert len(files) == len(set(files)) == 40
    assert all(Path(file).is_file() for file in files)
    for part in DATASET_PARTS:
        names = [Path(file).parent.name for file in task.files[part]]
        assert [("cat", "coffee")[label] for label in task.labels[part]] == names
    assert make_task(home, photos, seed=4, epochs=2, fine_tune_epochs=0).files != task.files
    assert task.read(task.write(tmp_path / "task.json")) == task


def test_a_part_that_fails_keeps_what_it_had_and_lets_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_options: Options, note: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        note({"first": 1})
        raise SystemExit("the disk is full")

    monkeypatch.setattr("benchmarks.growth.measure_growth", fails)
    monkeypatch.setattr("benchmarks.kills.measure_kills", lambda _options, _note: {"features": 2})
    document: dict[str, Any] = {}
    saved: list[str] = []
    asked = parse(["--data", str(tmp_path), "--only", "growth,kills"])
    measure(asked, document, lambda: saved.append(json.dumps(document)))
    assert json.loads(saved[0])["growth"]["first"] == 1, "it is saved as soon as it is measured"
    assert document["growth"]["error"] == "SystemExit: the disk is full"
    assert (document["growth"]["first"], document["growth"]["whole"]) == (1, False)
    assert (document["kills"]["features"], document["kills"]["whole"]) == (2, True)


def test_unknown_parts_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--data", ".", "--only", "frozen,everything"])
    assert "everything" in capsys.readouterr().err
    assert parse(["--data", "."]).only == tuple(PARTS)
