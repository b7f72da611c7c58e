"""One row of the registry: what the list of runs shows without opening a folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tlcore.runs.states import State


@dataclass(frozen=True)
class JobRecord:
    """A run or job as the registry knows it. All times are UTC.

    Attributes:
        id: The name of its folder.
        kind: "train", "import", "prepare" …
        title: What people call it.
        dataset: Id of the dataset that it is about, or "".
        state: Where it is in its life.
        created: When it was submitted.
        owner: Who submitted it.
        queued: When it last joined the queue; the queue is served in this order.
        started: When its worker took it, None before that.
        ended: When it ended, None before that.
        pid: The worker's process id, for information only.
        error: Why it failed or was interrupted, in plain words.
        announced: Whether its end has been told on a page.
        named: Whether a person gave it its title.
        note, tags: A person's own words about it.
        archived: Whether it lies in the bin.
    """

    id: str
    kind: str
    title: str
    dataset: str
    state: State
    created: datetime
    owner: str
    queued: datetime
    started: datetime | None = None
    ended: datetime | None = None
    pid: int | None = None
    error: str | None = None
    announced: bool = False
    named: bool = False
    note: str = ""
    tags: tuple[str, ...] = ()
    archived: bool = False

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON data; times in ISO format."""
        return {name: _plain(value) for name, value in vars(self).items()}

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> JobRecord:
        """The record from a row of the registry."""
        return cls(
            id=row["id"],
            kind=row["kind"],
            title=row["title"],
            dataset=row["dataset"],
            state=State(row["state"]),
            created=datetime.fromisoformat(row["created"]),
            owner=row["owner"],
            queued=datetime.fromisoformat(row["queued"]),
            started=_moment(row["started"]),
            ended=_moment(row["ended"]),
            pid=row["pid"],
            error=row["error"],
            announced=bool(row["announced"]),
            named=bool(row["named"]),
            note=row["note"],
            tags=tuple(json.loads(row["tags"])),
            archived=bool(row["archived"]),
        )

    def to_row(self) -> dict[str, Any]:
        """The record as the values of a row of the registry."""
        return self.to_json() | {"tags": json.dumps(self.tags, ensure_ascii=False)}


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    return value.value if isinstance(value, State) else value
