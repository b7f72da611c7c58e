"""How long a queued training will take, worked out once when it is queued, so that whoever waits behind it is told."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from tlcore.errors import StudioError
from tlcore.files import read_json, write_json
from tlcore.runs.folder import RunFolder
from tlcore.workspace import Workspace

if TYPE_CHECKING:
    from tlcore.config import RunConfig
    from tlcore.training.cache_plan import Counts

_NAME: Final = "foretold.json"

_log = logging.getLogger(__name__)


def keep_foretold(folder: RunFolder, workspace: Workspace, payload: dict[str, Any]) -> None:
    """Writes down how long a training will take. None is known of one whose pictures are not here yet.

    Whatever goes wrong is no reason not to queue it: the forecast only says how long others wait.

    Args:
        folder: Of the training, not queued yet.
        workspace: Where its pictures are.
        payload: Its `RunConfig.to_json()`.
    """
    from tlcore.config import RunConfig  # pydantic and NumPy: the supervisor reads without them

    try:
        seconds = _foretell(workspace, RunConfig.from_json(payload))
    except StudioError as error:
        _log.info("%s: nothing is foretold: %s", folder.id, error)
        return
    except Exception:  # noqa: BLE001 - logged; a training must not be refused for what nobody asked
        _log.exception("%s: nothing is foretold", folder.id)
        return
    if seconds is not None:
        write_json(folder.path / _NAME, {"seconds": round(seconds, 1)})


def read_foretold(workspace: Workspace, job_id: str) -> float | None:
    """Seconds that a queued job will take; None where that is unknown, as of all that are not trainings."""
    try:
        seconds = read_json(RunFolder.find(workspace, job_id).path / _NAME)["seconds"]
    except (StudioError, OSError, ValueError, KeyError, TypeError):
        return None
    return float(seconds) if isinstance(seconds, int | float) else None


def _foretell(workspace: Workspace, config: RunConfig) -> float | None:
    from tlcore.jobs.preflight import preflight
    from tlcore.training.forecast import forecast

    plan = preflight(workspace, config)
    material = plan.material or _numbers(workspace, plan.config)
    return None if material is None else forecast(workspace, plan.config, material).seconds


def _numbers(workspace: Workspace, config: RunConfig) -> Counts | None:
    """How many pictures there will be; None where even that is not known before they are here."""
    from tlcore.data.catalog import find_dataset
    from tlcore.training.cache_plan import Counts

    pictures = find_dataset(workspace, config.dataset).pictures
    if pictures is None:
        return None
    split = config.split
    shares = (share / 100 * split.fraction for share in (split.train, split.validation, split.test))
    return Counts(*(round(pictures * share) for share in shares))
