"""What every opening of a workspace looks at: whether its format is this program's."""

from __future__ import annotations

from pathlib import Path

from tlcore.errors import WorkspaceError
from tlcore.migrations.mark import FORMAT, read_mark, refuse_newer


def bring_up_to_date(root: Path) -> None:
    """Marks a new workspace, brings an older one to this program's format, refuses a newer one. Cheap otherwise.

    Raises:
        WorkspaceError: The workspace is newer, damaged, or could not be changed; then it is as it was.
    """
    mark = read_mark(root)
    if mark is not None:
        refuse_newer(root, mark)
        if mark.format == FORMAT:
            return
    from tlcore.migrations.moving import move  # what it needs is not imported where nothing is to be done

    try:
        move(root)
    except OSError as error:
        raise WorkspaceError(
            f"The workspace can't be brought up to date: {error.strerror or error}",
            value=root,
            hint="Look whether the disk is full or the folder read-only, then try again.",
        ) from error
