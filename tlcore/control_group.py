"""Linux's control groups, as far as memory goes: what a container or a service may use, and what was killed in it.

Version 2 has one tree of groups, version 1 one for memory alone; both are read. Where there is neither, nothing is
told.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_OWN: Final = Path("/proc/self/cgroup")
_ROOT: Final = Path("/sys/fs/cgroup")

# Version 1 writes "no limit" as the largest multiple of a page; no machine has this much.
_NO_LIMIT: Final = 1 << 60


@dataclass(frozen=True)
class MemoryGroup:
    """The group of a process.

    Attributes:
        folder: Where the kernel shows it.
        top: The folder of the outermost group that can be seen.
    """

    folder: Path
    top: Path

    def kills(self) -> int | None:
        """How many processes of this group the kernel has killed for want of memory, whoever's limit it was.

        None where the kernel doesn't count them.
        """
        # Older kernels have no local counts: theirs include those of the groups below.
        for name in ("memory.events.local", "memory.events", "memory.oom_control"):
            count = _fields(self.folder / name).get("oom_kill")
            if count is not None:
                return count
        return None

    def room(self) -> int | None:
        """Bytes that the group, and those around it, may still use; None where none has a limit.

        Pages of files count as free: the kernel drops them when memory is short.
        """
        rooms: list[int] = []
        for folder in (self.folder, *self.folder.parents):
            limit = _number(folder, "memory.max", "memory.limit_in_bytes")
            used = _number(folder, "memory.current", "memory.usage_in_bytes")
            if limit is not None and used is not None and limit < _NO_LIMIT:
                stat = _fields(folder / "memory.stat")
                files = stat.get("total_inactive_file", stat.get("inactive_file", 0))
                rooms.append(max(limit - used + files, 0))
            if folder == self.top:
                break
        return min(rooms, default=None)


def memory_group(own: Path = _OWN, root: Path = _ROOT) -> MemoryGroup | None:
    """The group that this process's memory is counted in; None where there are no control groups.

    Args:
        own: The kernel's list of the groups of this process.
        root: Where the groups' folders are mounted.
    """
    try:
        lines = own.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        if "memory" in controllers.split(","):
            top = root / "memory"
        elif number == "0" and not controllers:
            top = root
        else:
            continue
        # A container may see its own group as the root, while the list names it as the host does.
        inside = top / path.lstrip("/")
        for folder in (inside, top):
            if (folder / "memory.events").exists() or (folder / "memory.oom_control").exists():
                return MemoryGroup(folder, top)
    return None


def _fields(path: Path) -> dict[str, int]:
    """A file of lines `name number`; {} where it can't be read."""
    try:
        pairs = [line.split() for line in path.read_text(encoding="ascii", errors="replace").splitlines()]
    except OSError:
        return {}
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def _number(folder: Path, *names: str) -> int | None:
    """The number in the first of these files that there is; None where it is missing or "max"."""
    for name in names:
        try:
            text = (folder / name).read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            continue
        return int(text) if text.isdigit() else None
    return None
