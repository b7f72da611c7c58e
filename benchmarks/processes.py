"""Processes of a measurement: fresh ones, their memory, and an end for whatever works in a workspace."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

ROOT: Final = Path(__file__).parents[1]

_BETWEEN_LOOKS: Final = 0.1  # seconds
_LONGEST: Final = 3600.0  # seconds that one process may take
_QUIET: Final = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONUNBUFFERED": "1"}


@dataclass
class Finished:
    """A process that has ended.

    Attributes:
        seconds: From its start to its exit.
        output: What it wrote to standard output.
    """

    seconds: float
    output: str


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment with another workspace."""
    return os.environ | _QUIET | {"TLCORE_HOME": str(home)} | dict(extra or {})


def run(module: str, *arguments: str, home: Path, log: Path, extra: Mapping[str, str] | None = None) -> Finished:
    """Runs `python -m module arguments` from the project's root to its end.

    Raises:
        SystemExit: It failed, as the end of its log says, or does not end.
    """
    started = time.monotonic()
    with log.open("ab") as errors:
        try:
            done = subprocess.run(  # noqa: S603 - our own modules
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env=environment(home, extra),
                stdout=subprocess.PIPE,
                stderr=errors,
                check=False,
                timeout=_LONGEST,
            )
        except subprocess.TimeoutExpired as error:
            raise SystemExit(f"{module} {' '.join(arguments)} does not end") from error
    seconds = time.monotonic() - started
    if done.returncode:
        end = log.read_text(errors="replace")[-2000:]
        raise SystemExit(f"{module} {' '.join(arguments)} ended with status {done.returncode}:\n{end}")
    return Finished(seconds, done.stdout.decode())


def of_workspace(home: Path) -> Iterator[psutil.Process]:
    """Every process that works in a workspace, or in one of those that share it: its environment says so."""
    for one in psutil.process_iter():
        with suppress(psutil.Error):
            variables = one.environ()
            if str(home) in (variables.get("TLCORE_HOME"), variables.get("TLCORE_HOST")):
                yield one


def anonymous_bytes(pid: int) -> int:
    """Anonymous memory of a process: what the kernel can't drop. 0 when the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Anonymous:")), 0)


@dataclass
class WorkerMemory:
    """The largest anonymous memory that a worker of a workspace had while it was watched."""

    home: Path
    peak: int = 0
    _end: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Looks until `stop`."""
        workers: dict[int, bool] = {}
        while not self._end.wait(_BETWEEN_LOOKS):
            for one in of_workspace(self.home):
                if one.pid not in workers:
                    with suppress(psutil.Error):
                        workers[one.pid] = "tlcore.jobs.worker" in one.cmdline()
                if workers.get(one.pid):
                    self.peak = max(self.peak, anonymous_bytes(one.pid))

    def stop(self) -> None:
        """Ends `watch`."""
        self._end.set()


@contextmanager
def watched_worker(home: Path) -> Iterator[WorkerMemory]:
    """Watches the memory of the workspace's workers for as long as the block lasts."""
    memory = WorkerMemory(home)
    thread = threading.Thread(target=memory.watch)
    thread.start()
    try:
        yield memory
    finally:
        memory.stop()
        thread.join()


@contextmanager
def ended_afterwards(home: Path) -> Iterator[None]:
    """Ends whatever still works in a workspace when the block is left, so that its folder can go."""
    try:
        yield
    finally:
        for one in of_workspace(home):
            with suppress(psutil.Error):
                one.kill()


def machine() -> dict[str, Any]:
    """What was measured on, and how busy it was with other things."""
    import platform
    from importlib.metadata import version

    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("tensorflow", "keras", "openvino", "streamlit")},
    }
