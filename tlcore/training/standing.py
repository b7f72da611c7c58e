"""Where a training stands after each whole epoch, in words: phase, epoch, history, how long early stopping has waited.

No framework is imported: pages tell from here what a run would go on from. The states that belong to it lie in the same
file (`tlcore.training.checkpoint`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from tlcore.config import PhaseName
from tlcore.errors import WorkspaceError
from tlcore.files import read_json, write_json
from tlcore.training.arrays import DAMAGED, read_about
from tlcore.training.history import EpochRow

logger = logging.getLogger(__name__)

STANDING: Final = "standing.npz"
"""The file's name in a run's folder for checkpoints."""

_MORE: Final = "more.json"
_ABOUT: Final = "standing"


class CheckpointDamaged(WorkspaceError):
    """What was kept after an epoch can't be read; the training begins again."""


@dataclass(frozen=True)
class Standing:
    """Where a training stands.

    Attributes:
        phase: The phase at hand.
        epoch: Whole epochs of it.
        fingerprint: Of the pictures, of how they were divided, and of the settings: what learned from others, or as
            something else, is not gone on from.
        rows: The history of all phases, oldest first.
        told: What was told of each phase when it began, in order; the last is the phase at hand.
        ended_early: Earlier phases that early stopping ended.
        wait: Epochs since the best one, as early stopping counts them.
        best: The best epoch's figure, and `best_epoch`, its number; None and 0 before there was one.
    """

    phase: PhaseName
    epoch: int
    fingerprint: str
    rows: tuple[EpochRow, ...] = ()
    told: tuple[Mapping[str, Any], ...] = ()
    ended_early: tuple[PhaseName, ...] = ()
    wait: int = 0
    best: float | None = None
    best_epoch: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {
            "phase": self.phase.value,
            "epoch": self.epoch,
            "fingerprint": self.fingerprint,
            "rows": [row.model_dump(mode="json") for row in self.rows],
            "told": [dict(values) for values in self.told],
            "ended_early": [phase.value for phase in self.ended_early],
            "wait": self.wait,
            "best": self.best,
            "best_epoch": self.best_epoch,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Reads what `to_json` gave.

        Raises:
            ValueError, KeyError, TypeError: It is something else.
        """
        return cls(
            phase=PhaseName(document["phase"]),
            epoch=int(document["epoch"]),
            fingerprint=str(document["fingerprint"]),
            rows=tuple(EpochRow.model_validate(row) for row in document["rows"]),
            told=tuple(document["told"]),
            ended_early=tuple(PhaseName(phase) for phase in document["ended_early"]),
            wait=int(document["wait"]),
            best=None if document["best"] is None else float(document["best"]),
            best_epoch=int(document["best_epoch"]),
        )

    def at_start_of(self, phase: PhaseName) -> Standing:
        """The same with nothing done of a phase."""
        rows = tuple(row for row in self.rows if row.phase is not phase)
        told = tuple(values for values in self.told if values["phase"] != phase.value)
        return replace(self, phase=phase, epoch=0, rows=rows, told=told, wait=0, best=None, best_epoch=0)

    def rows_of(self, phase: PhaseName) -> tuple[EpochRow, ...]:
        """The history of one phase."""
        return tuple(row for row in self.rows if row.phase is phase)


def about(standing: Standing) -> dict[str, Any]:
    """What stands in the file besides the states."""
    return {_ABOUT: standing.to_json()}


def read_standing(folder: Path) -> Standing | None:
    """Where the training whose checkpoints lie in `folder` stands; None where nothing is kept.

    Early stopping waits anew where somebody asked for more epochs than it would have allowed.

    Raises:
        CheckpointDamaged: There is a file that can't be read.
    """
    path = folder / STANDING
    if not path.exists():
        return None
    try:
        standing = Standing.from_json(read_about(path)[_ABOUT])
    except DAMAGED as error:
        raise CheckpointDamaged("What was kept of this training is damaged", value=path) from error
    return replace(standing, wait=0) if _is_asked_for_more(folder, standing) else standing


def ask_for_more(folder: Path, standing: Standing) -> None:
    """Notes that the training is to go on from here, also if early stopping has ended it."""
    write_json(folder / _MORE, {"phase": standing.phase.value, "epoch": standing.epoch})


def _is_asked_for_more(folder: Path, standing: Standing) -> bool:
    try:
        return bool(read_json(folder / _MORE) == {"phase": standing.phase.value, "epoch": standing.epoch})
    except (OSError, ValueError):
        return False
