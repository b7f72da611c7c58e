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

from tlcore.errors import RunError, StudioError
from tlcore.jobs.executor import Executor, WorkerEnd
from tlcore.jobs.local import LocalExecutor
from tlcore.jobs.process import describe_exit
from tlcore.jobs.queue import startable
from tlcore.runs.events import EventWriter, last_event
from tlcore.runs.folder import RunFolder
from tlcore.runs.identity import new_error_id
from tlcore.runs.locks import is_held, take_lock
from tlcore.runs.rebuild import ended_state
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
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
    """

    def __init__(self, workspace: Workspace, executor: Executor) -> None:
        self._workspace = workspace
        self._executor = executor
        self._registry = Registry(workspace)

    def recover(self) -> None:
        """Puts in order what an earlier supervisor left: folders without a row, live workers, dead ones."""
        added = self._registry.rebuild()
        if added:
            logger.info("found %d jobs without a row", added)
        sweep_deleted(self._workspace)
        for record in self._registry.unfinished():
            if record.state.active:
                self._settle(WorkerEnd(record.id, None))

    def step(self) -> bool:
        """Sees which workers ended and starts what may start; returns whether there is anything left to do."""
        for end in self._executor.poll():
            self._settle(end)
        unfinished = self._registry.unfinished()
        for record in startable(unfinished, self._executor.working()):
            self._start(record)
        return bool(unfinished)

    def serve(
        self, sleep: Callable[[float], None] = time.sleep, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Steps until there has been nothing to do for two seconds."""
        busy_at = monotonic()
        while monotonic() - busy_at < _IDLE_SECONDS:
            if self.step():
                busy_at = monotonic()
            sleep(_STEP_SECONDS)

    def _start(self, record: JobRecord) -> None:
        logger.info("starting %s (%s)", record.id, record.kind)
        try:
            self._executor.submit(record.id)
        except StudioError as error:
            logger.exception("can't start %s", record.id)
            self._move(record, State.FAILED, str(error))

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
        last = last_event(folder.events)
        state = ended_state(last)
        if state is not None and last is not None and record.state is not State.QUEUED:
            self._move(record, state, last.get("error"))
            return
        if record.state is State.QUEUED:
            error_id = new_error_id()
            logger.error(
                "error %s: the worker of %s never started working; its log: %s", error_id, record.id, folder.log
            )
            state = State.FAILED
            error = f"The job's process could not start ({error_id}). {describe_exit(exit_code)} See {folder.log}."
        else:
            state, error = State.INTERRUPTED, describe_exit(exit_code)
        try:
            with EventWriter(folder.events) as events:
                events.write("ended", state=state.value, error=error)
        except OSError:
            logger.exception("can't write the last event of %s", record.id)
        self._move(record, state, error)

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
