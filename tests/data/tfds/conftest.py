from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def run_script() -> Callable[..., None]:
    """run_script("write_datasets.py", argument …): a script of this folder, in a process of its own."""

    def run(name: str, *arguments: object) -> None:
        ran = subprocess.run([sys.executable, HERE / name, *map(str, arguments)], capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr[-3000:]

    return run


@dataclass
class Watcher:
    """Keeps what is told, and asks to stop once it hears of a task."""

    stop_at: str = ""
    heard: list[tuple[str, int, int]] = field(default_factory=list)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def event(self, kind: str, **values: Any) -> None:
        self.events.append((kind, values))

    def progress(self, task: str, done: int, total: int) -> None:
        self.heard.append((task, done, total))

    def stop_requested(self) -> bool:
        return bool(self.stop_at) and any(task.startswith(self.stop_at) for task, _, _ in self.heard)


@pytest.fixture
def watcher() -> type[Watcher]:
    return Watcher


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Waits until something is true, and fails when it stays false."""

    def wait(true: Callable[[], object]) -> None:
        deadline = time.monotonic() + 120
        while not true():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.02)

    return wait
