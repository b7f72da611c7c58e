from __future__ import annotations

import json
from pathlib import Path

from benchmarks import forecast


def test_a_run_takes_from_its_first_word_to_its_last(tmp_path: Path) -> None:
    events = [
        {"kind": "started", "time": "2026-05-04T12:00:00+00:00"},
        {"kind": "epoch", "time": "2026-05-04T12:00:59+00:00"},
        {"kind": "ended", "time": "2026-05-04T12:01:00.500000+00:00"},
    ]
    path = tmp_path / "events.jsonl"
    path.write_text("".join(f"{json.dumps(event)}\n" for event in events))
    assert forecast._seconds(path) == 60.5


def test_forecasts_that_are_far_off_either_way_do_not_count() -> None:
    rows = [{"off": off} for off in (0.29, -0.29, 0.31, -0.31)]
    assert forecast._summary(rows)["within"] == 2
