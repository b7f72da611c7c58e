"""How much of the disk a workspace takes, and how much it may.

Caches don't count, nor does what trainings keep to go on from: they have a budget of their own.
"""

from __future__ import annotations

import os
from collections.abc import Set
from pathlib import Path

from tlcore.errors import InputError
from tlcore.limits import UNBOUNDED
from tlcore.workspace import Workspace


def bytes_taken(workspace: Workspace) -> int:
    """Bytes of all files in a workspace but those that have a budget of their own.

    Uploads that wait count, and what lies in the bin. It looks at every file, some 350,000 a second; what is removed
    meanwhile counts or doesn't.
    """
    checkpoints = {str(path) for path in workspace.runs.glob("*/checkpoints")}
    return _size_of(workspace.root, checkpoints | {str(workspace.cache)})


def check_allowance(workspace: Workspace, more: int = 0) -> None:
    """Refuses to let a workspace grow beyond what it may take.

    Args:
        workspace: Which.
        more: Bytes that will come in; where nobody knows yet how many, any room at all is enough.

    Raises:
        InputError: It takes too much already, or would.
    """
    most = workspace.limits.workspace_bytes
    if most >= UNBOUNDED:
        return
    taken = bytes_taken(workspace)
    if taken + max(more, 1) <= most:
        return
    coming = f", and {more / 1e6:,.0f} MB would come in" if more else ""
    raise InputError(
        "Your datasets, trainings and uploads take as much of the disk as one person may have here",
        value=f"{taken / 1e6:,.0f} MB{coming}",
        options=[f"up to {most / 1e6:,.0f} MB"],
        hint="Delete datasets or trainings that you no longer need, and empty the bin on the Compare page; or run the "
        "app on your own computer, where there is no such limit.",
    )


def _size_of(folder: Path | str, leave_out: Set[str]) -> int:
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.path in leave_out:
                    continue
                try:
                    if entry.is_dir(follow_symlinks=False):
                        total += _size_of(entry.path, leave_out)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue  # a job removed it meanwhile
    except (FileNotFoundError, NotADirectoryError):
        return total
    return total
