"""The figures of the kills as a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.faults.faults import KINDS


def table(kills: list[dict[str, Any]], failed: int) -> Iterator[str]:
    """Lines: a heading, a line for each kind of work, and one for all.

    Args:
        kills: `Killed` as dictionaries; for trainings with the differences to the undisturbed one.
        failed: How many imports or trainings were lost or ended otherwise than the undisturbed one.
    """
    columns = ("kills", "supervisor too", "went on alone", "told after", "at work after", "accuracy", "loss")
    yield f"{'':12}" + "".join(f"{name:>16}" for name in columns)
    for kind in (*KINDS, "all"):
        some = [kill for kill in kills if kind in (kill["kind"], "all")]
        yield f"{kind:12}" + "".join(f"{cell:>16}" for cell in _cells(some))
    yield f"Imports and trainings that were lost or ended otherwise: {failed}"


def _cells(kills: list[dict[str, Any]]) -> list[str]:
    by_hand = [kill for kill in kills if not kill["by_itself"]]
    return [
        str(len(kills)),
        str(sum(kill["with_supervisor"] for kill in kills)),
        str(sum(kill["by_itself"] for kill in kills)),
        _most([kill["seconds_to_tell"] for kill in kills], " s"),
        _most([kill["seconds_to_go_on"] for kill in by_hand], " s"),
        _most([kill["accuracy"] for kill in kills if "accuracy" in kill], ""),
        _most([kill["loss"] for kill in kills if "loss" in kill], ""),
    ]


def _most(values: list[float], unit: str) -> str:
    """The largest: what a person may have to wait for, or lose."""
    return f"{max(values):.3g}{unit}" if values else "-"
