"""One job in a process of its own: `python -m tlcore.jobs.worker JOB_ID`, the workspace named by TLCORE_HOME.

The worker holds a lock on the job's folder for its whole life. It needs nobody: when the supervisor or the app dies it
goes on, and its last event says how it ended.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import platform
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import tlcore
from tlcore.errors import RunError, StudioError, WorkspaceError
from tlcore.files import is_disk_full, write_json
from tlcore.jobs import resuming, spare
from tlcore.jobs.context import JobContext
from tlcore.jobs.kinds import find_kind
from tlcore.jobs.last_words import DISK_FULL, FOLDER_GONE, NO_ROOM, TERMINATED
from tlcore.jobs.out_of_memory import count_kills
from tlcore.jobs.process import give_way_for_memory, give_way_for_processors, on_terminate
from tlcore.jobs.reporter import FolderReporter, Terminated
from tlcore.jobs.retry import advice, payload_of_attempt
from tlcore.logs import Redactor, guard_output, start_console, start_lines
from tlcore.progress import Stopped
from tlcore.runs.database import RegistryBusyError
from tlcore.runs.events import EventWriter
from tlcore.runs.folder import RunFolder
from tlcore.runs.identity import new_error_id
from tlcore.runs.locks import take_lock
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.training.memory import is_out_of_memory
from tlcore.workspace import Workspace

logger = logging.getLogger(__name__)

# Somebody who looks at the lock holds it for an instant.
_LOCK_SECONDS = 5.0
_BUSY_STEP_SECONDS = 1.0

_PACKAGES = ("tensorflow", "keras", "openvino", "numpy", "pillow")


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        state: Its last state.
        error: Why it did not end well, and what comes of that.
        details: The error's parts (`StudioError.to_json`) where it was one of ours.
        reason: Of an interruption, why alone.
    """

    state: State
    error: str | None = None
    details: dict[str, object] | None = None
    reason: str | None = None


def main(arguments: Sequence[str]) -> int:
    """Works on the job named by the one argument; returns the process's exit status.

    A job that is not queued any more, or that another worker holds, is left alone. When the disk is so full that not
    even the end can be written down, the status is `NO_ROOM`, and the supervisor tells it.
    """
    start_console(f"%(asctime)s %(levelname)s {arguments[0]} %(name)s: %(message)s")
    faulthandler.enable()
    calm_libraries()
    workspace = Workspace.open()
    folder = RunFolder.find(workspace, arguments[0])
    lock = take_lock(folder.lock, _LOCK_SECONDS)
    if lock is None:
        logger.info("another worker has this job")
        return 0
    try:
        return _work(workspace, folder)
    except (OSError, WorkspaceError) as error:
        if not is_disk_full(error):
            raise
        logger.exception("no room for the last words")
        return NO_ROOM
    finally:
        lock.release()


def calm_libraries() -> None:
    """Keeps libraries from chatting; must run before they are imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def answers_at_once(job_id: str) -> bool:
    """Whether somebody waits in front of the page for this job: a prediction."""
    return RunFolder.find(Workspace.open(), job_id).read_meta().kind == "predict"


def _work(workspace: Workspace, folder: RunFolder) -> int:
    registry = Registry(workspace)
    record = _patiently(lambda: registry.get(folder.id))
    if record.state is not State.QUEUED:
        logger.info("nothing to do: the job is %s", record.state)
        return 0
    try:
        _patiently(lambda: registry.move(folder.id, State.RUNNING, pid=os.getpid()))
    except RunError:
        logger.info("the job was stopped before it started")
        return 0
    with EventWriter(folder.events) as events:
        reporter = FolderReporter(folder, events)
        on_terminate(reporter.terminate)
        events.write(
            "started",
            pid=os.getpid(),
            host=socket.gethostname(),
            versions=_versions(),
            kills=count_kills().to_json(),
        )
        spare.set_aside(folder)
        outcome = _attempt(record.kind, workspace, folder, reporter)
        spare.give_back(folder)
        events.write("ended", **_told(outcome))
    _patiently(lambda: registry.move(folder.id, outcome.state, error=outcome.error))
    logger.info("ended: %s", outcome.state)
    return 0 if outcome.state is not State.FAILED else 1


def _attempt(kind: str, workspace: Workspace, folder: RunFolder, reporter: FolderReporter) -> Outcome:
    """Runs the job; whatever it raises becomes an outcome that a person can read."""
    try:
        context = JobContext(workspace, folder, payload_of_attempt(folder), reporter)
        result = find_kind(kind).load_runner()(context)
        write_json(folder.result, result)
    except Stopped:
        return Outcome(State.STOPPED)
    except Terminated:
        words = (TERMINATED, resuming.decide(workspace, kind, folder))
        return Outcome(State.INTERRUPTED, " ".join(filter(None, words)), reason=TERMINATED)
    except StudioError as error:
        logger.info("the job failed", exc_info=True)
        hide = Redactor(hides_home=False)
        return Outcome(State.FAILED, hide(str(error)), hide.in_document(error.to_json()))
    except Exception as error:  # noqa: BLE001 - the end of the process: told under an id, with the details in the log
        return Outcome(State.FAILED, _explain(error, kind, folder))
    return Outcome(State.STOPPED if result.get("stopped") else State.COMPLETED)


def _told(outcome: Outcome) -> dict[str, object]:
    told: dict[str, object] = {"state": outcome.state.value, "error": outcome.error, "details": outcome.details}
    return told | ({"reason": outcome.reason} if outcome.reason else {})


def _patiently(ask: Callable[[], JobRecord]) -> JobRecord:
    """What the registry answers, however long another program keeps it locked: a job must not fail for that."""
    while True:
        try:
            return ask()
        except RegistryBusyError:
            logger.warning("waiting for the registry", exc_info=True)
            time.sleep(_BUSY_STEP_SECONDS)


def _explain(error: Exception, kind: str, folder: RunFolder) -> str:
    error_id = new_error_id()
    logger.error("error %s", error_id, exc_info=error)
    if not folder.path.is_dir():
        return f"{FOLDER_GONE} Details in the log under {error_id}."
    if is_out_of_memory(error):
        return f"{advice(kind, folder)} Details in the log under {error_id}."
    if is_disk_full(error):
        return f"{DISK_FULL} Details in the log under {error_id}."
    return f"Something went wrong inside the program ({error_id}). The details are under this id in {folder.log}."


def _versions() -> dict[str, str]:
    """Versions of the program, of Python and of what decides results."""
    versions = {"tlcore": tlcore.__version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return versions


if __name__ == "__main__":
    guard_output()
    give_way_for_memory()
    if not answers_at_once(sys.argv[1]):
        give_way_for_processors()
    start_lines(Workspace.open().host, "worker", sys.argv[1])
    sys.exit(main(sys.argv[1:]))
