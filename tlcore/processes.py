"""An app's own processes and the memory that each takes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import psutil

from tlcore.workspace import HOME_VARIABLE, HOST_VARIABLE

Role = Literal["app", "supervisor", "worker", "helper"]

_ROLES: Final[tuple[tuple[str, Role], ...]] = (
    ("tlcore.jobs.supervisor", "supervisor"),
    ("tlcore.jobs.worker", "worker"),
    ("tlcore.images.helper", "helper"),
    ("tlcore.data.tfds.helper", "helper"),
    ("tlcore.data.kaggle_helper", "helper"),
)
_APP: Final = "streamlit_app.py"
_PROC: Final = Path("/proc")


@dataclass(frozen=True)
class OwnProcess:
    """One process of an app.

    Attributes:
        role: What it does.
        pid: Its number.
        job: Of a worker, the job that it works on; "" otherwise.
        memory_bytes: What it takes, with its share of what it shares with others; None where the system does not tell.
    """

    role: Role
    pid: int
    job: str
    memory_bytes: int | None


def own_processes(host: Path) -> tuple[OwnProcess, ...]:
    """The processes of the app whose workspaces share the folder `host`: app, supervisors, workers, helpers.

    Processes of other people are not seen where the system hides what they were started with.
    """
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        role = _role(process.pid, command)
        if role is None or (process.pid != os.getpid() and not _belongs(process, host)):
            continue
        job = command[-1] if role == "worker" else ""
        found.append(OwnProcess(role, process.pid, job, memory_of(process.pid)))
    return tuple(found)


def memory_of(pid: int) -> int | None:
    """What a process takes: proportional set size on Linux, elsewhere the resident size; None when it is gone."""
    try:
        text = (_PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii")
        return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))
    except (OSError, StopIteration, ValueError):
        pass  # another system, or another person's process
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None


def _role(pid: int, command: Sequence[str]) -> Role | None:
    for module, role in _ROLES:
        if module in command:
            return role
    if any(part.endswith(_APP) for part in command):
        return "app"
    return "app" if pid == os.getpid() and "streamlit" in " ".join(command[:3]) else None


def _belongs(process: psutil.Process, host: Path) -> bool:
    try:
        return _host_of(process.environ()) == host
    except (psutil.Error, OSError):
        return False


def _host_of(environment: Mapping[str, str]) -> Path:
    named = environment.get(HOST_VARIABLE) or environment.get(HOME_VARIABLE)
    return Path(named or Path.home() / ".tlcore").expanduser().resolve()
