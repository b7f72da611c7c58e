"""Memory: whether an error means that there was too little of it, and how much of it this process uses."""

from __future__ import annotations

import errno
import os
import re
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tlcore.control_group import memory_group
from tlcore.files import error_chain, is_disk_full
from tlcore.progress import Reporter

_STATUS: Final = Path("/proc/self/status")
_WATCH_SECONDS: Final = 0.2

# TensorFlow's and JAX's error for memory. It can't be imported here: this module is read without a framework.
_RESOURCE_ERRORS: Final = frozenset({"ResourceExhaustedError", "OutOfMemoryError"})

# What C++ and graphics drivers say where they know no kind of error for it.
_WORDS: Final = re.compile(
    r"bad[_ ]alloc(ation)?\b|\bout of (host |device )?memory|OUT_OF_(HOST_|DEVICE_)?MEMORY"
    r"|MEM_OBJECT_ALLOCATION_FAILURE|\bOOM when allocating|cannot allocate memory"
    r"|(failed|unable|not able) to allocate (memory|\d+ bytes)|Dst tensor is not initialized|^RESOURCE_EXHAUSTED:",
    re.IGNORECASE,
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error`, or what it was raised from, means that memory was short: the machine's or a graphics card's.

    Python, NumPy, Pillow and Arrow raise a MemoryError of their own; TensorFlow has its own kind; OpenVINO and drivers
    only say so in words. TensorFlow's kind also stands for a full disk, which is not meant here.
    """
    chain = tuple(error_chain(error))
    if any(is_disk_full(link) for link in chain):
        return False
    return any(_tells_of_memory(link) for link in chain)


def _tells_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ in _RESOURCE_ERRORS:
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    # Our own errors speak of memory to people; only those of libraries are judged by their words.
    foreign = isinstance(error, RuntimeError | SystemError) or type(error).__module__.startswith("tensorflow.")
    return foreign and _WORDS.search(str(error)) is not None


def half_batch(batch_size: int, smallest: int = 1) -> int | None:
    """The batch size for a second attempt; None where it can't be smaller.

    Args:
        batch_size: What was too much.
        smallest: No batch may be smaller: one picture for each graphics card.
    """
    half = max(batch_size // 2, smallest)
    return half if half < batch_size else None


def tell_memory(reporter: Reporter, status: Path = _STATUS) -> int:
    """Tells a `memory` event: `anonymous` and `available` bytes. Call it once in each phase.

    Anonymous memory is what the process holds for good; touched pages of memory-mapped files, which the kernel can
    drop, are not in it. Available is what could be had besides: the least of what the machine and its control groups,
    such as a container's, have left.

    Args:
        reporter: Who is told.
        status: Linux's description of this process.

    Returns:
        The anonymous bytes; where the system doesn't tell them apart, all resident ones.
    """
    anonymous = anonymous_bytes(status)
    reporter.event("memory", anonymous=anonymous, available=available_bytes())
    return anonymous


class MemoryWatch:
    """Looks at this process's memory a few times a second: the most is taken for moments, between all that is told.

    A context manager; `most` is the most anonymous memory that was seen, in bytes.
    """

    def __init__(self, every: float = _WATCH_SECONDS) -> None:
        self.most = 0
        self._every = every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="memory-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def tell(self, reporter: Reporter) -> None:
        """Tells a `memory` event of the most."""
        if self.most:
            reporter.event("memory", anonymous=self.most, available=available_bytes())

    def _look(self) -> None:
        while True:
            self.most = max(self.most, anonymous_bytes())
            if self._over.wait(self._every):
                return


def anonymous_bytes(status: Path = _STATUS) -> int:
    """Bytes of anonymous memory of this process, swapped out ones included; resident bytes where Linux is not."""
    import psutil  # pages come by this module, and need nothing that it loads

    try:
        lines = status.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    if "RssAnon" not in fields:
        return int(psutil.Process(os.getpid()).memory_info().rss)
    return sum(int(fields[name].split()[0]) * 1024 for name in ("RssAnon", "VmSwap") if name in fields)


def available_bytes() -> int:
    """Bytes that this process could still have without swapping: the machine's, or its control group's if fewer."""
    import psutil

    machine = int(psutil.virtual_memory().available)
    group = memory_group()
    room = group.room() if group is not None else None
    return machine if room is None else min(machine, room)
