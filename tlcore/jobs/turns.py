"""Taking turns: the workspaces of a host start their jobs one after another, round robin, whoever has most to do.

Each workspace that has something to start holds a numbered ticket (`tlcore.jobs.tickets`). The smallest number is next,
of those that have least at work. A new number, after all others, is drawn when a job starts and when it ends: whoever
comes waits for one job of each that was there before, never for more, and nobody waits for ever. Numbers decide the
order only: that no slot is used twice is the locks' doing (`tlcore.jobs.slots`).
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, Protocol

from tlcore.errors import StudioError
from tlcore.files import is_disk_full
from tlcore.jobs.foretold import read_foretold
from tlcore.jobs.kinds import SLOTS, Slot
from tlcore.jobs.queue import slot_of
from tlcore.jobs.slots import HeldSlot, slot_counts, take_slot
from tlcore.jobs.tickets import Ticket, next_number, read_ticket, ticket_path, tickets_of_others, write_ticket
from tlcore.locks import take_lock
from tlcore.runs.identity import utc_now
from tlcore.runs.record import JobRecord
from tlcore.runs.states import State
from tlcore.runs.view import RunView
from tlcore.workspace import Workspace

_TELL_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 0.5

_log = logging.getLogger(__name__)


class Turns(Protocol):
    """What a supervisor asks before it starts a job."""

    @property
    def slots(self) -> Mapping[Slot, int]:
        """How many jobs of each slot its workspace may have at work at once."""
        ...

    def tell(self, unfinished: Sequence[JobRecord], working: Collection[str]) -> None:
        """Takes in how the queue stands; called in every step.

        Args:
            unfinished: The workspace's jobs that have not ended, in the order of the queue.
            working: Those that have a worker, even if their row still says queued.
        """
        ...

    def take(self, slot: Slot) -> HeldSlot | None:
        """The slot for one job that was told to wait; None while it is somebody else's turn, or none is free."""
        ...


def turns_of(workspace: Workspace) -> Turns:
    """How a workspace takes turns: with those that share its host, or with nobody."""
    return AloneTurns() if workspace.host == workspace.root else SharedTurns(workspace)


class AloneTurns:
    """Of a workspace that has its host to itself: it is always its turn."""

    slots: Mapping[Slot, int] = SLOTS

    def tell(self, unfinished: Sequence[JobRecord], working: Collection[str]) -> None:
        """Nobody else has to know."""
        _log.debug("%d jobs have not ended, %d have a worker", len(unfinished), len(working))

    def take(self, slot: Slot) -> HeldSlot | None:  # noqa: ARG002 - as the protocol says
        """There is nothing to wait for."""
        return HeldSlot()


