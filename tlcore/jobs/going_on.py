"""Letting a training go on that has ended: whether it may, from which round, and for how many more."""

from __future__ import annotations

from typing import Final

from tlcore.caches.checkpoints import has_left_model
from tlcore.config import Mode, PhaseName, RunConfig
from tlcore.errors import RunError
from tlcore.files import write_json
from tlcore.runs.events import read_events
from tlcore.runs.folder import RunFolder
from tlcore.runs.record import JobRecord
from tlcore.runs.states import State
from tlcore.training.standing import STANDING, CheckpointDamaged, Standing, ask_for_more, read_standing

_KIND: Final = "train"
_LAST: Final = {
    Mode.SCRATCH: (PhaseName.SCRATCH, "epochs"),
    Mode.FROZEN: (PhaseName.FROZEN, "epochs"),
    Mode.FINE_TUNE: (PhaseName.FINE_TUNE, "fine_tune_epochs"),
}
"""The last phase of each mode, and the option that says how long it is."""


def check_restartable(record: JobRecord) -> None:
    """Refuses a job that has not ended, or that lies in the bin.

    Raises:
        RunError: It is so.
    """
    if record.archived:
        raise RunError("This run lies in the bin", value=record.id, hint="Take it out first: `runs restore`.")
    if not record.state.ended:
        raise RunError(
            f"Only a run that has ended can go on; this one is {record.state}",
            value=record.id,
            hint="It goes on already." if record.state is not State.STOPPING else "Try again in a moment.",
        )


def check_resumable(record: JobRecord, folder: RunFolder) -> None:
    """Refuses a job that is done, or that was stopped and can't go on from there.

    Raises:
        RunError: It is.
    """
    check_restartable(record)
    if not record.state.can_resume or (record.kind != _KIND and record.state is State.STOPPED):
        more = "`runs extend` trains for more epochs." if record.kind == _KIND else "Start a new one instead."
        raise RunError(
            f"Only a run that was interrupted, stopped or failed can go on; this one is {record.state}",
            value=record.id,
            hint=more,
        )
    if has_lost_rounds(record, folder):
        raise _not_kept(record, "instead")


def has_lost_rounds(record: JobRecord, folder: RunFolder) -> bool:
    """Whether a training ended after whole rounds of which nothing is kept to go on from.

    It has left a model, which a training that began again with its first round would replace by a worse one. One that
    has left none may always begin again.
    """
    if record.kind != _KIND or not record.state.can_extend or (folder.checkpoints / STANDING).exists():
        return False
    if not has_left_model(folder):
        return False
    attempts = folder.path.glob("events*.jsonl")
    return any(event["kind"] == "epoch" for path in attempts for event in read_events(path).events)


def lengthened(record: JobRecord, folder: RunFolder, epochs: int) -> RunConfig:
    """The configuration of a training whose last phase lasts for so many epochs more than it has had.

    One that was stopped before that phase gets them on top of what was planned.

    Raises:
        RunError: It is no training that was stopped or completed, or nothing is kept to go on from.
        ConfigError: So many epochs are not allowed.
        WorkspaceError: What was kept is damaged.
    """
    check_restartable(record)
    if record.kind != _KIND or not record.state.can_extend:
        raise RunError(
            "Only a training that was completed or stopped can learn for longer",
            value=f"{record.id} ({record.kind}, {record.state})",
            hint="`runs resume` lets one go on that was interrupted or failed." if record.kind == _KIND else "",
        )
    if epochs < 1:
        raise RunError("A training can only learn for longer", value=epochs, hint="Give the number of epochs to add.")
    standing = read_standing(folder.checkpoints)
    if standing is None:
        raise _not_kept(record, "and more epochs")
    config = RunConfig.from_json(folder.read_config())
    phase, option = _LAST[config.mode]
    had = len(standing.rows_of(phase)) or getattr(config, option)
    return config.replace(**{option: had + epochs})


def _not_kept(record: JobRecord, how: str) -> RunError:
    return RunError(
        "What this training would go on from is not kept any more",
        value=record.id,
        hint="It made way for caches, was cleared, or stayed on another machine. Start a new training with the same "
        f"settings {how}.",
    )


def keep_longer(folder: RunFolder, config: RunConfig) -> None:
    """Writes down that a training is to last for longer. Nothing happens twice: done again, it is the same.

    Raises:
        OSError: The disk is full.
        WorkspaceError: What was kept is damaged.
    """
    standing = read_standing(folder.checkpoints)
    if standing is not None:
        ask_for_more(folder.checkpoints, standing)
    write_json(folder.config, config.to_json())


def kept_standing(folder: RunFolder) -> Standing | None:
    """Where a training would go on from; None where it would begin with its first round."""
    try:
        return read_standing(folder.checkpoints)
    except CheckpointDamaged:
        return None


def can_learn_longer(record: JobRecord, folder: RunFolder) -> bool:
    """Whether `lengthened` would find what it needs, for a training that has had rounds of its last phase."""
    if record.kind != _KIND or not record.state.can_extend:
        return False
    standing = kept_standing(folder)
    if standing is None:
        return False
    config = RunConfig.from_json(folder.read_config())
    return bool(standing.rows_of(_LAST[config.mode][0]))
