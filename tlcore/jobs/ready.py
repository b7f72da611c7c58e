"""The run that the operator of a demo brings: whoever has just come in can look at it and ask its model."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tlcore.errors import StudioError
from tlcore.modes import READY_VARIABLE
from tlcore.runs.run_parcel import unpack_run
from tlcore.workspace import Workspace

_log = logging.getLogger(__name__)


def bring_ready_run(workspace: Workspace, environment: Mapping[str, str] = os.environ) -> str | None:
    """Takes the packed run that `$TLCORE_READY` names into a new workspace, or all of the folder that it names.

    A file that can't be used is the operator's matter: it is logged, and the demo begins without it.

    Returns:
        The id of the last run; None where there is none.
    """
    named = environment.get(READY_VARIABLE)
    if not named:
        return None
    place = Path(named).expanduser()
    # Nobody at a page may bring a model into a demo; the operator may.
    allowing = replace(workspace, mode="team")
    brought = None
    for path in sorted(place.glob("*.zip")) if place.is_dir() else [place]:
        try:
            # A visitor waits for it, and it is the operator's own file: its network is kept, not made anew.
            brought = unpack_run(allowing, path, trusted=True)
        except (StudioError, OSError) as error:
            _log.warning("the ready-made run %s can't be brought: %s", path, error)
    return brought
