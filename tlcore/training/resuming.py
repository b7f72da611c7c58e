"""Going on with a training that an earlier attempt began: what it kept, whether that fits, and telling it again."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import keras

from tlcore.config import PhaseName, RunConfig
from tlcore.progress import Reporter
from tlcore.training.checkpoint import fits, restore
from tlcore.training.material import Material
from tlcore.training.standing import CheckpointDamaged, Standing, read_standing

log = logging.getLogger(__name__)

_DAMAGED: Final = "What was kept of the training is damaged, so it begins again with the first round."
_OTHER: Final = (
    "What was kept is of other pictures or settings, or of an older version of this program. So the training begins "
    "again with the first round."
)
_WITHOUT_OPTIMIZER: Final = (
    "What was kept of the optimizer can't be used any more: the model goes on as it was, and the optimizer begins anew."
)


def fingerprint_of(material: Material, config: RunConfig) -> str:
    """Of everything that decides what is learned, but for how long: more epochs may be asked for later."""
    settings = config.model_dump_json(exclude={"epochs", "fine_tune_epochs", "batch_size", "compute"})
    return hashlib.sha256(f"{material.fingerprint} {settings}".encode()).hexdigest()


class Resuming:
    """What an earlier attempt of a training left.

    Args:
        folder: The run's folder for checkpoints; None where nothing is kept.
        fingerprint: Of what it learns, as `fingerprint_of` gives it.
        reporter: Who is told.
    """

    def __init__(self, folder: Path | None, fingerprint: str, reporter: Reporter) -> None:
        self._folder = folder
        self._fingerprint = fingerprint
        self._reporter = reporter

    def standing(self, learning: Callable[[PhaseName], Sequence[keras.Variable]]) -> Standing:
        """Where an earlier attempt got to; nothing done, where nothing is kept or what is kept can't be used.

        Args:
            learning: What a phase may change.
        """
        nothing = Standing(PhaseName.FROZEN, 0, self._fingerprint)
        if self._folder is None:
            return nothing
        try:
            standing = read_standing(self._folder)
            if standing is None:
                return nothing
            if standing.fingerprint == self._fingerprint and fits(self._folder, learning(standing.phase)):
                return standing
            why = _OTHER
        except CheckpointDamaged:
            why = _DAMAGED
            log.warning("the checkpoint is damaged", exc_info=True)
        self._reporter.event("note", text=why, level="warning")
        return nothing

    def tell(self, standing: Standing) -> None:
        """Tells the phases before the one at hand as they were told: an attempt's events are the run's history."""
        if not standing.rows:
            return
        self._reporter.event("resumed", phase=standing.phase.value, epoch=standing.epoch)
        for told in standing.told:
            if told["phase"] != standing.phase.value:
                self._reporter.event("phase", **told)
                for row in standing.rows_of(PhaseName(told["phase"])):
                    self._reporter.event("epoch", **row.model_dump(mode="json"))

    def put_back(
        self, learning: Sequence[keras.Variable], optimizer: keras.optimizers.Optimizer, before: Standing, steps: int
    ) -> None:
        """Puts back what was kept of a phase that was begun.

        Args:
            learning: What it may change.
            optimizer: The phase's, built.
            before: Where it stands.
            steps: Batches an epoch now.
        """
        if self._folder is None or not before.epoch:
            return
        if not restore(self._folder, learning, optimizer):
            self._reporter.event("note", text=_WITHOUT_OPTIMIZER, level="warning")
        elif steps != before.told[-1]["batches"]:  # in smaller batches: the schedule goes on where the epochs are
            optimizer.iterations.assign(before.epoch * steps)
