"""Threads that use OpenVINO for the first time at the same moment do not wait for each other for ever."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Without the look-up when our module is loaded, more than half of these processes hang.
FIRST_USE = """
import sys, threading
import openvino
import tlcore.engines.openvino

sys.setswitchinterval(1e-6)
start = threading.Barrier(4)

def use():
    start.wait()
    openvino.Type.u8.to_dtype()

threads = [threading.Thread(target=use, daemon=True) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("done")
"""


def test_first_use_by_several_threads() -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", FIRST_USE], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    try:
        assert [process.communicate(timeout=300)[0].strip() for process in processes] == ["done"] * 4
    finally:
        for process in processes:
            process.kill()
            process.wait()
