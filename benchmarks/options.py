"""What the person asked to be measured, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Options of all parts.

    Attributes:
        data: A folder of class folders with JPEG photos.
        place: A folder for workspaces and logs; what a part leaves there is removed at the end.
        repeats: Of each measurement.
        seeds: Of the comparison of accuracies.
        epochs: Of the head.
        fine_tune_epochs: Of the last stages.
        pictures: Sizes of the growing dataset.
        kills: Times that a writer of each cache is killed.
    """

    data: Path
    place: Path
    repeats: int
    seeds: int
    epochs: int
    fine_tune_epochs: int
    pictures: tuple[int, ...]
    kills: int

    @property
    def log(self) -> Path:
        """Where the processes that are measured write what they say."""
        return self.place / "processes.log"
