from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tlcore.runs.events import EventWriter, last_event, read_events

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def test_reads_on_from_where_it_stopped(path: Path) -> None:
    with EventWriter(path, clock=lambda: NOON) as writer:
        writer.write("note", text="eins – ümlaut")
        first = read_events(path)
        writer.write("note", text="zwei")
        second = read_events(path, first.offset)
    assert first.events == ({"time": "2026-11-21T12:00:00+00:00", "kind": "note", "text": "eins – ümlaut"},)
    assert [event["text"] for event in second.events] == ["zwei"]
    assert read_events(path, second.offset).events == ()


def test_no_file_has_no_events(path: Path) -> None:
    assert read_events(path).events == ()
    assert last_event(path) is None


def test_a_line_being_written_waits_for_its_end(path: Path) -> None:
    path.write_bytes(b'{"kind": "a"}\n{"kind": "b')
    page = read_events(path)
    assert [event["kind"] for event in page.events] == ["a"]
    with path.open("ab") as file:
        file.write(b'"}\n')
    assert [event["kind"] for event in read_events(path, page.offset).events] == ["b"]


def test_a_line_torn_by_a_killed_writer_costs_only_itself(path: Path) -> None:
    path.write_bytes(b'{"kind": "a"}\n{"kind": "b')
    with EventWriter(path) as writer:
        writer.write("ended", state="interrupted")
    assert [event["kind"] for event in read_events(path).events] == ["a", "ended"]
    assert last_event(path)["state"] == "interrupted"  # type: ignore[index]


def test_frequent_events_are_collected_for_half_a_second(path: Path) -> None:
    seconds = Seconds()
    with EventWriter(path, monotonic=seconds) as writer:
        for batch in range(100):
            writer.write("batch", batch=batch)
        assert read_events(path).events == ()
        seconds.now = 0.6
        writer.flush_if_due()
        assert len(read_events(path).events) == 100
        writer.write("batch", batch=100)
        writer.write("epoch", epoch=1)
        assert [event["kind"] for event in read_events(path).events[-2:]] == ["batch", "epoch"]


def test_closing_writes_what_was_collected(path: Path) -> None:
    with EventWriter(path) as writer:
        writer.write("progress", task="reading", done=1, total=9)
    assert read_events(path).events[0]["done"] == 1


def test_numbers_that_json_lacks_become_null(path: Path) -> None:
    with EventWriter(path) as writer:
        writer.write("epoch", loss=float("nan"), rate=np.float32(0.5), nested={"worst": [np.float32("inf"), 1.0]})
    event = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert event["loss"] is None
    assert event["rate"] == 0.5
    assert event["nested"] == {"worst": [None, 1.0]}


def test_refuses_what_is_no_data(path: Path) -> None:
    with EventWriter(path) as writer:
        with pytest.raises(TypeError, match="Path"):
            writer.write("note", text=path)
        writer.write("note", text="still works")
    assert len(read_events(path).events) == 1


def test_last_event_of_a_long_file(path: Path) -> None:
    with EventWriter(path) as writer:
        for number in range(3000):
            writer.write("batch", batch=number, padding="x" * 40)
        writer.write("ended", state="completed")
    assert path.stat().st_size > 200_000
    assert last_event(path)["kind"] == "ended"  # type: ignore[index]