class SharedTurns:
    """Of a workspace that shares its host with others. Its supervisor's lock must be held meanwhile.

    A measurement of this computer counts as a training that lets every other one go first: it takes as much memory, and
    would measure what others do.

    Args:
        workspace: Whose.
        monotonic: Seconds.
    """

    def __init__(self, workspace: Workspace, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._workspace = workspace
        self._monotonic = monotonic
        self._foretold: dict[str, float | None] = {}
        self._views: dict[str, RunView] = {}
        self._told: dict[Slot, tuple[object, float]] = {}
        self._failed: dict[Slot, float] = {}
        self.slots = slot_counts()

    def tell(self, unfinished: Sequence[JobRecord], working: Collection[str]) -> None:
        """Writes the tickets where the queue has changed, and every few seconds, so that others see that this lives."""
        self._forget(unfinished)
        for slot in SLOTS:
            jobs = [job for job in unfinished if slot_of(job) == slot]
            at_work = [job for job in jobs if job.state.active or job.id in working]
            waiting = [job for job in jobs if job.state is State.QUEUED and job not in at_work]
            now = self._monotonic()
            state = ([job.id for job in waiting], [job.id for job in at_work])
            before, when = self._told.get(slot, (None, now))
            if state == before and (not jobs or now - when < _TELL_SECONDS):
                continue
            try:
                self._write(slot, waiting, at_work)
            except OSError as error:
                if not is_disk_full(error):
                    raise
                _log.warning("no room for a ticket; the others will pass this workspace over", exc_info=True)
            self._told[slot] = (state, now)

    def take(self, slot: Slot) -> HeldSlot | None:
        """A slot, if this workspace is next and one is free. It then goes to the end of the round.

        Raises:
            OSError: The host's folder can't be written.
        """
        now = self._monotonic()
        if now - self._failed.get(slot, -_RETRY_SECONDS) < _RETRY_SECONDS:
            return None
        held = self._take(slot)
        if held is None:
            self._failed[slot] = now
        return held

    def _take(self, slot: Slot) -> HeldSlot | None:
        path = ticket_path(self._workspace, slot)
        if not self._is_first(slot):
            return None
        # Closed while somebody takes a slot and a new number, so that two can't be first.
        gate = take_lock(path.parent / "gate")
        if gate is None:
            return None
        try:
            if not self._is_first(slot):
                return None
            lane: Slot = "train" if slot == "calibrate" else slot
            held = take_slot(self._workspace.host, lane, self.slots[lane])
            if held is not None:
                self._served(slot)
            return held
        finally:
            gate.release()

    def _is_first(self, slot: Slot) -> bool:
        mine = read_ticket(ticket_path(self._workspace, slot))
        if mine is None or mine.number is None:
            return False
        others = [one for one in tickets_of_others(self._workspace, slot) if one.number is not None]
        if others and others[0].place < mine.place:
            return False
        if slot != "calibrate":
            return True
        return all(one.number is None for one in tickets_of_others(self._workspace, "train"))

    def _served(self, slot: Slot) -> None:
        path = ticket_path(self._workspace, slot)
        mine = read_ticket(path)
        left = mine.waiting[1:] if mine is not None else ()
        number = next_number(tickets_of_others(self._workspace, slot)) if left else None
        try:
            write_ticket(path, Ticket(self._workspace.root, number, left, (*(mine.ends if mine else ()), None)))
        except OSError:
            _log.warning("the new number could not be written; without one it comes last", exc_info=True)
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _write(self, slot: Slot, waiting: Sequence[JobRecord], at_work: Sequence[JobRecord]) -> None:
        path = ticket_path(self._workspace, slot)
        if not waiting and not at_work:
            path.unlink(missing_ok=True)
            return
        mine = read_ticket(path)
        number = mine.number if mine is not None and len(at_work) >= len(mine.ends) else None
        if waiting and number is None:
            number = next_number(tickets_of_others(self._workspace, slot))
        ticket = Ticket(
            self._workspace.root,
            number if waiting else None,
            tuple(self._seconds(job) for job in waiting),
            tuple(self._end(job) for job in at_work),
        )
        if ticket == mine:
            os.utime(path)
        else:
            write_ticket(path, ticket)

    def _seconds(self, job: JobRecord) -> float | None:
        if job.id not in self._foretold:
            self._foretold[job.id] = read_foretold(self._workspace, job.id)
        return self._foretold[job.id]

    def _end(self, job: JobRecord) -> datetime | None:
        """When a job at work will be done, by its own pace, else by what was foretold when it was queued."""
        try:
            if job.id in self._views:
                self._views[job.id].refresh()
            else:
                self._views[job.id] = RunView.open(self._workspace, job.id)
            left = self._views[job.id].seconds_to_end
        except StudioError:  # its folder is gone or damaged
            return None
        if left is not None:
            return utc_now() + timedelta(seconds=left)
        expected = self._seconds(job)
        if expected is None:
            return None
        return (job.started or utc_now()) + timedelta(seconds=expected)

    def _forget(self, unfinished: Sequence[JobRecord]) -> None:
        known = {job.id for job in unfinished}
        for name in self._views.keys() - known:
            del self._views[name]
        for name in self._foretold.keys() - known:
            del self._foretold[name]
