from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tlcore.jobs.process import describe_exit, give_way_for_memory, leave_alone, start_module


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


def test_a_kill_that_the_kernel_did_not_do_is_not_blamed_on_memory() -> None:
    assert "not for want of memory" in describe_exit(-9, lacked_memory=False)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's choice is Linux's")
def test_a_worker_would_rather_be_ended_than_the_app(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; from tlcore.jobs.process import give_way_for_memory; give_way_for_memory(); "
        "print(Path('/proc/self/oom_score_adj').read_text())"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(told.stdout) == 500
    give_way_for_memory(tmp_path / "no" / "such" / "file")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems share processors out otherwise")
def test_a_worker_lets_others_use_the_processors_first(tmp_path: Path) -> None:
    session = tmp_path / "autogroup"
    session.touch()
    script = (
        "import os, sys\nfrom pathlib import Path\n"
        "from tlcore.jobs.process import give_way_for_processors as give_way\n"
        "give_way(Path(sys.argv[1])); print(os.nice(0)); "
        "give_way(Path(sys.argv[1]) / 'no such file')"
    )
    told = subprocess.run([sys.executable, "-c", script, session], capture_output=True, text=True, check=True)
    assert int(told.stdout) == min(os.nice(0) + 5, 19)
    assert session.read_text() == "5"


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
