"""One process a workspace that serves the queue: `python -m tlcore.jobs.supervisor --home PATH`.

It starts queued jobs as slots come free, sees workers end, marks the dead, and leaves when there is nothing to do. It
may be killed at any time: workers go on, and the next supervisor takes them over.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tlcore.errors import RunError, StudioError, WorkspaceError
from tlcore.files import is_disk_full
from tlcore.jobs import spare
from tlcore.jobs.executor import Executor, WorkerEnd
from tlcore.jobs.last_words import DISK_FULL, ENDED_MEASUREMENT, NO_ROOM
from tlcore.jobs.local import LocalExecutor
from tlcore.jobs.out_of_memory import CountKills, count_kills, lacked_memory
from tlcore.jobs.process import describe_exit
from tlcore.jobs.queue import slot_of, startable
from tlcore.jobs.retry import advice, begin_second_attempt
from tlcore.runs.events import Event, EventWriter, last_event
from tlcore.runs.folder import RunFolder
from tlcore.runs.identity import new_error_id
from tlcore.runs.locks import is_held, take_lock
from tlcore.runs.rebuild import ended_state
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.retries import awaits_attempt
from tlcore.runs.states import State
from tlcore.workspace import Workspace

logger = logging.getLogger(__name__)

LOCK_NAME = "supervisor.lock"
LOG_NAME = "supervisor.log"

# A new supervisor waits this long for one that is leaving, or for somebody who only looks at the lock.
_LOCK_SECONDS = 5.0
_STEP_SECONDS = 0.2
_IDLE_SECONDS = 2.0


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
        self._kills = kills
        self._unsettled: dict[str, WorkerEnd] = {}
        self._waits_for_room = False
        self._registry = Registry(workspace)

    def recover(self) -> None:
        """Puts in order what an earlier supervisor left: folders without a row, live workers, dead ones."""
        added = self._registry.rebuild()
        if added:
            logger.info("found %d jobs without a row", added)
        sweep_deleted(self._workspace)
        for record in self._registry.unfinished():
            if record.state.active:
                self._settle_or_wait(WorkerEnd(record.id, None))

    def step(self) -> bool:
        """Sees which workers ended and starts what may start; returns whether there is anything left to do."""
        for end in (*self._unsettled.values(), *self._executor.poll()):
            self._settle_or_wait(end)
        unfinished = self._registry.unfinished()
        for record in startable(unfinished, self._executor.working() | self._unsettled.keys()):
            self._start(record)
        return bool(unfinished)

    def serve(
        self, sleep: Callable[[float], None] = time.sleep, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Steps until there has been nothing to do for two seconds, or until a full disk has room again."""
        busy_at = monotonic()
        while monotonic() - busy_at < _IDLE_SECONDS:
            if self._step_or_wait():
                busy_at = monotonic()
            sleep(_STEP_SECONDS)

    def _step_or_wait(self) -> bool:
        try:
            busy = self.step()
        except WorkspaceError as error:
            if not is_disk_full(error):
                raise
            if not self._waits_for_room:
                logger.exception("the disk is full; waiting for room")
            self._waits_for_room = True
            return True
        self._waits_for_room = False
        return busy

    def _start(self, record: JobRecord) -> None:
        logger.info("starting %s (%s)", record.id, record.kind)
        try:
            self._executor.submit(record.id)
        except StudioError as error:
            logger.exception("can't start %s", record.id)
            self._move(record, State.FAILED, str(error))

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
        if record.state.ended:
            return
        try:
            folder = RunFolder.find(self._workspace, record.id)
        except RunError as error:
            self._move(record, State.FAILED if record.state is State.QUEUED else State.INTERRUPTED, str(error))
            return
        if is_held(folder.lock):
            # The worker that ended found another one at work, or an earlier supervisor's worker is alive.
            logger.info("taking over the worker of %s", record.id)
            self._executor.recover([record.id])
            return
        self._bury(record, folder, end.exit_code)

    def _bury(self, record: JobRecord, folder: RunFolder, exit_code: int | None) -> None:
        spare.give_back(folder)
        last = last_event(folder.events)
        state = ended_state(last)
        if state is not None and last is not None and record.state is not State.QUEUED:
            self._move(record, state, last.get("error"))
            return
        if self._tries_again(record, folder, exit_code, last):
            return
        state, error = self._last_word(record, folder, exit_code)
        try:
            with EventWriter(folder.events) as events:
                events.write("ended", state=state.value, error=error)
        except OSError:
            logger.exception("can't write the last event of %s", record.id)
        self._move(record, state, error)

    def _tries_again(self, record: JobRecord, folder: RunFolder, exit_code: int | None, last: Event | None) -> bool:
        """Queues a training again that ran out of memory, once; returns whether it did."""
        if record.state is not State.RUNNING:
            return False
        if last is not None and awaits_attempt(last):
            # An earlier supervisor got no further than preparing the folder. A worker that ended before its first word
            # has an exit status, and would end so again.
            if exit_code is not None:
                return False
        else:
            lacked = lacked_memory(folder, exit_code, self._kills())
            if not lacked or not begin_second_attempt(record.kind, folder):
                return False
        try:
            self._registry.move(record.id, State.QUEUED)
        except RunError:
            logger.info("%s was stopped before its second attempt", record.id, exc_info=True)
            with EventWriter(folder.events) as events:
                events.write("ended", state=State.STOPPED.value, error=None)
            self._move(record, State.STOPPED, None)
        else:
            logger.info("%s ran out of memory and is queued again in smaller batches", record.id)
        return True

    def _last_word(self, record: JobRecord, folder: RunFolder, exit_code: int | None) -> tuple[State, str]:
        """The state and the explanation of a job whose worker left none."""
        if exit_code == NO_ROOM:
            return State.FAILED, DISK_FULL
        if record.state is State.QUEUED:
            error_id = new_error_id()
            logger.error(
                "error %s: the worker of %s never started working; its log: %s", error_id, record.id, folder.log
            )
            ended = describe_exit(exit_code)
            return State.FAILED, f"The job's process could not start ({error_id}). {ended} See {folder.log}."
        if record.state is State.STOPPING and slot_of(record) == "calibrate":
            return State.STOPPED, ENDED_MEASUREMENT
        lacked = lacked_memory(folder, exit_code, self._kills())
        if lacked:
            return State.FAILED, advice(record.kind, folder)
        return State.INTERRUPTED, describe_exit(exit_code, lacked)

    def _move(self, record: JobRecord, state: State, error: str | None) -> None:
        try:
            self._registry.move(record.id, state, error=error)
        except RunError:
            logger.info("%s was moved by somebody else", record.id, exc_info=True)
            return
        logger.info("%s is %s: %s", record.id, state, error or "")


