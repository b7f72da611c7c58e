"""How long a queued job still waits: behind its owner's other jobs and, in turn, those of everybody on the host."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from tlcore.jobs.foretold import read_foretold
from tlcore.jobs.kinds import SLOTS
from tlcore.jobs.queue import slot_of
from tlcore.jobs.slots import slot_counts
from tlcore.jobs.tickets import Ticket, read_ticket, ticket_path, tickets_of_others
from tlcore.runs.identity import Clock, utc_now
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.runs.view import RunView
from tlcore.workspace import Workspace


@dataclass(frozen=True)
class Wait:
    """A job's place among all that wait for the same slot, whoever they belong to.

    Attributes:
        position: 1 is next.
        seconds: Until its turn, at the pace of those before it; None where that is unknown.
    """

    position: int
    seconds: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return asdict(self)


def wait_of(
    workspace: Workspace, run_id: str, view: Callable[[str], RunView] | None = None, clock: Clock = utc_now
) -> Wait | None:
    """How long a job still waits; None when it is not queued.

    Args:
        workspace: Where it lives.
        run_id: The job.
        view: Opens a job of this workspace that is at work; pages have most of it read already.
        clock: Tells the time.
    """
    unfinished = Registry(workspace).unfinished()
    job = next((one for one in unfinished if one.id == run_id and one.state is State.QUEUED), None)
    if job is None:
        return None
    same = [one for one in unfinished if slot_of(one) == slot_of(job)]
    waiting = [one for one in same if one.state is State.QUEUED]
    seconds = tuple(read_foretold(workspace, one.id) for one in waiting)
    if workspace.host == workspace.root:
        opened = view or (lambda job_id: RunView.open(workspace, job_id))
        rests = [_rest(workspace, opened, one, clock) for one in same if one.state.active]
        tickets = [Ticket(workspace.root, 0, seconds)]
        count = SLOTS[slot_of(job)]
    else:
        mine = read_ticket(ticket_path(workspace, slot_of(job)))
        others = tickets_of_others(workspace, slot_of(job))
        mine = mine or Ticket(workspace.root)
        tickets = [*others, replace(mine, waiting=seconds)]
        ends = [end for ticket in tickets for end in ticket.ends]
        rests = [None if end is None else max((end - clock()).total_seconds(), 0.0) for end in ends]
        count = slot_counts()[slot_of(job)]
    before = _before(tickets, tickets[-1], waiting.index(job))
    return Wait(len(before) + 1, seconds_until_free([*rests[:count], *before], count, len(rests[:count])))


def _rest(workspace: Workspace, view: Callable[[str], RunView], job: JobRecord, clock: Clock) -> float | None:
    """What a job at work still takes."""
    left = view(job.id).seconds_to_end
    if left is not None:
        return left
    expected = read_foretold(workspace, job.id)
    if expected is None or job.started is None:
        return None
    return max(expected - (clock() - job.started).total_seconds(), 0.0)


def _before(tickets: Iterable[Ticket], mine: Ticket, index: int) -> list[float | None]:
    """What the jobs take that start before the `index`-th of `mine`, in order: one of each in turn."""
    in_turn = deque((ticket, list(ticket.waiting)) for ticket in sorted(tickets, key=lambda ticket: ticket.place))
    found: list[float | None] = []
    served = 0
    while in_turn:
        ticket, left = in_turn.popleft()
        if not left:
            continue
        if ticket is mine:
            if served == index:
                break
            served += 1
        found.append(left.pop(0))
        in_turn.append((ticket, left))
    return found


def seconds_until_free(jobs: Sequence[float | None], slots: int, at_work: int = 0) -> float | None:
    """When the job after these begins, in seconds; None where one of them takes nobody knows how long.

    Args:
        jobs: Seconds that each takes, those at work first; each begins when a slot is free.
        slots: How many run at once.
        at_work: How many of them have begun.
    """
    if len(jobs) < slots:
        return 0.0
    free = [0.0] * (slots - at_work)
    known: list[float] = []
    for seconds in jobs:
        if seconds is None:
            return None
        known.append(seconds)
    free += known[:at_work]
    heapq.heapify(free)
    for seconds in known[at_work:]:
        heapq.heappush(free, heapq.heappop(free) + seconds)
    return free[0]
