"""One process a workspace that serves the queue: `python -m tlcore.jobs.supervisor --home PATH`.

It starts queued jobs as slots come free, sees workers end, marks the dead, and leaves when there is nothing to do. It
may be killed at any time: workers go on, and the next supervisor takes them over.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from tlcore.errors import RunError, StudioError, WorkspaceError
from tlcore.files import is_disk_full
from tlcore.jobs import resuming
from tlcore.jobs.executor import Executor, WorkerEnd
from tlcore.jobs.local import LocalExecutor
from tlcore.jobs.out_of_memory import CountKills, count_kills
from tlcore.jobs.queue import slot_of, startable
from tlcore.jobs.reaper import Reaper
from tlcore.jobs.start_up import put_right
from tlcore.jobs.tickets import LOCK_NAME as LOCK_NAME
from tlcore.jobs.turns import turns_of
from tlcore.logs import guard_output, start_console, start_lines
from tlcore.runs.database import RegistryBusyError
from tlcore.runs.folder import RunFolder
from tlcore.runs.locks import is_held, take_lock
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.repairs import note_repair
from tlcore.runs.states import State
from tlcore.workspace import Workspace

logger = logging.getLogger(__name__)

LOG_NAME = "supervisor.log"

# A new supervisor waits this long for one that is leaving, or for somebody who only looks at the lock.
_LOCK_SECONDS = 5.0
_STEP_SECONDS = 0.2
_IDLE_SECONDS = 2.0
_BUSY_SECONDS = 1.0


class Supervisor:
    """Serves the queue of one workspace, one `step` at a time.

    Args:
        workspace: The workspace.
        executor: Runs the workers.
        kills: Tells how many processes the kernel has killed for memory.
    """

    def __init__(self, workspace: Workspace, executor: Executor, kills: CountKills = count_kills) -> None:
        self._workspace = workspace
        self._executor = executor
        self._unsettled: dict[str, WorkerEnd] = {}
        self._waits = False
        self._queued_when_started: dict[str, datetime] = {}
        self._registry = Registry(workspace)
        self._reaper = Reaper(workspace, kills)
        self._resumer = resuming.Resumer(workspace)
        self._turns = turns_of(workspace)

    def recover(self) -> None:
        """Puts in order what an earlier supervisor left: folders without a row, live workers, dead ones."""
        added = self._registry.rebuild()
        if added:
            note_repair(self._workspace, f"{added} folders of runs or jobs were not in the list, and were added.")
        put_right(self._workspace)
        for record in self._registry.unfinished():
            if record.state.active:
                self._settle_or_wait(WorkerEnd(record.id, None))

    def step(self) -> bool:
        """Sees which workers ended and starts what may start; returns whether there is anything left to do."""
        for end in (*self._unsettled.values(), *self._executor.poll()):
            self._settle_or_wait(end)
        unfinished = self._registry.unfinished()
        working = self._executor.working() | self._unsettled.keys()
        self._turns.tell(unfinished, working)
        for record in startable(unfinished, working, self._turns.slots):
            self._start(record)
        return bool(unfinished)

    def serve(
        self, sleep: Callable[[float], None] = time.sleep, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Steps until there has been nothing to do for two seconds.

        A disk that is full and a registry that another program keeps locked are waited for.
        """
        busy_at = monotonic()
        while monotonic() - busy_at < _IDLE_SECONDS:
            if self._step_or_wait():
                busy_at = monotonic()
            sleep(_STEP_SECONDS)

    def _step_or_wait(self) -> bool:
        try:
            busy = self.step()
            busy = self._resumer.step() or busy
        except (OSError, WorkspaceError) as error:
            if not _passes(error):
                raise
            if not self._waits:
                logger.exception("can't go on now; trying on")
            self._waits = True
            return True
        self._waits = False
        return busy

    def _start(self, record: JobRecord) -> None:
        slot = self._turns.take(slot_of(record))
        if slot is None:
            return  # somebody else's turn
        logger.info("starting %s (%s)", record.id, record.kind)
        self._queued_when_started[record.id] = record.queued
        try:
            self._executor.submit(record.id, slot)
        except StudioError as error:
            logger.exception("can't start %s", record.id)
            self._reaper.end(record, State.FAILED, str(error))

    def _settle_or_wait(self, end: WorkerEnd) -> None:
        """Settles, or tries again at each step while the disk is full or the registry locked."""
        try:
            self._settle(end)
        except (OSError, WorkspaceError):
            if end.job_id not in self._unsettled:
                logger.exception("can't write down how %s ended; trying on", end.job_id)
            self._unsettled[end.job_id] = end
        else:
            self._unsettled.pop(end.job_id, None)

    def _settle(self, end: WorkerEnd) -> None:
        """Gives a job whose worker is gone its last state, unless the worker did so itself."""
        try:
            record = self._registry.get(end.job_id)
        except RunError:
            return  # deleted meanwhile
        if record.state.ended or self._is_queued_anew(record, end):
            return
        try:
            folder = RunFolder.find(self._workspace, record.id)
        except RunError as error:
            self._reaper.end(record, State.FAILED if record.state is State.QUEUED else State.INTERRUPTED, str(error))
            return
        if is_held(folder.lock):
            # The worker that ended found another one at work, or an earlier supervisor's worker is alive.
            logger.info("taking over the worker of %s", record.id)
            self._executor.recover([record.id])
            return
        self._reaper.reap(record, folder, end.exit_code)

    def _is_queued_anew(self, record: JobRecord, end: WorkerEnd) -> bool:
        """Whether the job was queued again while the process of its last worker was still ending.

        A worker tells its end before its process has let go of its memory, which takes a second.
        """
        if record.state is not State.QUEUED:
            return False
        started = self._queued_when_started.get(record.id)
        return end.exit_code is None if started is None else started != record.queued


