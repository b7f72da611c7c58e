"""Queueing a job again that has ended: to go on with what was not done, or a training to learn for longer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from tlcore.config import RunConfig
from tlcore.errors import RunError, WorkspaceError
from tlcore.files import write_json
from tlcore.jobs.allowed import check_allowed
from tlcore.jobs.going_on import check_restartable, check_resumable, keep_longer, lengthened
from tlcore.jobs.resuming import stay_interrupted
from tlcore.jobs.service import ensure_supervisor
from tlcore.runs.folder import RunFolder
from tlcore.runs.locks import take_lock
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

# A worker tells its end before its process is gone.
_WORKER_SECONDS: Final = 2.0


def resume(workspace: Workspace, run_id: str) -> JobRecord:
    """Queues a job again that was interrupted or failed, or a training that was stopped.

    A training goes on from its last whole epoch; what it left before stays until there is something new.

    Raises:
        RunError: There is no such job, its state does not allow it, or nothing is kept of what was stopped.
        InputError: The mode or the operator doesn't allow it; see `check_allowed`.
    """

    def check(record: JobRecord, folder: RunFolder) -> None:
        check_resumable(record, folder)
        check_allowed(workspace, record.kind, folder.read_config(), again=True)

    return _queue_again(workspace, run_id, check)


def extend(workspace: Workspace, run_id: str, epochs: int) -> JobRecord:
    """Queues a training again that was stopped or completed, to learn for so many epochs more than it has.

    Raises:
        RunError: There is no such training, its state does not allow it, or nothing is kept to go on from.
        InputError: So many epochs are not allowed, or the mode or the operator doesn't allow it.
        WorkspaceError: What was kept is damaged.
    """

    def check(record: JobRecord, folder: RunFolder) -> RunConfig:
        longer = lengthened(record, folder, epochs)
        check_allowed(workspace, record.kind, longer.to_json(), again=True)
        return longer

    return _queue_again(workspace, run_id, check)


def _queue_again(
    workspace: Workspace, run_id: str, check: Callable[[JobRecord, RunFolder], RunConfig | None]
) -> JobRecord:
    """Queues a job whose last worker is gone; where that fails, its folder is as it was.

    Args:
        workspace: Where the job lives.
        run_id: The job.
        check: Raises what there is against it; returns what the job is to do instead of what it was to do before.
    """
    registry = Registry(workspace)
    folder = RunFolder.find(workspace, run_id)
    check_restartable(registry.get(run_id))
    with _without_worker(folder):
        try:
            config = check(registry.get(run_id), folder)
            with _changed(folder, config), folder.prepared_again():
                record = registry.move(run_id, State.QUEUED)
            stay_interrupted(folder)  # it need not go on by itself as well
        except OSError as error:
            raise WorkspaceError(
                f"The run can't be queued again: {error.strerror}", value=folder.path, hint="Is the disk full?"
            ) from error
    ensure_supervisor(workspace)
    return record


@contextmanager
def _changed(folder: RunFolder, config: RunConfig | None) -> Iterator[None]:
    """Writes down what the job is to do; when the block raises, what it was to do before."""
    if config is None:
        yield
        return
    before = folder.read_config()
    keep_longer(folder, config)
    try:
        yield
    except BaseException:
        with suppress(OSError):  # on a full disk it lasts longer once somebody lets it go on
            write_json(folder.config, before)
        raise


@contextmanager
def _without_worker(folder: RunFolder) -> Iterator[None]:
    """Holds the folder's lock, so that no worker is in it."""
    lock = take_lock(folder.lock, _WORKER_SECONDS)
    if lock is None:
        raise RunError("The run's last worker is still ending", value=folder.id, hint="Try again in a moment.")
    try:
        yield
    finally:
        lock.release()
