from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tlcore.jobs.process import describe_exit, leave_alone, start_module


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-9, "probably because the computer ran out of memory"),
        (-11, "SIGSEGV"),
        (-200, "signal 200"),
        (3, "exit status 3"),
        (None, "from outside"),
    ],
)
def test_an_end_without_a_last_word_is_explained(code: int | None, words: str) -> None:
    assert words in describe_exit(code)


def test_only_being_killed_suggests_memory() -> None:
    assert "memory" not in describe_exit(-15)


@pytest.mark.skipif(sys.platform == "win32", reason="sessions are a POSIX idea")
def test_a_started_process_has_its_own_session_and_leaves_no_zombie(
    tmp_path: Path, until: Callable[[Callable[[], object]], None]
) -> None:
    log = tmp_path / "log"
    process = start_module("tlcore.jobs.supervisor", "--nonsense", log=log, environment={"COLUMNS": "80"})
    assert os.getsid(process.pid) != os.getsid(0)
    leave_alone(process)
    until(lambda: not psutil.pid_exists(process.pid))
    assert "--home" in log.read_text()
