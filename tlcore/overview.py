"""What whoever looks after an app wants to see: versions, devices, disk, processes, the queue, what went wrong."""

from __future__ import annotations

import logging
import platform
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import tlcore
from tlcore.caches.budget import list_items, used
from tlcore.devices import describe_host, gpu_memory
from tlcore.errors import StudioError
from tlcore.jobs.waiting import Wait, wait_of
from tlcore.logs.reading import LogLine, errors_in, read_lines
from tlcore.members import all_workspaces, owner_name
from tlcore.migrations.mark import read_mark
from tlcore.processes import own_processes
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.repairs import read_repairs
from tlcore.runs.states import State
from tlcore.workspace import Workspace

PACKAGES: Final = ("tensorflow", "keras", "openvino", "streamlit", "numpy", "pillow", "scikit-learn", "pyarrow")

_MOST_FAILED: Final = 20

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class QueuedJob:
    """A job that waits or is at work.

    Attributes:
        workspace: Where it lives.
        record: What the registry says of it.
        owner: Whose it is, as people call them; "" where there is one person only.
        wait: Its place in the queue; None when it is at work.
    """

    workspace: Workspace
    record: JobRecord
    owner: str
    wait: Wait | None


def installed_versions() -> dict[str, str]:
    """Versions of the program, of Python, of the packages that matter, and the system's name."""
    found = {"Transfer Learning Studio": tlcore.__version__, "Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found | {"System": platform.platform()}


def folder_sizes(workspace: Workspace) -> dict[str, int]:
    """Bytes in each of a workspace's folders, by what people call them."""
    folders = {
        "Datasets": workspace.datasets,
        "Trainings and models": workspace.runs,
        "Other jobs": workspace.jobs,
        "Caches": workspace.cache,
        "Uploads not yet taken in": workspace.incoming,
        "Logs": workspace.logs,
        "Backups": workspace.root / "backups",
    }
    return {name: _size(folder) for name, folder in folders.items()}


def queue_of_all(workspace: Workspace) -> Iterator[QueuedJob]:
    """Everybody's jobs that wait or are at work, those at work first, then by their turn.

    Args:
        workspace: Any workspace of the app.
    """
    found = [job for one in all_workspaces(workspace) for job in _queue_of(one)]
    yield from sorted(found, key=lambda job: (job.wait.position if job.wait else 0, job.record.queued))


def _queue_of(workspace: Workspace) -> list[QueuedJob]:
    """One workspace's, none where it can't be read: the others are shown all the same."""
    try:
        return [
            QueuedJob(
                workspace,
                record,
                owner_name(workspace),
                wait_of(workspace, record.id) if record.state is State.QUEUED else None,
            )
            for record in Registry(workspace).unfinished()
        ]
    except StudioError as error:
        if workspace.mode == "local":
            raise
        _log.warning("the queue of a workspace can't be read: %s", error)
        return []


def failed_jobs(workspace: Workspace) -> list[JobRecord]:
    """The newest jobs of a workspace that failed."""
    return [record for record in Registry(workspace).list() if record.state is State.FAILED][:_MOST_FAILED]


def describe_error(line: LogLine) -> dict[str, Any]:
    """An error as plain JSON data: its id, when, in which process, of which run, and what."""
    return {"id": line.error, "time": line.time, "process": line.process, "run_id": line.run, "what": line.what}


def overview(workspace: Workspace) -> dict[str, Any]:
    """All of it, as plain JSON data. It names people, files and classes: for whoever looks after the app only."""
    host = describe_host()
    items = list_items(workspace)
    kinds: Counter[str] = Counter()
    for item in items:
        kinds[item.kind] += item.bytes
    mark = read_mark(workspace.root)
    return {
        "versions": installed_versions(),
        "workspace": {"root": str(workspace.root), "mode": workspace.mode} | (asdict(mark) if mark else {}),
        "devices": asdict(host) | {"cards": [asdict(card) for card in gpu_memory()]},
        "disk": {"free": shutil.disk_usage(workspace.root).free, "used": folder_sizes(workspace)},
        "caches": {"budget": workspace.limits.cache_bytes, "used": used(items), "kinds": dict(kinds)},
        "processes": [asdict(process) for process in own_processes(workspace.host)],
        "queue": [_queued(job) for job in queue_of_all(workspace)],
        "failed": [{"run_id": job.id, "title": job.title, "error": job.error} for job in failed_jobs(workspace)],
        "errors": [describe_error(line) for line in errors_in(read_lines(workspace.host))],
        "repairs": [{"time": one.time.isoformat(), "text": one.text} for one in read_repairs(workspace)],
    }


def _queued(job: QueuedJob) -> dict[str, Any]:
    record = job.record
    return {
        "run_id": record.id,
        "kind": record.kind,
        "title": record.title,
        "state": record.state.value,
        "owner": job.owner or record.owner,
        "queued": record.queued.isoformat(),
        "position": job.wait.position if job.wait else None,
        "seconds": job.wait.seconds if job.wait else None,
    }


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size
        except FileNotFoundError:
            continue  # a job removed it meanwhile
    return total
