"""The proportional set size of a process tree, sampled: each page counts once, divided among those that share it.

Of Linux's `/proc/PID/smaps_rollup`, and of `smaps` for what a peak is made of.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psutil

_PROC: Final = Path("/proc")
_EVERY: Final = 0.2  # seconds between samples
_KILOBYTE: Final = 1024
_MORE: Final = 1.03  # by how much a peak must be higher for its parts to be looked at again: that takes a while
_LARGEST: Final = 6  # parts of each process that are told
_ROLES: Final = (
    ("tlcore.jobs.supervisor", "supervisor"),
    ("tlcore.jobs.worker", "worker"),
    ("tlcore.images.helper", "decoding helper"),
    ("streamlit", "app"),
)
ANONYMOUS: Final = "anonymous"
_MAPPING: Final = re.compile(r"[0-9a-f]+-[0-9a-f]+ \S{4} \S+ \S+ \d+\s*(.*)")
_VARIABLES: Final = ("TLCORE_HOME", "TLCORE_HOST")


@dataclass(frozen=True)
class Sample:
    """One look at the tree.

    Attributes:
        second: Since the watching began.
        step: What the scenario was at.
        bytes_of: Proportional set size of each process, by (role, id).
    """

    second: float
    step: str
    bytes_of: dict[tuple[str, int], int]

    @property
    def total(self) -> int:
        """Of all processes."""
        return sum(self.bytes_of.values())


@dataclass
class TreeMemory:
    """Samples an app's processes for as long as the `with` block lasts.

    Attributes:
        root: The app's process.
        home: Its workspace: what names this or a folder below it in its environment belongs to the app, too.
        step: What the scenario is at; set by whoever plays it.
        samples: All looks so far.
        parts: What the largest of them was made of: role, then mapped file or kind of memory, in bytes.
        alone: What the largest would be if nobody else's processes shared pages of files with the app's, in bytes.
    """

    root: int
    home: Path
    step: str = "start"
    samples: list[Sample] = field(default_factory=list)
    parts: dict[str, dict[str, int]] = field(default_factory=dict)
    alone: int = 0
    _roles: dict[int, str | None] = field(default_factory=dict)
    _end: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch, name="tree-memory")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        if self._thread is not None:
            self._thread.join()

    def peak(self, step: str | None = None) -> Sample:
        """The largest sample, of one step or of all.

        Raises:
            ValueError: Nothing was sampled.
        """
        return max((one for one in self.samples if step in (None, one.step)), key=lambda one: one.total)

    def summary(self) -> dict[str, Any]:
        """The peak of all and of each step, and what each process had then, in megabytes of a million bytes."""
        highest = self.peak()
        steps = dict.fromkeys(one.step for one in self.samples)
        return {
            "peak_mb": _megabytes(highest.total),
            "alone_mb": _megabytes(self.alone),
            "at_second": round(highest.second, 1),
            "during": highest.step,
            "processes_mb": _by_role(highest),
            "parts_mb": {
                role: {name: _megabytes(size) for name, size in parts.items()} for role, parts in self.parts.items()
            },
            "steps": {
                step: {"peak_mb": _megabytes((found := self.peak(step)).total), "processes_mb": _by_role(found)}
                for step in steps
            },
            "largest_mb": self._largest(),
            "samples": len(self.samples),
        }

    def _largest(self) -> dict[str, int]:
        """The most that one process of each role ever had."""
        largest: Counter[str] = Counter()
        for sample in self.samples:
            for (role, _), size in sample.bytes_of.items():
                largest[role] = max(largest[role], size)
        return {role: _megabytes(size) for role, size in largest.most_common()}

    def _watch(self) -> None:
        started = time.monotonic()
        told = 0
        while True:
            sizes = {(role, pid): size for pid, role in self._tree() if (size := proportional_bytes(pid))}
            sample = Sample(time.monotonic() - started, self.step, sizes)
            self.samples.append(sample)
            if sample.total > told * _MORE:
                told = sample.total
                self._look_into(sample)
            if self._end.wait(_EVERY):
                return

    def _tree(self) -> list[tuple[int, str]]:
        """The processes that belong to the app now, each with its role."""
        alive = psutil.pids()
        for gone in self._roles.keys() - set(alive):
            del self._roles[gone]
        for pid in alive:
            # A process takes its command line a moment after it was made: until then it looks like its parent.
            if pid not in self._roles or self._roles[pid] == "starting":
                with suppress(psutil.Error):
                    self._roles[pid] = self._role(psutil.Process(pid))
        return [(pid, role) for pid, role in self._roles.items() if role is not None]

    def _role(self, process: psutil.Process) -> str | None:
        """What a process is to the app; None for those of others."""
        if process.pid == self.root:
            return "app"
        if not (self._names_home(process) or any(one.pid == self.root for one in process.parents())):
            return None
        line = " ".join(process.cmdline())
        role = next((role for part, role in _ROLES if part in line), "other")
        return "starting" if role == "app" else role

    def _names_home(self, process: psutil.Process) -> bool:
        environment = process.environ()
        named = (environment.get(name) for name in _VARIABLES)
        return any(Path(one).is_relative_to(self.home) for one in named if one)

    def _look_into(self, sample: Sample) -> None:
        shares: dict[str, Counter[str]] = {}
        whole: Counter[str] = Counter()
        anonymous = 0
        for role, pid in sample.bytes_of:
            share, resident = mapped_bytes(pid)
            shares.setdefault(role, Counter()).update(share)
            anonymous += share.pop(ANONYMOUS, 0)
            whole |= resident  # the larger of both: what two processes have of a file is mostly the same
        self.parts = {role: dict(parts.most_common(_LARGEST)) for role, parts in shares.items()}
        self.alone = anonymous + whole.total()


def proportional_bytes(pid: int, proc: Path = _PROC) -> int:
    """The proportional set size of a process, with its share of swap; 0 when it is gone."""
    try:
        lines = (proc / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Pss:", "SwapPss:"))) * _KILOBYTE


def mapped_bytes(pid: int, proc: Path = _PROC) -> tuple[Counter[str], Counter[str]]:
    """A process's memory by the file that is mapped; what no file holds is `ANONYMOUS`.

    Returns:
        Its proportional share, and what it has resident of files.
    """
    share: Counter[str] = Counter()
    resident: Counter[str] = Counter()
    try:
        lines = (proc / str(pid) / "smaps").read_text(errors="replace").splitlines()
    except OSError:
        return share, resident
    name = ""
    sizes: Counter[str] = Counter()
    for line in lines:
        if (mapping := _MAPPING.fullmatch(line)) is not None:
            name = Path(mapping[1]).name if mapping[1].startswith("/") else ANONYMOUS
            continue
        key, _, rest = line.partition(":")
        if key not in ("Rss", "Pss", "Anonymous", "SwapPss"):
            continue
        sizes[key] = int(rest.split()[0]) * _KILOBYTE
        if key == "Anonymous":  # pages of a file that were written to are the process's own
            share[ANONYMOUS] += sizes["Anonymous"]
            share[name] += max(sizes["Pss"] - sizes["Anonymous"], 0)
            resident[name] += sizes["Rss"] - sizes["Anonymous"]
        elif key == "SwapPss":
            share[ANONYMOUS] += sizes["SwapPss"]
    resident.pop(ANONYMOUS, None)
    return +share, +resident


def _by_role(sample: Sample) -> dict[str, int]:
    sizes: Counter[str] = Counter()
    for (role, _), size in sample.bytes_of.items():
        sizes[role] += size
    return {role: _megabytes(size) for role, size in sizes.most_common()}


def _megabytes(size: int) -> int:
    return round(size / 1e6)
