"""Which queued jobs may start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from tlcore.jobs.kinds import KINDS, SLOTS, Slot
from tlcore.runs.record import JobRecord
from tlcore.runs.states import State


def slot_of(record: JobRecord) -> Slot:
    """The slot that a job competes for; kinds of another version count as light."""
    return KINDS[record.kind].slot if record.kind in KINDS else "light"


def startable(
    unfinished: Iterable[JobRecord], working: Collection[str], slots: Mapping[Slot, int] = SLOTS
) -> tuple[JobRecord, ...]:
    """The queued jobs to start now: first come, first served within each slot.

    Args:
        unfinished: Queued, running and stopping jobs in the order of the queue.
        working: Jobs whose worker was started, even if their row still says queued.
        slots: How many jobs of each slot may run at once.
    """
    jobs = tuple(unfinished)
    busy = Counter(slot_of(job) for job in jobs if job.state.active or job.id in working)
    chosen: list[JobRecord] = []
    for job in jobs:
        slot = slot_of(job)
        if job.state is State.QUEUED and job.id not in working and busy[slot] < slots[slot]:
            busy[slot] += 1
            chosen.append(job)
    return tuple(chosen)
