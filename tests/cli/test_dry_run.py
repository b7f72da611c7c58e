from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.calling import tlcore, tlcore_here
from tlcore.cli.dry_run import describe_forecast
from tlcore.cli.train import describe_report
from tlcore.runs.registry import Registry
from tlcore.workspace import Workspace


def test_a_dry_run_measures_foretells_and_trains_nothing(tmp_path: Path) -> None:
    options = ("train", "--dataset", "sample/textures", "--image-size", 64, "--epochs", 7, "--dry-run", "--json")
    ran = tlcore(tmp_path, *options)
    assert ran.status == 0, ran.err
    assert set(ran.json) == {"config", "forecast"}
    assert ran.json["config"]["epochs"] == 7
    expected = ran.json["forecast"]
    assert expected["basis"] == "measured"
    # The sample is so small that the measurement looked at all of it, and kept what it saw.
    assert set(expected["seconds"]) == {"total", "start", "frozen", "finish"}
    assert expected["memory_bytes"] > 3.7e8  # a worker with TensorFlow and nothing else
    assert "Measuring this computer" in ran.err
    workspace = Workspace.open(tmp_path)
    assert Registry(workspace).list("train") == ()
    assert list(workspace.runs.iterdir()) == []
    again = tlcore(tmp_path, *options)
    assert "Measuring" not in again.err
    assert again.json["forecast"]["seconds"] == pytest.approx(expected["seconds"])


def test_what_would_be_refused_is_refused(tmp_path: Path) -> None:
    ran = tlcore_here(tmp_path, "train", "--dataset", "sample/textures", "--image-size", 16, "--dry-run", "--json")
    assert ran.status == 2
    assert "too small" in ran.json["error"]["text"]


def test_the_forecast_in_words() -> None:
    answer = {
        "config": {},
        "forecast": {
            "seconds": {"total": 42.0, "start": 5.0, "frozen": 37.0},
            "memory_bytes": 1_200_000_000,
            "disk_bytes": 30_000_000,
            "download_bytes": 98_000_000,
            "basis": "estimated",
            "caches": {"notes": ["They are not kept."]},
            "problems": [{"text": "Too little memory.", "change": "Close programs."}],
        },
    }
    text = describe_forecast(answer)
    assert describe_report(answer) == text
    for part in ("42 s", "an estimate", "1.2 GB", "30 MB", "98 MB", "They are not kept.", "Close programs."):
        assert part in text
