"""The memory of a process tree is counted once, by the process that has it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.tree_memory import ANONYMOUS, Sample, TreeMemory, mapped_bytes, proportional_bytes

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc of Linux")

SMAPS = """\
7f00-7f10 r-xp 00000000 08:01 42                         /usr/lib/libone.so
Rss:                 100 kB
Pss:                  40 kB
Anonymous:             8 kB
SwapPss:               0 kB
7f20-7f30 rw-p 00000000 00:00 0
Rss:                  50 kB
Pss:                  50 kB
Anonymous:            50 kB
SwapPss:               4 kB
"""


def test_files_are_told_apart_from_what_is_the_process_s_own(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "smaps").write_text(SMAPS)
    (tmp_path / "7" / "smaps_rollup").write_text(
        "0-1 ---p 0 00:00 0 [rollup]\nRss: 150 kB\nPss: 90 kB\nSwapPss: 4 kB\n"
    )

    share, resident = mapped_bytes(7, tmp_path)
    assert share == {"libone.so": 32 * 1024, ANONYMOUS: 62 * 1024}
    assert resident == {"libone.so": 92 * 1024}
    assert proportional_bytes(7, tmp_path) == share.total()
    assert proportional_bytes(8, tmp_path) == 0  # gone


def test_the_peak_is_of_all_processes_at_one_moment() -> None:
    memory = TreeMemory(1, Path("/nowhere"))
    memory.samples = [
        Sample(0.0, "first page", {("app", 1): 300_000_000}),
        Sample(0.2, "training", {("app", 1): 100_000_000, ("worker", 2): 250_000_000, ("worker", 3): 50_000_000}),
    ]
    told = memory.summary()
    assert (told["peak_mb"], told["during"]) == (400, "training")
    assert told["processes_mb"] == {"worker": 300, "app": 100}
    assert told["steps"]["first page"]["peak_mb"] == 300
    assert told["largest_mb"] == {"app": 300, "worker": 250}


def test_processes_that_left_the_tree_are_found_by_their_workspace(tmp_path: Path) -> None:
    """And those of another workspace are not."""
    wait = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    homes = {"own": tmp_path / "home" / "demo" / "1", "other": tmp_path / "homestead"}
    started = {
        name: subprocess.Popen(wait, stdin=subprocess.PIPE, env=os.environ | {"TLCORE_HOME": str(home)})
        for name, home in homes.items()
    }
    try:
        with TreeMemory(2**22 + 1, tmp_path / "home") as memory:
            while not any(sample.bytes_of for sample in memory.samples):
                time.sleep(0.05)
        seen = {pid for sample in memory.samples for _, pid in sample.bytes_of}
        assert seen == {started["own"].pid}
        assert memory.alone > 0
    finally:
        for process in started.values():
            process.communicate()
