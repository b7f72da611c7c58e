"""What a job's runner is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tlcore.progress import Reporter
from tlcore.runs.folder import RunFolder
from tlcore.workspace import Workspace


@dataclass(frozen=True)
class JobContext:
    """Where a job works, what it is to do, and whom it tells.

    Attributes:
        workspace: The workspace that it belongs to.
        folder: Its own folder; whatever it leaves goes there, or into the workspace's datasets.
        payload: What it was submitted with, plain JSON data.
        reporter: Receives events and progress, and knows whether somebody asked to stop.
    """

    workspace: Workspace
    folder: RunFolder
    payload: dict[str, Any]
    reporter: Reporter


# Does a job's work in its worker process and returns its result as plain JSON data; `"stopped": True` in it, or raising
# `Stopped`, says that it ended early because somebody asked.
Runner = Callable[[JobContext], dict[str, Any]]
