"""What runs are called in a list of them: no two alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from tlcore.runs.record import JobRecord

_WHEN: Final = ("%d %b %H:%M", "%d %b %H:%M:%S")


def run_titles(records: Iterable[JobRecord]) -> dict[str, str]:
    """A title for each run, by id, in their order: with the minute, the second too where that leaves several alike,
    and the id where even that does.

    A browser sends the text of what was picked, not the run: of two that are called the same, the other one may be
    meant.
    """
    known = {record.id: record for record in records}
    titles = {name: _dated(record, _WHEN[0]) for name, record in known.items()}
    titles |= {name: _dated(known[name], _WHEN[1]) for name in _alike(titles)}
    return titles | {name: f"{titles[name]}, {name}" for name in _alike(titles)}


def _dated(record: JobRecord, when: str) -> str:
    return f"{record.title} ({record.created.strftime(when)} UTC)"


def _alike(titles: dict[str, str]) -> list[str]:
    counts = Counter(titles.values())
    return [name for name, title in titles.items() if counts[title] > 1]
