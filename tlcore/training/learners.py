"""What learns in a phase: which part of the model it runs through, and what it may change there."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from tlcore.backbones.checks import fine_tune_start
from tlcore.config import PhaseName, RunConfig
from tlcore.engines.protocol import EMBEDDING, TRUNK
from tlcore.training.assembly import Assembled
from tlcore.training.inputs import Inputs
from tlcore.training.trunk import Upper


@dataclass(frozen=True)
class Learner:
    """What learns in a phase.

    Attributes:
        model: The part of the assembled model that each picture runs through in every epoch.
        output: Of the frozen network, which the model takes; None stands for the pictures.
        learning: What the phase may change, in the same order whichever part of the model it runs through: what one
            attempt has learned by kept features, another can go on from without them.
    """

    model: keras.Model
    output: str | None
    learning: tuple[keras.Variable, ...]


def learner_of(
    phase: PhaseName, config: RunConfig, assembled: Assembled, upper: Upper | None, inputs: Inputs
) -> Learner:
    """The smallest part of the model that can learn in a phase, from what was gathered.

    Args:
        phase: Which.
        config: Complete.
        assembled: The model.
        upper: Its upper part, where the activations below are kept.
        inputs: What was gathered.
    """
    match phase:
        case PhaseName.FROZEN:
            learning = assembled.head.variables
            if inputs.rows(EMBEDDING, "train") is not None:
                return Learner(assembled.head, EMBEDDING, _once(learning))
        case PhaseName.FINE_TUNE:
            parts = [*assembled.backbone.layers[fine_tune_start(config) :], assembled.head]
            learning = [variable for part in parts for variable in part.variables]
            if upper is not None:
                return Learner(upper.model, TRUNK, _once(learning))
        case PhaseName.SCRATCH:
            learning = assembled.model.variables
    return Learner(assembled.model, None, _once(learning))


def _once(variables: list[keras.Variable]) -> tuple[keras.Variable, ...]:
    """Layers may share variables."""
    return tuple({id(variable): variable for variable in variables}.values())
