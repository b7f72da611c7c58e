"""What pages and the command line do with jobs: submit, watch, stop, delete."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from tlcore.errors import RunError, StudioError, WorkspaceError
from tlcore.files import write_json
from tlcore.jobs.executor import Executor
from tlcore.jobs.failure import error_from
from tlcore.jobs.foretold import keep_foretold
from tlcore.jobs.kinds import JobKind, find_kind
from tlcore.jobs.local import LocalExecutor
from tlcore.jobs.process import INHERITS, leave_alone, start_module
from tlcore.jobs.resuming import resume_policy, stay_interrupted
from tlcore.jobs.supervisor import LOCK_NAME, LOG_NAME, is_work_left
from tlcore.jobs.tickets import STARTING_NAME
from tlcore.locks import take_open
from tlcore.logs import put_away
from tlcore.members import owner_name
from tlcore.runs.events import Event, EventWriter, file_number, last_event, read_events
from tlcore.runs.folder import RunFolder, RunMeta
from tlcore.runs.identity import Clock, new_id, random_suffix, utc_now
from tlcore.runs.locks import is_held
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.workspace import Workspace

_WAIT_STEP_SECONDS = 0.1
_ENSURE_SECONDS = 2.0
_MOST_NAMES = 100


def submit(
    workspace: Workspace,
    kind: str,
    payload: dict[str, Any],
    title: str,
    dataset: str = "",
    *,
    token: str | None = None,
    clock: Clock = utc_now,
    suffix: Callable[[], str] = random_suffix,
) -> str:
    """Queues a job, sees to it that somebody serves the queue, and returns the job's id.

    Args:
        workspace: Where the job lives.
        kind: One of `tlcore.jobs.kinds.KINDS`.
        payload: What the runner is to do, plain JSON data with absolute paths; for a training `RunConfig.to_json()`.
        title: What people will call it.
        dataset: Id of the dataset that it is about.
        token: One press of a button: a second submit with the same token queues nothing and returns the first's id.
        clock, suffix: Make the id.

    Raises:
        InputError: There is no such kind, or the mode or the operator doesn't allow this; see `check_allowed`.
        WorkspaceError: The folder or the registry can't be written.
    """
    job_kind = find_kind(kind)
    registry = Registry(workspace, clock)
    first = registry.id_of_token(token) if token else None
    if first is None:
        from tlcore.jobs.allowed import check_allowed  # with the configuration's libraries: watching a job needs none

        check_allowed(workspace, kind, payload)
        try:
            folder = _new_folder(workspace, job_kind, clock, suffix)
            meta = RunMeta(folder.id, kind, title, dataset, _owner(workspace), clock(), token=token)
            write_json(folder.config, payload)
            if kind == "train":
                keep_foretold(folder, workspace, payload)
            folder.write_meta(meta)
        except OSError as error:
            raise WorkspaceError(
                f"The job can't be written down: {error.strerror}", value=workspace.root, hint="Is the disk full?"
            ) from error
        record = JobRecord(
            meta.id, kind, title, dataset, State.QUEUED, meta.created, owner=meta.owner, queued=meta.created
        )
        first = registry.add(record, token)
        if first != folder.id:
            shutil.rmtree(folder.path)
    ensure_supervisor(workspace)
    return first


def ensure_supervisor(workspace: Workspace) -> None:
    """Starts a supervisor unless one is at work, which takes 20 ms to find out, or on its way."""
    if is_held(workspace.root / LOCK_NAME):
        return
    if not INHERITS:
        leave_alone(start_supervisor(workspace))
        return
    # Until it holds its own lock, the new supervisor holds this one: on a busy machine that takes seconds, and pages
    # ask again and again meanwhile.
    starting = take_open(workspace.root / STARTING_NAME)
    if starting is None:
        return
    try:
        leave_alone(start_supervisor(workspace, starting))
    finally:
        os.close(starting)


def keep_moving(workspace: Workspace) -> None:
    """Sees to it that jobs which have not ended are served, also after a restart of the computer.

    For the app's watchdog and the command line: one short query when there is nothing to do.
    """
    if is_work_left(workspace):
        ensure_supervisor(workspace)


def start_supervisor(workspace: Workspace, starting: int | None = None) -> subprocess.Popen[bytes]:
    """Starts a supervisor, which leaves by itself where another one is at work.

    Args:
        workspace: Whose.
        starting: A locked file that it is to keep open until it is at work.

    Raises:
        WorkspaceError: It would refuse its settings.
    """
    resume_policy(workspace)
    put_away(workspace.logs / LOG_NAME)
    return start_module(
        "tlcore.jobs.supervisor",
        "--home",
        str(workspace.root),
        *(() if starting is None else ("--starting", str(starting))),
        log=workspace.logs / LOG_NAME,
        environment=workspace.environment(),
        inherited=() if starting is None else (starting,),
    )


def request_stop(workspace: Workspace, run_id: str) -> JobRecord:
    """Stops a queued job at once and asks a running one to stop; returns the record as it is then.

    A job that is stopped already stays so, and an interrupted one no longer goes on by itself.

    Raises:
        RunError: There is no such job, or it has ended otherwise.
    """
    before = Registry(workspace).get(run_id)
    if before.state is State.STOPPED:
        return before
    if before.state is State.INTERRUPTED:
        stay_interrupted(RunFolder.find(workspace, run_id))
        return before
    record = Registry(workspace).ask_to_stop(run_id)
    if record.state is State.STOPPED:
        with EventWriter(RunFolder.find(workspace, run_id).events) as events:
            events.write("ended", state=State.STOPPED.value, error=None)
    else:
        _executor(workspace).stop(run_id)
        ensure_supervisor(workspace)
    return record


def delete_run(workspace: Workspace, run_id: str) -> None:
    """Removes a run and everything in its folder.

    Raises:
        RunError: There is no such run, or it is queued or at work.
    """
    registry = Registry(workspace)
    record = registry.get(run_id)
    if not record.state.ended:
        raise RunError(f"A run that is {record.state} can't be deleted", value=run_id, hint="Stop it first.")
    for parent in (workspace.runs, workspace.jobs):
        if (parent / record.id).is_dir():
            # Renamed first: half a deleted run must not look like a run.
            (parent / record.id).rename(parent / f".deleted-{record.id}-{uuid4().hex[:8]}")
    registry.delete(record.id)
    for parent in (workspace.runs, workspace.jobs):
        for path in parent.glob(f".deleted-{record.id}-*"):
            shutil.rmtree(path, ignore_errors=True)


def wait(
    workspace: Workspace,
    run_id: str,
    on_event: Callable[[Event], None] | None = None,
    timeout: float | None = None,
) -> JobRecord:
    """Waits until a job has ended, keeping the queue served; returns its record.

    Args:
        workspace: Where the job lives.
        run_id: The job.
        on_event: Called with each event of the job, from the first of the attempt at hand; then with those of the next.
        timeout: Seconds to wait at most; the record then says that the job has not ended. None waits for ever.

    Raises:
        RunError: There is no such job, or it was deleted meanwhile.
    """
    registry = Registry(workspace)
    folder = RunFolder.find(workspace, run_id)
    started = ensured = time.monotonic()
    offset = number = 0
    while True:
        # The state is read first: once it is an end, no event comes after those read next.
        record = registry.get(run_id)
        if number != (number := file_number(folder.events)):
            offset = 0  # a second attempt began, with a file of its own
        page = read_events(folder.events, offset)
        offset = page.offset
        if on_event is not None:
            for event in page.events:
                on_event(event)
        now = time.monotonic()
        if record.state.ended or (timeout is not None and now - started >= timeout):
            return record
        if now - ensured >= _ENSURE_SECONDS:
            ensure_supervisor(workspace)
            ensured = now
        time.sleep(_WAIT_STEP_SECONDS)


def read_result(workspace: Workspace, run_id: str) -> dict[str, Any]:
    """What a job's runner returned.

    Raises:
        RunError: There is no such job, or it has left no result.
    """
    return RunFolder.find(workspace, run_id).read_result()


def read_error(workspace: Workspace, run_id: str) -> StudioError:
    """Why a job failed or was interrupted, as the error that its worker raised, ready to be raised again.

    Raises:
        RunError: There is no such job, or it has not failed.
    """
    record = Registry(workspace).get(run_id)
    if record.error is None:
        raise RunError(f"This run has no error; it is {record.state}", value=run_id)
    return error_from(last_event(RunFolder.find(workspace, run_id).events), record.error)


def unannounced(workspace: Workspace) -> tuple[JobRecord, ...]:
    """Jobs that ended and whose end no page has told yet, oldest first."""
    return Registry(workspace).unannounced()


def mark_announced(workspace: Workspace, run_id: str) -> None:
    """Notes that a page has told the end of a job."""
    Registry(workspace).mark_announced(run_id)


def _executor(workspace: Workspace) -> Executor:
    return LocalExecutor(workspace)


def _new_folder(workspace: Workspace, kind: JobKind, clock: Clock, suffix: Callable[[], str]) -> RunFolder:
    """A new folder whose name no run or job has."""
    for _ in range(_MOST_NAMES):
        name = new_id(clock(), suffix)
        path = kind.folder_parent(workspace) / name
        if not _is_taken(workspace, name):
            try:
                path.mkdir()
            except FileExistsError:
                continue
            return RunFolder(path)
    raise WorkspaceError("No free name for the job was found", value=name, hint="Try again in a second.")


def _is_taken(workspace: Workspace, name: str) -> bool:
    return any((parent / name).exists() for parent in (workspace.runs, workspace.jobs))


def _owner(workspace: Workspace) -> str:
    """Whose workspace it is; in local mode the person's name on this computer, "" where the system knows none."""
    if workspace.mode != "local":
        return owner_name(workspace)
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""
