"""The structured log, as several processes write it and pages read it."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tlcore
from tlcore.logs import put_away, start_lines, stop_lines
from tlcore.logs.reading import errors_in, lines_about, read_lines
from tlcore.logs.writing import LineFormatter, LinesHandler, Redactor, lines_path

NAME = "tlcore.test_lines"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[logging.Logger]:
    """A logger of ours whose lines go to the log in `tmp_path`, as those of a worker."""
    start_lines(tmp_path, "worker", "20260101-000000-aaaa", loggers=[NAME])
    logger = logging.getLogger(NAME)
    logger.setLevel(logging.DEBUG)
    yield logger
    stop_lines([NAME])


def test_a_line_tells_time_level_process_run_and_message(tmp_path: Path, log: logging.Logger) -> None:
    log.info("read %d pictures", 12)
    (line,) = [json.loads(text) for text in lines_path(tmp_path).read_text().splitlines()]
    assert {name: line[name] for name in ("level", "process", "run", "logger", "message", "template", "error")} == {
        "level": "INFO",
        "process": "worker",
        "run": "20260101-000000-aaaa",
        "logger": NAME,
        "message": "read 12 pictures",
        "template": "read %d pictures",
        "error": "",
    }
    assert line["time"].endswith("+00:00")
    assert lines_path(tmp_path).stat().st_mode & 0o077 == 0


def test_an_error_is_found_by_its_id_with_what_led_to_it(tmp_path: Path, log: logging.Logger) -> None:
    log.info("opening")
    try:
        int("two\nlines")
    except ValueError:
        log.exception("error %s", "E-abc123")
    log.info("going on")
    (error,) = errors_in(read_lines(tmp_path))
    assert (error.error, error.what) == (
        "E-abc123",
        r"ValueError: invalid literal for int() with base 10: 'two\nlines'",
    )
    assert "test_lines.py" in error.trace
    assert [line.message for line in lines_about(read_lines(tmp_path), "E-abc123")] == ["opening", "error E-abc123"]
    assert lines_about(read_lines(tmp_path), "E-000000") == ()


def test_the_run_is_read_off_a_message_where_a_process_serves_several(tmp_path: Path) -> None:
    record = logging.LogRecord("tlcore.x", logging.INFO, "", 1, "starting %s (train)", ("20260101-000000-bbbb",), None)
    assert json.loads(LineFormatter("supervisor", "", Redactor()).format(record))["run"] == "20260101-000000-bbbb"


def test_of_libraries_only_warnings_are_kept(tmp_path: Path) -> None:
    logger = logging.getLogger("somebody_else")
    logger.setLevel(logging.DEBUG)
    start_lines(tmp_path, "cli", loggers=["somebody_else"])
    logger.info("chatting")
    logger.warning("look out")
    stop_lines(["somebody_else"])
    logger.warning("too late")
    assert [line.message for line in read_lines(tmp_path)] == ["look out"]


def test_large_files_make_way_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "studio.jsonl"
    handler = LinesHandler(path, most_bytes=2000, kept=3)
    handler.setFormatter(LineFormatter("app", "", Redactor()))
    for number in range(60):
        handler.emit(logging.LogRecord("tlcore", logging.INFO, "", 1, "line %d", (number,), None))
    assert {"studio.1.jsonl", "studio.2.jsonl"} <= {file.name for file in path.parent.glob("*.jsonl")}
    assert not (path.parent / "studio.3.jsonl").exists()
    assert all(file.stat().st_size < 2400 for file in path.parent.glob("*.jsonl"))
    kept = [line.message for line in read_lines(tmp_path)]
    assert kept == [f"line {number}" for number in range(60 - len(kept), 60)]
    assert 10 < len(kept) < 60


def test_two_processes_lose_no_line_and_mix_none(tmp_path: Path) -> None:
    script = (
        "import logging, sys\nfrom pathlib import Path\n"
        "from tlcore.logs.writing import LineFormatter, LinesHandler, Redactor\n"
        "handler = LinesHandler(Path(sys.argv[1]) / 'logs' / 'studio.jsonl', most_bytes=60_000, kept=3)\n"
        "handler.setFormatter(LineFormatter('worker', sys.argv[2], Redactor()))\n"
        "for number in range(150):\n"
        "    handler.emit(logging.LogRecord('tlcore', 20, '', 1, 'line %d', (number,), None))\n"
    )
    home = Path(tlcore.__file__).parents[1]
    writers = [subprocess.Popen([sys.executable, "-c", script, tmp_path, name], cwd=home) for name in ("a", "b")]
    assert [writer.wait() for writer in writers] == [0, 0]
    lines = read_lines(tmp_path)
    for name in ("a", "b"):
        assert [line.message for line in lines if line.run == name] == [f"line {number}" for number in range(150)]


def test_torn_lines_and_lines_of_other_programs_are_left_out(tmp_path: Path, log: logging.Logger) -> None:
    log.info("whole")
    with lines_path(tmp_path).open("a") as file:
        file.write('{"time": "2026"\n[]\n{"message": "no more"}\n')
    assert [line.message for line in read_lines(tmp_path)] == ["whole"]


def test_a_log_that_can_not_be_written_stops_nobody(tmp_path: Path, log: logging.Logger) -> None:
    (tmp_path / "logs").write_text("in the way")
    log.info("said into the void")
    assert read_lines(tmp_path) == ()


def test_a_small_file_is_not_put_away(tmp_path: Path) -> None:
    path = tmp_path / "supervisor.log"
    path.write_text("short")
    put_away(path)
    assert path.read_text() == "short"
    path.write_text("long" * 10)
    put_away(path, most_bytes=10)
    assert not path.exists()
    assert (tmp_path / "supervisor.1.log").read_text() == "long" * 10