def sweep_deleted(workspace: Workspace) -> None:
    """Removes folders whose deletion was cut short."""
    for parent in (workspace.runs, workspace.jobs):
        for path in parent.glob(".deleted-*"):
            shutil.rmtree(path, ignore_errors=True)


def supervise(workspace: Workspace) -> bool:
    """Serves the queue until it stays empty; returns False at once when another supervisor does already.

    A job that is submitted while the lock is being given back is not lost: the submitter saw the lock held, so the
    queue is looked at once more after it is free.
    """
    timeout = _LOCK_SECONDS
    while True:
        lock = take_lock(workspace.root / LOCK_NAME, timeout)
        if lock is None:
            return False
        try:
            supervisor = Supervisor(workspace, LocalExecutor(workspace))
            supervisor.recover()
            supervisor.serve()
        finally:
            lock.release()
        if not Registry(workspace).unfinished():
            return True
        timeout = 0.0


def main(arguments: Sequence[str]) -> int:
    """Supervises the workspace given by `--home`; returns the process's exit status."""
    parser = argparse.ArgumentParser(prog="python -m tlcore.jobs.supervisor", description="Serves a workspace's queue.")
    parser.add_argument("--home", type=Path, required=True, help="the workspace's folder")
    home = parser.parse_args(arguments).home
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(process)d %(message)s")
    workspace = Workspace.open(home)
    logger.info("supervisor of %s", workspace.root)
    served = supervise(workspace)
    logger.info("leaving: %s", "nothing to do" if served else "another supervisor is at work")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
