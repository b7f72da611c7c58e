"""Processes of a soak by their roles, and the processor time that each role has taken, ended processes included."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

_ROLES: Final = (
    ("tlcore.jobs.supervisor", "supervisors"),
    ("tlcore.jobs.worker", "workers"),
    ("tlcore.images.helper", "decoding helpers"),
)
_VARIABLES: Final = ("TLCORE_HOME", "TLCORE_HOST")
_EVERY: Final = 1.0  # seconds between looks: what a process takes after the last of them is counted as unseen


@dataclass
class Processes:
    """All that works for an app, and the browsers that visit it.

    Attributes:
        app: The app's process.
        home: Its workspace, whose path is in the environment of all that it starts.
        visitors: The process that plays the visitors, and whose children the browsers are.
    """

    app: int
    home: Path
    visitors: int
    _roles: dict[tuple[int, float], str | None] = field(default_factory=dict)
    _seconds: dict[tuple[int, float], float] = field(default_factory=dict)
    _ended: float = 0.0  # the largest sum of the app's side, with children that it has waited for
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _end: threading.Event = field(default_factory=threading.Event)

    def living(self) -> Iterator[tuple[psutil.Process, str]]:
        """Every process that belongs here, with its role."""
        browsers = {one.pid for one in psutil.Process(self.visitors).children(recursive=True)}
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                role = self._role(process, process.pid in browsers)
                if role is not None:
                    yield process, role

    def watch(self) -> None:
        """Looks at the processor time until `stop`."""
        while not self._end.wait(_EVERY):
            self.look()

    def stop(self) -> None:
        """Ends `watch`."""
        self._end.set()

    def look(self) -> None:
        """Notes the processor time of each process, and that of all that the app's side has waited for."""
        whole = 0.0
        with self._lock:
            for process, role in self.living():
                with suppress(psutil.Error):
                    times = process.cpu_times()
                    self._seconds[process.pid, process.create_time()] = times.user + times.system
                    if role not in ("browsers", "visitors"):
                        whole += times.user + times.system + times.children_user + times.children_system
            self._ended = max(self._ended, whole)

    def processor_seconds(self) -> dict[str, Any]:
        """Of each role so far; `unseen` is what processes of the app took between the last look and their end."""
        self.look()
        with self._lock:
            seconds: defaultdict[str, float] = defaultdict(float)
            for key, taken in self._seconds.items():
                seconds[self._roles[key] or "others"] += taken
            seen = sum(taken for role, taken in seconds.items() if role not in ("browsers", "visitors"))
            found = {role: round(taken, 1) for role, taken in sorted(seconds.items())}
            return found | {"unseen": round(max(0.0, self._ended - seen), 1)}

    def _role(self, process: psutil.Process, under_visitors: bool) -> str | None:
        key = (process.pid, process.create_time())
        if key not in self._roles or self._roles[key] == "others":  # between fork and exec it looks like its parent
            self._roles[key] = self._found_role(process, under_visitors)
        return self._roles[key]

    def _found_role(self, process: psutil.Process, under_visitors: bool) -> str | None:
        if process.pid == self.app:
            return "app"
        if process.pid == self.visitors:
            return "visitors"
        if not self._is_ours(process):
            return "browsers" if under_visitors else None
        line = " ".join(process.cmdline())
        return next((role for part, role in _ROLES if part in line), "others")

    def _is_ours(self, process: psutil.Process) -> bool:
        environment = process.environ()
        return any(Path(one).is_relative_to(self.home) for name in _VARIABLES if (one := environment.get(name)))
