"""What people write down about a dataset: who took the pictures, what was left out and why."""

from __future__ import annotations

from typing import Final

from tlcore.data.stored import INFO, dataset_folder
from tlcore.errors import DatasetError, WorkspaceError
from tlcore.files import write_text
from tlcore.workspace import Workspace

LONGEST: Final = 20_000
NOTES: Final = "notes.txt"


def read_notes(workspace: Workspace, dataset_id: str) -> str:
    """The notes; "" where there are none.

    Raises:
        InputError: The id can't be the name of a dataset.
        WorkspaceError: They are there and can't be read.
    """
    path = dataset_folder(workspace, dataset_id) / NOTES
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise WorkspaceError(
            "The notes can't be read", value=dataset_id, hint=f"Look at the file {path}, or remove it."
        ) from error


def write_notes(workspace: Workspace, dataset_id: str, text: str) -> None:
    """Keeps the notes instead of those before.

    Raises:
        DatasetError: There is no such dataset, or the text is too long.
        InputError: The id can't be the name of a dataset.
        WorkspaceError: The disk is full or can't be written.
    """
    folder = dataset_folder(workspace, dataset_id)
    if not (folder / INFO).is_file():
        raise DatasetError("There is no such dataset", value=dataset_id, hint="Was it deleted in the meantime?")
    if len(text) > LONGEST:
        raise DatasetError(
            "The notes are too long", value=f"{len(text):,} letters", hint=f"At most {LONGEST:,} letters are kept."
        )
    try:
        write_text(folder / NOTES, text)
    except OSError as error:
        raise WorkspaceError(
            f"The notes can't be written: {error.strerror}",
            value=dataset_id,
            hint="Free some disk space, then try again.",
        ) from error
