"""Processes: starting ones that outlive their parent, asking them to end, saying how they ended.

Everything that differs between operating systems is here. Linux is tested; the rest follows the documentation.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

import tlcore

# The folder that `tlcore` lies in: children started there find it, installed or not.
_PACKAGE_HOME = Path(tlcore.__file__).parents[1]

INHERITS = sys.platform != "win32"
"""Whether a process can hand open files to one that it starts."""

# From -1000, never, to 1000, first of all.
_KILL_SCORE = Path("/proc/self/oom_score_adj")
_GLADLY = "500"

_NICE = 5
# Where Linux shares processors out between whole sessions first, a process's own niceness says nothing to other ones.
_SESSION_NICE = Path("/proc/self/autogroup")

logger = logging.getLogger(__name__)


def start_module(
    module: str, *arguments: str, log: Path, environment: Mapping[str, str], inherited: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Starts `python -m module arguments…` in a session of its own, so that it survives this process and its terminal.

    Args:
        module: A module of `tlcore`.
        arguments: Its command line.
        log: The file that its output is appended to.
        environment: Added to this process's environment.
        inherited: Open files, with their locks, that it keeps; only where `INHERITS`.
    """
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module; the id was checked as a folder's name
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=_PACKAGE_HOME,
            env={**os.environ, **environment},
            **_apart(inherited),
        )


def leave_alone(process: subprocess.Popen[bytes]) -> None:
    """Lets a started process live its own life: nobody has to wait for it, and it leaves no zombie behind."""
    threading.Thread(target=process.wait, name=f"reaper-{process.pid}", daemon=True).start()


def kill_module(pid: int, module: str, argument: str) -> bool:
    """Ends the process `pid` at once, if it is `python -m module argument`: a number may long be another process's.

    Returns:
        Whether it was that process, and is ended.
    """
    try:
        process = psutil.Process(pid)
        command = process.cmdline()
        if module not in command or argument not in command:
            return False
        process.kill()  # psutil looks once more whether the number still means the same process
    except psutil.Error:
        logger.info("process %d can't be ended", pid, exc_info=True)
        return False
    return True


def on_terminate(action: Callable[[], None]) -> None:
    """Calls `action` when the system or a person asks this process to end, instead of ending at once."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        action()

    signal.signal(signal.SIGTERM, handle)
    if sys.platform == "win32":
        signal.signal(signal.SIGBREAK, handle)


def give_way_for_memory(score: Path = _KILL_SCORE) -> None:
    """When memory is short, lets the kernel end this process rather than the app or the person's other programs.

    Args:
        score: Where Linux reads how gladly a process would be ended. Elsewhere there is no such file.
    """
    try:
        score.write_text(_GLADLY, encoding="ascii")
    except OSError:
        logger.info("the kernel takes no wish about memory", exc_info=True)


def give_way_for_processors(session: Path = _SESSION_NICE) -> None:
    """Lets everything that answers people go first: pages, predictions, the person's other programs.

    It costs nothing while nobody else wants the processors.

    Args:
        session: Where Linux reads the niceness of this process's session. Elsewhere there is no such file.
    """
    try:
        if sys.platform == "win32":
            psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            os.nice(_NICE)
        session.write_text(str(_NICE), encoding="ascii")
    except (OSError, psutil.Error):
        logger.info("the system takes no wish about processors", exc_info=True)


def describe_exit(code: int | None, lacked_memory: bool | None = None) -> str:
    """How a worker ended that left no last word, for people.

    Args:
        code: The exit status; negative for a signal; None when it is not known because the process was not our child.
        lacked_memory: Whether the system ended it for want of memory, None when that is not known.
    """
    if code is None:
        return "The process was ended from outside; perhaps the computer was switched off or restarted."
    if code == -getattr(signal, "SIGKILL", 9):
        if lacked_memory is False:
            return "The process was killed (signal 9) by a person or another program, not for want of memory."
        return (
            "The process was killed (signal 9), probably because the computer ran out of memory. "
            "Smaller pictures, a smaller batch size or a smaller backbone need less."
        )
    if code < 0:
        return f"The process was ended by {_signal_name(-code)}."
    return f"The process ended by itself without a result (exit status {code})."


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"


def _apart(inherited: Sequence[int]) -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS}
    return {"start_new_session": True, "pass_fds": tuple(inherited)}
