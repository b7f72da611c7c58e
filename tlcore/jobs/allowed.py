"""What may be queued in a workspace: sources, sizes and amounts, by the mode of the app. `submit` asks here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tlcore.allowance import check_allowance
from tlcore.config import Mode, RunConfig
from tlcore.data.catalog import is_prepared
from tlcore.data.stored import PLAIN_SOURCES
from tlcore.errors import ConfigError, ImportRefused, InputError, WorkspaceError
from tlcore.jobs.leftovers import is_upload
from tlcore.members import all_workspaces
from tlcore.modes import Source
from tlcore.runs.registry import Registry
from tlcore.workspace import Workspace

_BY_ITSELF: Final = frozenset({"audit", "calibrate"})
"""Kinds that the program queues by itself: they are never what is too much."""

_RUNS: Final = frozenset({"train", "restore", "unpack-run"})
"""Kinds that leave one more run."""

_ADDING: Final = _RUNS | {"import", "add", "kaggle", "prepare", "unpack-dataset", "take"}
"""Kinds after which the workspace takes more of the disk."""

_log = logging.getLogger(__name__)

_Check = Callable[[Workspace, Mapping[str, Any]], None]


def check_allowed(workspace: Workspace, kind: str, payload: Mapping[str, Any], *, again: bool = False) -> None:
    """Refuses a job that the workspace's mode, or its operator, doesn't allow.

    Args:
        workspace: Where it would be queued.
        kind: Of the job.
        payload: What it would do.
        again: Whether it is queued again: it has its place already, and must be able to end what it began.

    Raises:
        ConfigError: A training is larger than trainings may be here.
        ImportRefused: It takes pictures or a model from where none may come from.
        InputError: Too many jobs are waiting or at work, there are as many runs as may be kept, or the workspace takes
            as much of the disk as it may.
    """
    check = _CHECKS.get(kind)
    if check is not None:
        check(workspace, payload)
    if kind in _RUNS and not again:
        check_runs(workspace)
    if kind in _ADDING and not again:
        check_allowance(workspace)
    if kind not in _BY_ITSELF:
        _check_queue(workspace)


def check_training(workspace: Workspace, config: RunConfig) -> None:
    """Refuses a training that is larger than trainings may be here, or whose pictures may not be fetched here.

    Args:
        workspace: Where it would be queued.
        config: Complete, as `tlcore.backbones.checks.complete` returns it, or as the person left it.

    Raises:
        ConfigError: Epochs, image size or batch size are beyond the workspace's limits.
        ImportRefused: Its dataset is one of the catalogue, which is switched off.
    """
    limits = workspace.limits
    amounts = {
        "rounds (epochs)": (config.epochs, limits.epochs),
        "image size": (config.image_size or 0, limits.image_size),
        "batch size": (config.batch_size, limits.batch_size),
    }
    if config.mode is Mode.FINE_TUNE:
        amounts["rounds (epochs) of fine-tuning"] = (config.fine_tune_epochs, limits.epochs)
    for name, (wanted, most) in amounts.items():
        if wanted > most:
            raise ConfigError(
                f"This training has more than is allowed here: {name}",
                value=f"{wanted:,}",
                options=[f"up to {most:,}"],
                hint="Choose less, or run the app on your own computer, where there is no such limit.",
            )
    for dataset in (config.dataset, config.test_dataset):
        if dataset is not None:
            check_dataset(workspace, dataset)


def check_dataset(workspace: Workspace, dataset_id: str) -> None:
    """Refuses a dataset that would have to be fetched from where nothing may come from.

    Raises:
        ImportRefused: It is one of the catalogue, which is switched off.
        InputError: The id can't be the name of a dataset.
    """
    if workspace.allows(Source.TFDS) or dataset_id.partition("/")[0] in PLAIN_SOURCES:
        return
    if not is_prepared(workspace, dataset_id):
        workspace.check_source(Source.TFDS)


def check_models_from_files(workspace: Workspace) -> None:
    """Refuses to load a model from a file that somebody brings, where the mode forbids it.

    Raises:
        ImportRefused: It does.
    """
    if not workspace.policy.models_from_files:
        raise ImportRefused(
            "Models can't be loaded from files in a demo",
            hint="Train one here, or run the app on your own computer and bring it back there.",
        )


def check_runs(workspace: Workspace) -> None:
    """Refuses one more run than may be kept.

    Raises:
        InputError: There are as many, those in the bin counted too.
    """
    most = workspace.limits.runs
    kept = sum(1 for _ in workspace.runs.glob("[!.]*"))
    if kept >= most:
        raise InputError(
            "You have as many trainings as one person may keep here",
            value=f"{kept:,} trainings, those in the bin among them",
            options=[f"up to {most:,}"],
            hint="Delete some that you no longer need, and empty the bin on the Compare page; or run the app on your "
            "own computer, where there is no such limit.",
        )


def _check_training(workspace: Workspace, payload: Mapping[str, Any]) -> None:
    if workspace.policy.shared_machine:  # elsewhere the limits are the configuration's own
        check_training(workspace, RunConfig.from_json(dict(payload)))


def _check_import(workspace: Workspace, payload: Mapping[str, Any]) -> None:
    """Pictures and labels are uploads of this workspace, or lie where the operator allows.

    In local mode whoever can queue a job can read this machine's folders anyway; pages ask `allowed_path` themselves.
    """
    labels = payload.get("labels")
    # A table of labels without a folder is one of the pictures' own files.
    places = [payload.get("path"), labels if labels and Path(labels).is_absolute() else None]
    for place in places:
        if not place:
            continue
        if is_upload(workspace, Path(place)):
            workspace.check_source(Source.UPLOADS)
        elif workspace.policy.shared_machine:
            workspace.allowed_path(place)


def _check_kaggle(workspace: Workspace, _payload: Mapping[str, Any]) -> None:
    workspace.check_source(Source.KAGGLE)


def _check_prepare(workspace: Workspace, payload: Mapping[str, Any]) -> None:
    check_dataset(workspace, str(payload.get("dataset", "")))


def _check_model_file(workspace: Workspace, payload: Mapping[str, Any]) -> None:
    check_models_from_files(workspace)
    _check_import(workspace, payload)


def check_team(workspace: Workspace) -> None:
    """Refuses where there is nobody to share with.

    Raises:
        InputError: The app is not in team mode.
    """
    if workspace.mode != "team":
        raise InputError("Only people of a team share", value=f"mode {workspace.mode}", options=["team"])


def _check_team(workspace: Workspace, _payload: Mapping[str, Any]) -> None:
    check_team(workspace)


_CHECKS: Final[Mapping[str, _Check]] = MappingProxyType(
    {
        "train": _check_training,
        "import": _check_import,
        "add": _check_import,
        "kaggle": _check_kaggle,
        "prepare": _check_prepare,
        "restore": _check_model_file,
        "share": _check_team,
        "take": _check_team,
        "unpack-run": _check_model_file,
        "unpack-dataset": _check_import,
    }
)


def _check_queue(workspace: Workspace) -> None:
    """A person's jobs, then everybody's: one must not keep the others out.

    Raises:
        InputError: There are as many as may be.
    """
    limits = workspace.limits
    if _unfinished(workspace) >= limits.jobs:
        raise InputError(
            "You have as many jobs waiting or at work as one person may have here",
            value=f"{limits.jobs:,} jobs",
            hint="Wait until one has ended, or stop one.",
        )
    if workspace.mode == "local":
        return
    if sum(_unfinished_elsewhere(other) for other in all_workspaces(workspace)) >= limits.jobs_in_all:
        raise InputError(
            "So many people are using this app that its queue is full",
            value=f"{limits.jobs_in_all:,} jobs",
            hint="Try again in some minutes.",
        )


def _unfinished(workspace: Workspace) -> int:
    return sum(record.kind not in _BY_ITSELF for record in Registry(workspace).unfinished())


def _unfinished_elsewhere(workspace: Workspace) -> int:
    try:
        return _unfinished(workspace)
    except WorkspaceError as error:  # somebody removes it at this moment, or it is damaged: nobody else waits for that
        _log.warning("the jobs of a workspace can't be counted: %s", error)
        return 0
