"""The unfinished design: what was chosen on the Model page, kept in the workspace until it is started and after.

Streamlit forgets a widget's value when another page is opened, and everything when a browser is closed.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from tlcore.config import Mode, RunConfig
from tlcore.files import read_json, write_json
from tlcore.workspace import Workspace

LOG = logging.getLogger(__name__)

DEFAULT_BACKBONE: Final = "efficientnet-lite0"
_CHOSEN_ELSEWHERE: Final = {"schema_version", "dataset", "mode", "backbone", "width", "unfreeze", "fine_tune_at"}


class BackboneChoice(BaseModel):
    """What is chosen for one backbone only: its widths, stages and layers are its own.

    Attributes:
        width: Width multiplier; None is the backbone's default.
        unfreeze: Stages that fine-tuning trains; empty with no `fine_tune_at` is the default.
        fine_tune_at: Index of the first layer that fine-tuning trains, instead of stages.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    width: float | None = None
    unfreeze: tuple[str, ...] = ()
    fine_tune_at: int | None = None


class Design(BaseModel):
    """Everything that the Model page remembers, but for the dataset.

    Attributes:
        modes: The modes to run; several make a comparison.
        backbones: The backbones to run; several make a comparison.
        options: Values of `RunConfig` that differ from its defaults, by dotted name such as `head.dropout`.
        of_backbone: What is chosen for single backbones, by id.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    modes: tuple[Mode, ...] = (Mode.FROZEN,)
    backbones: tuple[str, ...] = (DEFAULT_BACKBONE,)
    options: dict[str, Any] = {}
    of_backbone: dict[str, BackboneChoice] = {}

    def choice(self, backbone: str) -> BackboneChoice:
        """What is chosen for one backbone."""
        return self.of_backbone.get(backbone, BackboneChoice())


def default_of(name: str) -> Any:
    """The default of an option by its dotted name, from `RunConfig`.

    Raises:
        KeyError: There is no such option.
    """
    return _DEFAULTS[name]


def load_design(workspace: Workspace) -> Design:
    """The saved design; what is stale or damaged in the file falls back to the defaults, part by part."""
    try:
        document = read_json(_path(workspace))
    except FileNotFoundError:
        return Design()
    except (OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
        LOG.warning("the design can't be read and starts anew: %s", error)
        return Design()
    if not isinstance(document, dict):
        return Design()
    whole: dict[str, Any] = {}
    for name in Design.model_fields:
        if name in document and _is_valid(Design, {name: document[name]}):
            whole[name] = document[name]
    design = Design.model_validate(whole)
    return design.model_copy(update={"options": _valid_options(design.options)})


def save_design(workspace: Workspace, design: Design) -> None:
    """Writes the design, atomically.

    Raises:
        OSError: The workspace can't be written.
    """
    write_json(_path(workspace), design.model_dump(mode="json"))


def configuration(design: Design, dataset: str, backbone: str, mode: Mode) -> RunConfig:
    """The configuration of one of the runs that the design asks for, not yet checked against backbone and dataset.

    Raises:
        ConfigError: Options are out of range or contradict each other.
    """
    document = nested(design.options)
    choice = design.choice(backbone)
    if mode is Mode.FINE_TUNE:
        document |= {"unfreeze": list(choice.unfreeze), "fine_tune_at": choice.fine_tune_at}
    else:
        document.pop("from_run", None)
    if mode is Mode.SCRATCH:  # nothing is locked: no features to keep, and no engine for them
        document.get("augmentation", {}).pop("views", None)
        document.pop("compute", None)
    return RunConfig.build(**document, dataset=dataset, backbone=backbone, mode=mode, width=choice.width)


def _path(workspace: Workspace) -> Path:
    return workspace.drafts / "design.json"


def _is_valid(model: type[BaseModel], document: dict[str, Any]) -> bool:
    try:
        model.model_validate(document)
    except ValidationError:
        return False
    return True


def _valid_options(options: dict[str, Any]) -> dict[str, Any]:
    """Those options that this version knows and whose values it allows."""
    return {
        name: value
        for name, value in options.items()
        if name in _DEFAULTS and _is_valid(RunConfig, {"dataset": "any"} | nested({name: value}))
    }


def nested(options: dict[str, Any]) -> dict[str, Any]:
    """Dotted names as nested documents."""
    document: dict[str, Any] = {}
    for name, value in options.items():
        part, dot, rest = name.partition(".")
        if dot:
            document.setdefault(part, {})[rest] = value
        else:
            document[name] = value
    return document


def _defaults() -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in RunConfig(dataset="any").model_dump(mode="json", exclude=_CHOSEN_ELSEWHERE).items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": default for inner, default in value.items()}
        else:
            flat[name] = value
    return flat


_DEFAULTS: Final = _defaults()
