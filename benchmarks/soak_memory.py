"""Memory of everything that works for an app, looked at now and then."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from benchmarks.processes import anonymous_bytes
from benchmarks.soak_processes import Processes
from benchmarks.tree_memory import proportional_bytes


@dataclass
class Memory:
    """Looks at the processes of one app.

    Attributes:
        processes: All of them, by their roles.
        looks: What was seen.
    """

    processes: Processes
    looks: list[dict[str, Any]] = field(default_factory=list)

    def look(self, second: float) -> dict[str, Any]:
        """Notes the proportional set size of each role, and the app's anonymous memory, in megabytes."""
        sizes: Counter[str] = Counter()
        count: Counter[str] = Counter()
        for process, role in self.processes.living():
            sizes[role] += proportional_bytes(process.pid)
            count[role] += 1
        visitors = {role: sizes.pop(role, 0) for role in ("browsers", "visitors")}
        seen = {
            "second": round(second),
            "app_mb": _megabytes(sizes["app"]),
            "app_anonymous_mb": _megabytes(anonymous_bytes(self.processes.app)),
            "all_mb": _megabytes(sum(sizes.values())),
            "by_role_mb": {role: _megabytes(size) for role, size in sizes.items()},
            "processes": dict(count),
            "browsers_mb": _megabytes(visitors["browsers"]),
        }
        self.looks.append(seen)
        return seen


def _megabytes(size: int) -> int:
    return round(size / 1e6)
