"""Memory and processor time of everything that works for an app, looked at now and then."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.processes import anonymous_bytes
from benchmarks.tree_memory import proportional_bytes

_ROLES: Final = (
    ("tlcore.jobs.supervisor", "supervisors"),
    ("tlcore.jobs.worker", "workers"),
    ("tlcore.images.helper", "decoding helpers"),
)
_VARIABLES: Final = ("TLCORE_HOME", "TLCORE_HOST")


@dataclass
class Memory:
    """Looks at the processes of one app.

    Attributes:
        app: Its process.
        home: Its workspace, whose path is in the environment of all that it starts.
        browser: The process that drives the browser: told apart, since it is no part of the app.
        looks: What was seen.
    """

    app: int
    home: Path
    browser: int
    looks: list[dict[str, Any]] = field(default_factory=list)

    def look(self, second: float) -> dict[str, Any]:
        """Notes the proportional set size of each role, and the app's anonymous memory, in megabytes."""
        sizes: Counter[str] = Counter()
        count: Counter[str] = Counter()
        for pid, role in self._processes():
            sizes[role] += proportional_bytes(pid)
            count[role] += 1
        seen = {
            "second": round(second),
            "app_mb": _megabytes(sizes["app"]),
            "app_anonymous_mb": _megabytes(anonymous_bytes(self.app)),
            "all_mb": _megabytes(sum(sizes.values())),
            "by_role_mb": {role: _megabytes(size) for role, size in sizes.items()},
            "processes": dict(count),
            "browser_mb": _megabytes(sum(proportional_bytes(one.pid) for one in self._browser())),
        }
        self.looks.append(seen)
        return seen

    def processor_seconds(self) -> dict[str, float]:
        """Processor time that the app and the browser have taken so far, without processes that have ended."""
        return {
            "app": round(_seconds([psutil.Process(self.app)]), 1),
            "browser": round(_seconds(self._browser()), 1),
        }

    def _processes(self) -> list[tuple[int, str]]:
        found = [(self.app, "app")]
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid == self.app or not self._is_ours(process):
                    continue
                line = " ".join(process.cmdline())
                found.append((process.pid, next((role for part, role in _ROLES if part in line), "others")))
        return found

    def _is_ours(self, process: psutil.Process) -> bool:
        environment = process.environ()
        return any(Path(one).is_relative_to(self.home) for name in _VARIABLES if (one := environment.get(name)))

    def _browser(self) -> list[psutil.Process]:
        found = []
        for one in psutil.Process(self.browser).children(recursive=True):
            with suppress(psutil.Error):
                if one.pid != self.app and not self._is_ours(one):
                    found.append(one)
        return found


def _seconds(processes: list[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def _megabytes(size: int) -> int:
    return round(size / 1e6)
