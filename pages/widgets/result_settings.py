"""All settings of a finished run, in words."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import streamlit as st

from pages.widgets.modes import MODE_CARDS
from pages.widgets.option_names import LABELS, VALUES
from pages.widgets.reports import backbone_name
from tlcore.config import Mode, RunConfig

_FINE_TUNE_ONLY: Final = {"fine_tune_epochs", "fine_tune_learning_rate", "from_run", "unfreeze", "fine_tune_at"}
_NOT_SET: Final = {
    "test_dataset": "A share of the same pictures",
    "from_run": "No",
    "steps_per_epoch": "All pictures",
    "early_stopping.patience": "Never",
}


def settings_part(config: RunConfig) -> None:
    """A line for each setting that this run had a use for."""
    with st.expander("Settings", icon=":material/tune:"):
        st.caption(
            "What had no use in this run is left out. The last column is the name in the configuration, for programs."
        )
        st.dataframe(settings_table(config), hide_index=True, height=320)


def settings_table(config: RunConfig) -> pd.DataFrame:
    """Name, value and technical name of each setting."""
    values = setting_values(config)
    names = [name for name in LABELS if name in values and has_a_use(name, values[name], config)]
    return pd.DataFrame(
        {
            "Setting": [LABELS[name] for name in names],
            "Value": [value_text(name, values[name]) for name in names],
            "Name": names,
        }
    )


def value_text(name: str, value: Any) -> str:
    """A setting's value as people read it."""
    if value is None:
        return _NOT_SET.get(name, "As the model has it")
    if name in VALUES:
        return VALUES[name].get(value, str(value))
    if name == "backbone":
        return backbone_name(value)
    if name == "mode":
        return MODE_CARDS[Mode(value)].title
    if name == "augmentation.views":
        return f"{value} made once and kept" if value else "None: varied anew in every round"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def setting_values(config: RunConfig) -> dict[str, Any]:
    """All settings by dotted name."""
    flat: dict[str, Any] = {}
    for name, value in config.to_json().items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": part for inner, part in value.items()}
        else:
            flat[name] = value
    return flat


def has_a_use(name: str, value: Any, config: RunConfig) -> bool:
    """Whether a run reads the setting at all."""
    scratch, fine_tune = config.mode is Mode.SCRATCH, config.mode is Mode.FINE_TUNE
    if name in _FINE_TUNE_ONLY and not fine_tune:
        return False
    if name in ("unfreeze", "fine_tune_at", "width") and not value:
        return name == "fine_tune_at" and value == 0
    if name == "epochs" or name == "learning_rate":
        return config.from_run is None
    if name == "optimizer.momentum":
        return config.optimizer.name == "sgd"
    if name == "augmentation.views":
        return config.augmentation.active and not scratch
    return not (name.startswith("compute.") and scratch)
