"""Ending measurements of this computer: a training comes first, and would be measured with them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import psutil

from tlcore.errors import RunError
from tlcore.jobs.service import request_stop
from tlcore.progress import Reporter, Stopped
from tlcore.runs.events import read_events
from tlcore.runs.folder import RunFolder
from tlcore.runs.locks import is_held
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

KIND: Final = "calibrate"

ENDING: Final = "Ending a measurement of this computer"

_WORKER_MODULE: Final = "tlcore.jobs.worker"
_PATIENCE_SECONDS: Final = 3.0
_STEP_SECONDS: Final = 0.1

log = logging.getLogger(__name__)


def end_measurements(
    workspace: Workspace,
    reporter: Reporter,
    patience: float = _PATIENCE_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Ends measurements that wait or are at work, for sure: the memory and the locks that they hold are free then.

    They are asked first. One that is deep in a long computation hears nothing, and its process is ended: nothing of it
    is lost, since a training writes down the same figures.

    Args:
        workspace: Whose.
        reporter: Of the training that comes first.
        patience: Seconds that a measurement has for ending by itself, and then for having been ended.
        sleep: Waits.

    Raises:
        Stopped: Somebody asked the training to stop meanwhile.
    """
    jobs = [job for job in Registry(workspace).unfinished() if job.kind == KIND]
    for job in jobs:
        if job.state is not State.STOPPING:
            with suppress(RunError):  # it ended at this very moment
                request_stop(workspace, job.id)
    folders = []
    for job in jobs:
        with suppress(RunError):  # deleted meanwhile
            folders.append(RunFolder.find(workspace, job.id))
    if not any(is_held(folder.lock) for folder in folders):
        return
    reporter.event("task", task=ENDING)
    if _all_free(folders, reporter, patience, sleep):
        return
    for folder in folders:
        if is_held(folder.lock):
            _kill(folder)
    if not _all_free(folders, reporter, patience, sleep):
        log.warning("a measurement could not be ended; the training begins beside it")


def _all_free(folders: list[RunFolder], reporter: Reporter, patience: float, sleep: Callable[[float], None]) -> bool:
    """Whether all workers are gone, at the latest after some patience."""
    for _ in range(round(patience / _STEP_SECONDS)):
        if not any(is_held(folder.lock) for folder in folders):
            return True
        if reporter.stop_requested():
            raise Stopped
        sleep(_STEP_SECONDS)
    return False


def _kill(folder: RunFolder) -> None:
    """Ends the process that said it works on the job, if it still is the one that does."""
    told = [event["pid"] for event in read_events(folder.events, 0).events if event["kind"] == "started"]
    if not told:
        return
    try:
        process = psutil.Process(told[-1])
        command = process.cmdline()
        if _WORKER_MODULE not in command or command[-1] != folder.id:
            log.warning("process %d is not the worker of %s any more", told[-1], folder.id)
            return
        process.kill()
    except psutil.Error:
        log.info("the worker of %s can't be ended", folder.id, exc_info=True)
    else:
        log.info("ended the measurement %s, which did not end by itself", folder.id)
