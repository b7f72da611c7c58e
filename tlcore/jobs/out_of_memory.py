"""Whether a worker that is gone was ended because memory was short. It could not say so itself.

The kernel counts the processes that it kills for memory. A worker notes the counts when it starts; whoever finds it
gone looks again.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tlcore.control_group import memory_group
from tlcore.runs.events import Event, read_events
from tlcore.runs.folder import RunFolder

_PROC: Final = Path("/proc")

# With less than this share of what a process could have left over, its end by SIGKILL is taken for want of memory.
_NEARLY_NOTHING: Final = 0.05

# What C++ programs print before they abort themselves.
_LAST_WORDS: Final = ("bad_alloc", "Out of memory", "out of memory", "Cannot allocate memory")
_LOG_END: Final = 64 * 1024  # with the stack of every thread, which follows those words


@dataclass(frozen=True)
class KillCounts:
    """How many processes the kernel has killed for want of memory, at some moment.

    Attributes:
        boot: Names this run of the computer: counts start anew at each.
        group: The folder of the control group that was looked at, "" where there is none.
        in_group: How many of that group's processes; None where it isn't counted.
        on_machine: How many in all; None where it isn't counted.
    """

    boot: str = ""
    group: str = ""
    in_group: int | None = None
    on_machine: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The counts as plain data, for an event."""
        return asdict(self)

    def rose_since(self, before: KillCounts) -> bool | None:
        """Whether there was a kill since `before`; None where the counts can't be compared.

        The group's own count decides where there is one: on a shared machine others are killed too.
        """
        if not self.boot or self.boot != before.boot:
            return None
        if self.group == before.group and self.in_group is not None and before.in_group is not None:
            return self.in_group > before.in_group
        if self.on_machine is not None and before.on_machine is not None:
            return self.on_machine > before.on_machine
        return None


CountKills = Callable[[], KillCounts]


def count_kills(proc: Path = _PROC) -> KillCounts:
    """The counts now, for this process's control group: workers are in the same one as whoever starts them."""
    group = memory_group()
    try:
        lines = (proc / "vmstat").read_text(encoding="ascii").splitlines()
        boot = (proc / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return KillCounts()
    machine = next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)
    return KillCounts(boot, str(group.folder) if group else "", group.kills() if group else None, machine)


def lacked_memory(folder: RunFolder, exit_code: int | None, now: KillCounts) -> bool | None:
    """Whether the worker that left `folder` without a last word was ended for want of memory.

    Args:
        folder: The job's folder.
        exit_code: The worker's exit status, negative for a signal; None when it isn't known.
        now: The kernel's counts.

    Returns:
        None where the system tells too little to know.
    """
    if exit_code == -signal.SIGABRT:
        return any(words in folder.read_log(_LOG_END) for words in _LAST_WORDS)
    if exit_code not in (None, -getattr(signal, "SIGKILL", 9)):
        return False
    events = read_events(folder.events).events
    rose = now.rose_since(_counts_at_start(events))
    if rose or exit_code is None:
        return rose
    # Programs that keep a machine from running out of memory kill earlier than the kernel, which then counts nothing.
    return True if _had_nothing_left(events) else rose


def _counts_at_start(events: tuple[Event, ...]) -> KillCounts:
    started = next((event for event in reversed(events) if event["kind"] == "started"), {})
    try:
        return KillCounts(**started.get("kills", {}))
    except TypeError:
        return KillCounts()


def _had_nothing_left(events: tuple[Event, ...]) -> bool:
    told = next((event for event in reversed(events) if event["kind"] == "memory"), None)
    if told is None:
        return False
    own, free = told["anonymous"], told["available"]
    return bool(free < _NEARLY_NOTHING * (own + free))
