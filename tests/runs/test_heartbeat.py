from __future__ import annotations

from pathlib import Path

import pytest

from tlcore.runs.heartbeat import Heartbeat, Pulse, read_pulse


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "heartbeat"


def test_the_longest_silence_is_remembered_and_the_file_keeps_its_size(path: Path) -> None:
    seconds = [100.0]
    heart = Heartbeat(path, lambda: seconds[0])
    heart.beat()
    size = path.stat().st_size
    for now in (101.5, 131.5, 132.6):
        seconds[0] = now
        heart.beat()
    seconds[0] = 140.0
    pulse = read_pulse(path, lambda: seconds[0])
    assert pulse is not None
    assert (round(pulse.silence, 1), pulse.longest) == (7.4, 30.0)
    assert path.stat().st_size == size


def test_the_disk_is_touched_once_a_second_at_most(path: Path) -> None:
    seconds = [100.0]
    heart = Heartbeat(path, lambda: seconds[0])
    heart.beat()
    path.write_text("0 0")
    seconds[0] = 100.9
    heart.beat()
    assert path.read_text() == "0 0"
    seconds[0] = 101.0
    heart.beat()
    assert read_pulse(path, lambda: 101.0) == Pulse(0.0, 0.9)


@pytest.mark.parametrize("content", [None, "", "yesterday at noon"])
def test_a_heartbeat_that_tells_nothing(path: Path, content: str | None) -> None:
    if content is not None:
        path.write_text(content)
    assert read_pulse(path) is None
