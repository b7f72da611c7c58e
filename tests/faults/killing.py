"""Runs inside workers, as their `sitecustomize`: counts what they do by kind of work, and kills them at a given moment.

Nothing of the project is imported: this module is copied into a folder of its own, and Python loads it before anything
else. Beside the workspace lie `moments.txt`, where it exists, to write down what is counted, and `fault.json`, where
it exists, with the moment at which the worker is to be killed. Once that has come the file is renamed: the next worker
lives.

A moment is the n-th step of a kind of work: a file that is opened for writing, renamed or removed, a folder made, a
batch or a picture done. After it the worker may go on for some seconds, but no further than
to the next step.
"""

from __future__ import annotations

import importlib.abc
import itertools
import json
import os
import signal
import sys
import threading
import time
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

_REPORTER = "tlcore.jobs.reporter"
_CHANGES = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir"}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Watcher:
    """Knows which kind of work the process is at, and counts its steps."""

    def __init__(self, home: Path) -> None:
        self._home = str(home)
        self._file = home.with_name("fault.json")
        self._fault: dict[str, Any] = json.loads(self._file.read_text()) if self._file.exists() else {}
        moments = home.with_name("moments.txt")
        self._moments = moments.open("a", buffering=1) if moments.exists() else None
        self._kind = "import" if (home / "jobs" / sys.orig_argv[-1]).is_dir() else "start"
        self._counts: dict[str, itertools.count[int]] = {}
        self._once = threading.Lock()
        self._waits = self._fired = False

    def audit(self, name: str, values: tuple[Any, ...]) -> None:
        """Called by Python before it changes something on the disk, among much else."""
        if name not in _CHANGES or self._fired:
            return
        path = str(values[1] if name == "os.rename" else values[0])
        if not path.startswith(self._home) or path.endswith(("/heartbeat", ".jsonl")):
            return
        if name == "open" and not (values[2] or 0) & _WRITES:
            return
        if "/checkpoints/" in path:
            self._step("checkpoint")
            return
        if self._kind == "bundle" and path.endswith("/test_pictures.parquet"):
            self._kind = "report"
        if self._kind == "report" and "/runs/" not in path:
            return  # what is learned for the next forecast: not every training writes it
        self._step(self._kind)

    def told(self, kind: str, values: dict[str, Any]) -> None:
        """Called when the worker tells something."""
        if self._kind == "import":
            pass
        elif kind == "phase":
            self._kind = values["phase"]
        elif kind == "task":
            self._kind = "bundle" if values["task"] == "Keeping the model" else "extraction"
        self._step(self._kind)

    def _step(self, kind: str) -> None:
        count = next(self._counts.setdefault(kind, itertools.count(1)))  # threads do steps at once: none is lost
        if self._moments is not None:
            self._moments.write(f"{time.monotonic():.4f} {kind}\n")
        if self._waits:
            self._kill()  # on a faster machine the next step comes before the time is over
        if (self._fault.get("kind"), self._fault.get("number")) != (kind, count):
            return
        if not self._fault["delay"]:
            self._kill()
        self._waits = True
        killer = threading.Timer(self._fault["delay"], self._kill)
        killer.daemon = True
        killer.start()

    def _kill(self) -> None:
        self._once.acquire()  # whoever comes second waits for the end
        self._fired = True
        self._file.write_text(json.dumps(self._fault | {"pid": os.getpid()}))
        self._file.rename(self._file.with_name("killed.json"))
        parent = os.getppid()
        if self._fault["supervisor"] and b"tlcore.jobs.supervisor" in Path(f"/proc/{parent}/cmdline").read_bytes():
            os.kill(parent, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


class Listening(importlib.abc.MetaPathFinder):
    """Lets the watcher hear what the worker tells."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:  # noqa: ARG002
        if name != _REPORTER:
            return None
        spec = PathFinder.find_spec(name, path)
        assert spec is not None
        loader: Any = spec.loader
        execute = loader.exec_module

        def execute_and_listen(module: Any) -> None:
            execute(module)
            self._listen(module.FolderReporter)

        loader.exec_module = execute_and_listen
        return spec

    def _listen(self, reporter: Any) -> None:
        event, progress = reporter.event, reporter.progress

        def heard_event(self_: Any, kind: str, **values: Any) -> None:
            event(self_, kind, **values)
            self._watcher.told(kind, values)

        def heard_progress(self_: Any, *values: Any) -> None:
            progress(self_, *values)
            self._watcher.told("progress", {})

        reporter.event, reporter.progress = heard_event, heard_progress


if "tlcore.jobs.worker" in sys.orig_argv:
    _watcher = Watcher(Path(os.environ["TLCORE_HOME"]))
    sys.addaudithook(_watcher.audit)
    sys.meta_path.insert(0, Listening(_watcher))
