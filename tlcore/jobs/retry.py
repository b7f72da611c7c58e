"""The second attempt of a training whose worker was ended for want of memory: the same once more, in smaller batches.

The first attempt's events are put away, as when a run is started again; the new file begins with a `retry` event, which
says what is different. `config.json` stays as it was asked for.
"""

from __future__ import annotations

from typing import Any, Final

from tlcore.errors import StudioError
from tlcore.runs.events import Event, EventWriter, read_events
from tlcore.runs.folder import RunFolder
from tlcore.runs.retries import attempt_of
from tlcore.training.memory import half_batch

OUT_OF_MEMORY: Final = (
    "The computer ran out of memory. Choose a smaller batch size, smaller pictures or a smaller backbone, "
    "or close other programs."
)
_TWICE: Final = (
    "The computer ran out of memory twice, the second time with a batch size of {size}. Choose smaller pictures or a "
    "smaller backbone, or close other programs. What was prepared is kept for the next attempt."
)

# Whether smaller batches can help, and where a job's batch size stands in what it was submitted with.
_BATCHED_KIND: Final = "train"
_BATCH_SIZE: Final = "batch_size"


def begin_second_attempt(kind: str, folder: RunFolder) -> bool:
    """Prepares a run's folder for another attempt with half the batch size, if there may be one.

    The caller sees to it that no worker is in the folder, and queues the run.

    Args:
        kind: The job's kind; only trainings have batches.
        folder: Of a run that ran out of memory.

    Returns:
        False, with nothing changed, where this was the second attempt or batches can't be smaller.

    Raises:
        OSError: The disk is full; the first attempt's events are where they were.
    """
    events = read_events(folder.events).events
    if kind != _BATCHED_KIND or folder.stop_flag.exists() or attempt_of(events) > 1:
        return False
    used = batch_size_of(folder, events)
    half = half_batch(used) if used is not None else None
    if half is None:
        return False
    phase = next((event["phase"] for event in reversed(events) if event["kind"] == "phase"), None)
    why = (
        "The computer ran out of memory, and the system ended the training. It is tried once more with a batch size of "
        f"{half} instead of {used}, from its last whole round (epoch)."
    )
    with folder.prepared_again(), EventWriter(folder.events) as writer:
        writer.write("retry", attempt=2, phase=phase, batch_size=half, why=why)
    return True


def advice(kind: str, folder: RunFolder) -> str:
    """What to tell of a job that ran out of memory and is not tried again."""
    events = read_events(folder.events).events
    if kind != _BATCHED_KIND or attempt_of(events) == 1:
        return OUT_OF_MEMORY
    return _TWICE.format(size=batch_size_of(folder, events))


def payload_of_attempt(folder: RunFolder) -> dict[str, Any]:
    """What the job is to do now: what it was submitted with, in smaller batches if this is the second attempt.

    Raises:
        WorkspaceError: The file is missing or damaged.
    """
    asked = folder.read_config()
    events = read_events(folder.events).events
    if attempt_of(events) == 1:
        return asked
    return asked | {_BATCH_SIZE: batch_size_of(folder, events)}


def batch_size_of(folder: RunFolder, events: tuple[Event, ...]) -> int | None:
    """The batch size that the attempt told by `events` came down to; None for a job without batches."""
    told = next((event["batch_size"] for event in reversed(events) if event["kind"] == "retry"), None)
    if told is not None:
        return int(told)
    try:
        asked = folder.read_config().get(_BATCH_SIZE)
    except StudioError:
        return None  # the next worker will find the damage, and tell it
    return asked if isinstance(asked, int) else None
