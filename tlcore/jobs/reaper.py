"""What becomes of a job whose worker is gone: its last state and the reason, or another try."""

from __future__ import annotations

import logging

from tlcore.errors import RunError
from tlcore.jobs import resuming, spare
from tlcore.jobs.last_words import DISK_FULL, ENDED_BY_PERSON, ENDED_MEASUREMENT, NO_ROOM, was_ended_by_person
from tlcore.jobs.out_of_memory import CountKills, lacked_memory
from tlcore.jobs.process import describe_exit
from tlcore.jobs.queue import slot_of
from tlcore.jobs.retry import advice, begin_second_attempt
from tlcore.runs.events import Event, EventWriter, last_event
from tlcore.runs.folder import RunFolder
from tlcore.runs.identity import new_error_id
from tlcore.runs.rebuild import ended_state
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.retries import awaits_attempt
from tlcore.runs.states import State
from tlcore.workspace import Workspace

logger = logging.getLogger(__name__)


class Reaper:
    """Settles jobs that no worker has any more, and whose state says otherwise.

    Args:
        workspace: Where they are.
        kills: Tells how many processes the kernel has killed for memory.
    """

    def __init__(self, workspace: Workspace, kills: CountKills) -> None:
        self._workspace = workspace
        self._registry = Registry(workspace)
        self._kills = kills
        self._cut_short: set[str] = set()

    def reap(self, record: JobRecord, folder: RunFolder, exit_code: int | None) -> None:
        """Moves a job to where its worker left it; the caller has seen that no worker is in its folder.

        Args:
            record: The job; it has not ended.
            folder: Its folder.
            exit_code: How its worker ended; None where that is not known.

        Raises:
            OSError, WorkspaceError: The disk is full, or the registry locked; it can be done again.
        """
        spare.give_back(folder)
        last = last_event(folder.events)
        state = ended_state(last)
        if state is not None and last is not None and record.state is not State.QUEUED:
            self.end(record, state, last.get("error"))
            return
        if self._tries_again(record, folder, exit_code, last) or self._was_cut_short(record, exit_code):
            return
        state, reason = self._last_word(record, folder, exit_code)
        error = reason
        if state is State.INTERRUPTED:
            error = " ".join(filter(None, (reason, resuming.decide(self._workspace, record.kind, folder))))
        try:
            with EventWriter(folder.events) as events:
                events.write("ended", state=state.value, error=error, reason=reason)
        except OSError:
            logger.exception("can't write the last event of %s", record.id)
        self.end(record, state, error)

    def end(self, record: JobRecord, state: State, error: str | None) -> None:
        """Gives a job its last state, unless somebody else did."""
        try:
            self._registry.move(record.id, state, error=error)
        except RunError:
            logger.info("%s was moved by somebody else", record.id, exc_info=True)
            return
        logger.info("%s is %s: %s", record.id, state, error or "")

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
            self.end(record, State.STOPPED, None)
        else:
            logger.info("%s ran out of memory and is queued again in smaller batches", record.id)
        return True

    def _was_cut_short(self, record: JobRecord, exit_code: int | None) -> bool:
        """Whether a worker was ended from outside before it began: the job then keeps its place and is started again.

        Once only: what ends two workers of a job before they begin would end a third.
        """
        if record.state is not State.QUEUED or exit_code is None or exit_code >= 0 or record.id in self._cut_short:
            return False
        self._cut_short.add(record.id)
        logger.info("the worker of %s was ended before it began (%s); starting it once more", record.id, exit_code)
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
        if was_ended_by_person(folder):
            return State.INTERRUPTED, ENDED_BY_PERSON
        lacked = lacked_memory(folder, exit_code, self._kills())
        if lacked:
            return State.FAILED, advice(record.kind, folder)
        return State.INTERRUPTED, describe_exit(exit_code, lacked)
