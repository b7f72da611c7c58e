"""Jobs that are killed and go on, driven through the service as pages, a person and the app's watchdog do."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from tests.faults.faults import Kill, Moment
from tlcore.errors import RunError
from tlcore.jobs import again, service
from tlcore.jobs.start_up import put_right
from tlcore.locks import is_held
from tlcore.runs.attempts import earlier_files
from tlcore.runs.events import read_events
from tlcore.runs.folder import RunFolder
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

PATIENCE_SECONDS: Final = 300.0
_LATER: Final = 1000.0


@dataclass(frozen=True)
class Killed:
    """One kill that was done.

    Attributes:
        kind: What the worker was at.
        with_supervisor, by_itself: As asked for.
        seconds_to_tell: From the kill until the job is shown as interrupted.
        seconds_to_go_on: From then, or from the person's click, until its next worker is at work.
    """

    kind: str
    with_supervisor: bool
    by_itself: bool
    seconds_to_tell: float
    seconds_to_go_on: float


def attempts(folder: RunFolder) -> list[tuple[dict[str, Any], ...]]:
    """The events of each attempt, oldest first."""
    return [read_events(path).events for path in (*earlier_files(folder), folder.events)]


def run_killed(workspace: Workspace, job_id: str, kills: list[tuple[Kill, Moment]]) -> tuple[JobRecord, list[Killed]]:
    """Follows a job, just submitted with the first moment laid out, through all kills to its end."""
    done = []
    for number, (kill, moment) in enumerate(kills):
        told, pid = _wait_until_killed(workspace, job_id, moment)
        if number + 1 < len(kills):
            kills[number + 1][1].lay(workspace.root)
        begun = time.monotonic()
        if not _goes_on_unasked(workspace, job_id, pid):
            if not kill.by_itself:
                _press_resume(workspace, job_id)
            _wait_until_at_work(workspace, job_id)
        going_on = time.monotonic() - begun
        done.append(Killed(kill.kind, kill.with_supervisor, kill.by_itself, round(told, 2), round(going_on, 2)))
    record = service.wait(workspace, job_id, timeout=PATIENCE_SECONDS)
    for _ in _patiently("its last worker, which has told its end, lets go of its folder"):
        if not is_held(RunFolder.find(workspace, job_id).lock):
            break
    return record, done


def _wait_until_killed(workspace: Workspace, job_id: str, moment: Moment) -> tuple[float, int]:
    """Waits for the kill, and until it is told; returns the seconds between, and which process it was."""
    killed = workspace.root.with_name("killed.json")
    registry = Registry(workspace)
    for _ in _patiently(f"the worker is killed at {moment}"):
        state = registry.get(job_id).state
        if killed.exists():
            break
        assert not state.ended, f"{state} before {moment}"
    at, pid = time.monotonic(), int(json.loads(killed.read_text())["pid"])
    for _ in _patiently(f"the kill at {moment} is told"):
        service.keep_moving(workspace)
        if registry.get(job_id).state.ended or _goes_on_unasked(workspace, job_id, pid):
            break
    return time.monotonic() - at, pid


def _goes_on_unasked(workspace: Workspace, job_id: str, killed: int) -> bool:
    """Whether a worker that was killed before its first word was followed by another without asking."""
    record = Registry(workspace).get(job_id)
    return record.pid not in (None, killed) or (record.state.ended and record.state is not State.INTERRUPTED)


def _press_resume(workspace: Workspace, job_id: str) -> None:
    try:
        again.resume(workspace, job_id)
    except RunError:
        # On a slow machine a training may have gone on by itself meanwhile.
        if Registry(workspace).get(job_id).state is State.INTERRUPTED:
            raise


def _wait_until_at_work(workspace: Workspace, job_id: str) -> None:
    folder = RunFolder.find(workspace, job_id)
    for _ in _patiently("the job goes on"):
        service.keep_moving(workspace)
        if Registry(workspace).get(job_id).state is State.INTERRUPTED:
            continue
        if any(event["kind"] == "started" for event in read_events(folder.events).events):
            return


def _patiently(what: str) -> Iterator[None]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        yield
        time.sleep(0.02)
    raise AssertionError(f"it did not happen in time that {what}")


def left_half_made(workspace: Workspace) -> list[str]:
    """What lies about after the next start, a while later: half-written files, uploads, locks that are held."""
    for path in workspace.root.rglob(".*.tmp"):
        then = path.stat().st_mtime - _LATER
        os.utime(path, (then, then))
    put_right(workspace)
    half = [path for pattern in ("*.tmp", "saving-*", ".deleted-*") for path in workspace.root.rglob(pattern)]
    held = [folder.lock for folder in RunFolder.all_in(workspace) if is_held(folder.lock)]
    return sorted(str(path.relative_to(workspace.root)) for path in (*half, *held, *workspace.incoming.iterdir()))


def processes(marker: Path) -> list[psutil.Process]:
    """All processes that were started with this folder on Python's path, and what they started."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(marker) in process.environ().get("PYTHONPATH", "").split(os.pathsep):
                found.append(process)
        except psutil.Error:
            continue
    return found
