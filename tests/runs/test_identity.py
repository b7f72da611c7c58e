from __future__ import annotations

from datetime import UTC, datetime

from tlcore.runs.identity import new_error_id, new_id, utc_now
from tlcore.workspace import check_id


def test_an_id_tells_its_time_and_is_a_safe_name() -> None:
    made = new_id(datetime(2026, 11, 21, 9, 45, 12, tzinfo=UTC), lambda: "ab3f")
    assert made == "20261121-094512-ab3f"
    assert check_id("run", new_id(utc_now())) != made
    assert utc_now().tzinfo is UTC


def test_error_ids_differ() -> None:
    assert len({new_error_id() for _ in range(50)}) > 45
