"""Going on from an earlier frozen run: its trained head is where fine-tuning starts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tlcore.config import Mode, RunConfig
from tlcore.errors import ConfigError

# The split among them: with another one, pictures that the head has learned from would be called unseen.
_MUST_AGREE = ("dataset", "test_dataset", "split", "seed", "backbone", "width", "image_size")


def check_earlier(config: RunConfig, earlier: RunConfig) -> None:
    """Checks that a run can go on from `earlier`.

    Args:
        config: The new run's complete configuration.
        earlier: The earlier run's complete configuration.

    Raises:
        ConfigError: The earlier run was not frozen, or used other pictures, another split or another network.
    """
    if earlier.mode is not Mode.FROZEN:
        raise ConfigError(
            "Fine-tuning goes on from a frozen run",
            value=f"{config.from_run} ({earlier.mode.value})",
            hint="Choose a frozen run, or leave the earlier run out: the head is then trained first.",
        )
    if config.head.activation != earlier.head.activation:
        raise ConfigError(
            "The earlier run's head has another form",
            value=config.head.activation,
            options=[earlier.head.activation],
            hint="Choose the same output as the earlier run.",
        )
    for name in _MUST_AGREE:
        mine, theirs = getattr(config, name), getattr(earlier, name)
        if mine != theirs:
            raise ConfigError(
                f"The earlier run was made with another '{name}'",
                value=mine,
                options=[theirs],
                hint="Pictures that it learned from must not become test pictures: use the same value.",
            )


def load_head(path: Path) -> list[NDArray[np.float32]]:
    """The dense layer's weights of a saved model: kernel (channels, outputs) and bias (outputs,).

    Raises:
        ConfigError: The file is not a model of ours.
    """
    import keras  # here, because the checks above are asked before any framework is loaded

    try:
        model = keras.models.load_model(path, compile=False, safe_mode=True)
        weights: list[NDArray[np.float32]] = model.get_layer("answer").get_weights()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            "The earlier run's model can't be read",
            value=path.name,
            hint="Train the head anew: leave the earlier run out.",
        ) from error
    return weights