def _passes(error: BaseException) -> bool:
    """Whether waiting helps: room comes back, and other programs close files."""
    return is_disk_full(error) or isinstance(error, RegistryBusyError)


def supervise(workspace: Workspace, starting: int | None = None) -> bool:
    """Serves the queue until it stays empty; returns False at once when another supervisor does already.

    A job that is submitted while the lock is being given back is not lost: the submitter saw the lock held, so the
    queue is looked at once more after it is free.

    Args:
        workspace: Whose queue.
        starting: An open file that tells others by its lock that a supervisor is on its way; it is closed once it is
            known which one is at work.
    """
    timeout = _LOCK_SECONDS
    while True:
        lock = take_lock(workspace.root / LOCK_NAME, timeout)
        if starting is not None:
            os.close(starting)
            starting = None
        if lock is None:
            return False
        try:
            supervisor = Supervisor(workspace, LocalExecutor(workspace))
            _recover(supervisor)
            supervisor.serve()
        finally:
            lock.release()
        if not is_work_left(workspace):
            return True
        timeout = 0.0


def is_work_left(workspace: Workspace) -> bool:
    """Whether a workspace needs a supervisor: something is queued or at work, or a training is about to go on."""
    return bool(Registry(workspace).unfinished()) or resuming.any_waits(workspace)


def _recover(supervisor: Supervisor) -> None:
    while True:
        try:
            return supervisor.recover()
        except (OSError, WorkspaceError) as error:
            if not _passes(error):
                raise
            logger.exception("can't put things in order now; trying on")
            time.sleep(_BUSY_SECONDS)


def main(arguments: Sequence[str]) -> int:
    """Supervises the workspace given by `--home`; returns the process's exit status."""
    parser = argparse.ArgumentParser(prog="python -m tlcore.jobs.supervisor", description="Serves a workspace's queue.")
    parser.add_argument("--home", type=Path, required=True, help="the workspace's folder")
    parser.add_argument("--starting", type=int, help="an open file to close once it is at work")
    asked = parser.parse_args(arguments)
    start_console("%(asctime)s %(levelname)s %(process)d %(message)s")
    workspace = Workspace.open(asked.home)
    start_lines(workspace.host, "supervisor")
    logger.info("supervisor of %s", workspace.root)
    served = supervise(workspace, asked.starting)
    logger.info("leaving: %s", "nothing to do" if served else "another supervisor is at work")
    return 0


if __name__ == "__main__":
    guard_output()
    sys.exit(main(sys.argv[1:]))
