"""`workspace.json`: the format of a workspace, the program that made it, and how it came to be what it is."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import tlcore
from tlcore.errors import WorkspaceError
from tlcore.files import read_json, write_json

NAME: Final = "workspace.json"

FORMAT: Final = 2
"""What this program writes. Whoever raises it adds a step to `steps.py` and a workspace of the old one to the tests."""


@dataclass(frozen=True)
class Move:
    """A workspace's way from one format to the next.

    Attributes:
        to: The new format.
        version: The program that did it.
        when: UTC, ISO 8601.
        backup: The file in the workspace that holds what was changed, as it was before.
    """

    to: int
    version: str
    when: str
    backup: str


@dataclass(frozen=True)
class Mark:
    """What `workspace.json` says.

    Attributes:
        format: The layout of the workspace's files.
        version: The program that made the workspace, or brought it to this format; "" where nobody knows.
        moves: Its way here, oldest first.
        begun: A move that has not ended: it is going on, or it was cut short.
    """

    format: int
    version: str = tlcore.__version__
    moves: tuple[Move, ...] = ()
    begun: Move | None = None


def read_mark(root: Path) -> Mark | None:
    """The mark of the workspace in `root`; None where there is none.

    Raises:
        WorkspaceError: It is damaged.
    """
    path = root / NAME
    try:
        return _mark_of(read_json(path))
    except FileNotFoundError:
        return None
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        raise WorkspaceError(
            f"The file {NAME} is damaged, so nobody can tell which format this workspace has",
            value=path,
            hint="Bring the file back from a copy of the workspace. If no newer version of the program was ever used "
            "here, you may delete it instead: it is made anew.",
        ) from error


def write_mark(root: Path, mark: Mark) -> None:
    """Replaces the mark.

    Raises:
        OSError: The disk is full or the folder read-only; the mark is as it was.
    """
    write_json(root / NAME, asdict(mark))


def refuse_newer(root: Path, mark: Mark, newest: int = FORMAT) -> None:
    """Refuses a workspace whose layout this program does not know.

    Raises:
        WorkspaceError: A newer program wrote it.
    """
    if mark.format > newest:
        wrote = f"Transfer Learning Studio {mark.version}" if mark.version else "a newer version of the program"
        raise WorkspaceError(
            f"This workspace was written by {wrote}, and version {tlcore.__version__} can't read it",
            value=f"{root}, format {mark.format}",
            options=[f"formats 1 to {newest}"],
            hint="Install that version again, or set TLCORE_HOME to another folder. Nothing was changed.",
        )


def _mark_of(document: Any) -> Mark:
    number = document["format"]
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ValueError("not the number of a format")
    if number > FORMAT:
        return Mark(number, str(document.get("version", "")))  # what else it says is for those who know that format
    begun = document["begun"]
    moves = tuple(Move(**move) for move in document["moves"])
    return Mark(number, str(document["version"]), moves, None if begun is None else Move(**begun))
