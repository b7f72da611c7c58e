from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tlcore.runs.locks import is_held, take_lock

_HOLD = """
import sys
from pathlib import Path
from tlcore.runs.locks import take_lock
lock = take_lock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_lock_is_free_once_its_process_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "worker.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert is_held(path)
        assert take_lock(path) is None
        holder.kill()
        holder.wait()
    assert not is_held(path)


def test_looking_leaves_no_lock_and_no_file(tmp_path: Path) -> None:
    path = tmp_path / "worker.lock"
    assert not is_held(path)
    assert not path.exists()
    lock = take_lock(path)
    assert lock is not None
    lock.release()
    assert not is_held(path)
    assert take_lock(path) is not None
