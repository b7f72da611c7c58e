"""Room on the disk for a job's last words: a file that is given back when there is no room left for anything else."""

from __future__ import annotations

import os
from typing import Final

from tlcore.runs.folder import RunFolder

_NAME: Final = ".spare"
# The last event and a few pages of the registry.
_BYTES: Final = 256 * 1024


def set_aside(folder: RunFolder) -> None:
    """Takes the room. Random bytes, as zeros take none where the file system compresses.

    Raises:
        OSError: There is not even this much room.
    """
    (folder.path / _NAME).write_bytes(os.urandom(_BYTES))


def give_back(folder: RunFolder) -> None:
    """Makes the room free; nothing where it is already."""
    (folder.path / _NAME).unlink(missing_ok=True)
