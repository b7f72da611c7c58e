"""Tickets: what each workspace of a host says about its queue, for the others to read.

Only figures: place in the round, how long jobs take. Whose they are and what they are called nobody can read here.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tlcore.files import read_json, write_json
from tlcore.jobs.kinds import Slot
from tlcore.locks import seems_held
from tlcore.workspace import Workspace

LOCK_NAME: Final = "supervisor.lock"
"""In a workspace's root: held by its supervisor for life."""

STARTING_NAME: Final = "supervisor-starting.lock"
"""Beside it: held by a supervisor that is on its way."""

FRESH_SECONDS: Final = 60.0
"""A supervisor that has said nothing for so long, because it hangs, keeps nobody waiting: its turn is passed over."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ticket:
    """One workspace's part of the queue for one kind of slot.

    Attributes:
        root: The workspace's folder.
        number: Its place in the round. None while nothing waits.
        waiting: Seconds that each waiting job takes, in the order of its own queue; None where that is unknown.
        ends: When each job at work ends; None where that is unknown.
    """

    root: Path
    number: int | None = None
    waiting: tuple[float | None, ...] = ()
    ends: tuple[datetime | None, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        ends = [None if end is None else end.isoformat() for end in self.ends]
        return {"root": str(self.root), "number": self.number, "waiting": self.waiting, "ends": ends}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Ticket:
        """The ticket from `to_json`'s document.

        Raises:
            KeyError, TypeError, ValueError: The document is not one of `to_json`'s.
        """
        ends = tuple(None if end is None else datetime.fromisoformat(end) for end in document["ends"])
        return cls(Path(document["root"]), document["number"], tuple(document["waiting"]), ends)

    @property
    def place(self) -> tuple[int, float, str]:
        """By this tickets are ordered: whoever has least at work goes first, one that has no number yet last."""
        return (len(self.ends), float("inf") if self.number is None else self.number, str(self.root))


def ticket_path(workspace: Workspace, slot: Slot) -> Path:
    """Where a workspace's ticket lies."""
    name = hashlib.sha256(str(workspace.root).encode()).hexdigest()[:24]
    return workspace.host / "turns" / slot / f"{name}.json"


def read_ticket(path: Path) -> Ticket | None:
    """The ticket in a file; None where there is none, or it is damaged, which costs its workspace a place."""
    try:
        return Ticket.from_json(read_json(path))
    except FileNotFoundError:
        return None
    except (OSError, KeyError, TypeError, ValueError, json.JSONDecodeError):
        _log.warning("a ticket can't be read: %s", path, exc_info=True)
        return None


def write_ticket(path: Path, ticket: Ticket) -> None:
    """Replaces a ticket.

    Raises:
        OSError: The disk is full or can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, ticket.to_json())


def tickets_of_others(workspace: Workspace, slot: Slot) -> list[Ticket]:
    """Tickets of the other workspaces that are served, in the order of the round.

    Those of deleted workspaces are removed.
    """
    own = ticket_path(workspace, slot)
    found: list[Ticket] = []
    for path in own.parent.glob("*.json"):
        ticket = read_ticket(path) if path != own else None
        if ticket is None:
            continue
        if not ticket.root.is_dir():
            path.unlink(missing_ok=True)
        elif _counts(path, ticket):
            found.append(ticket)
    return sorted(found, key=lambda ticket: ticket.place)


def next_number(tickets: Iterable[Ticket]) -> int:
    """A number after all others."""
    return 1 + max((ticket.number for ticket in tickets if ticket.number is not None), default=0)


def _counts(path: Path, ticket: Ticket) -> bool:
    """Whether somebody serves the workspace: its supervisor lives, and has said so lately."""
    try:
        age = abs(time.time() - path.stat().st_mtime)
    except FileNotFoundError:
        return False
    return age < FRESH_SECONDS and seems_held(ticket.root / LOCK_NAME)
