"""Reading the structured log: its last lines, recent errors by the id that people were shown, and what led to one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from tlcore.logs.writing import earlier, lines_path

_TAIL_BYTES: Final = 512 * 1024
_MOST_FILES: Final = 3
_BEFORE: Final = 10


@dataclass(frozen=True)
class LogLine:
    """One line of the log.

    Attributes:
        time: UTC, ISO 8601.
        level: As `logging` names it.
        process: "app", "supervisor", "worker" or "cli".
        pid: Its number.
        run: The run or job that it is about, or "".
        logger: Which part of the program says it.
        message: What it says.
        template: The message before its values were filled in.
        error: The id that people were shown, or "".
        exception: The kind of error, or "".
        why: The error's own text.
        trace: Where it happened, in several lines.
    """

    time: str
    level: str
    process: str
    pid: int
    run: str
    logger: str
    message: str
    template: str = ""
    error: str = ""
    exception: str = ""
    why: str = ""
    trace: str = ""

    @property
    def what(self) -> str:
        """What went wrong, in a line."""
        return f"{self.exception}: {self.why}" if self.exception else self.message

    @property
    def text(self) -> str:
        """The line as people read it, with its trace below."""
        head = f"{self.time} {self.level} {self.process} {self.pid} {self.run or '-'} {self.logger}: {self.message}"
        return f"{head}\n{self.trace}" if self.trace else head


def read_lines(host: Path, most: int = 1000) -> tuple[LogLine, ...]:
    """The last lines of an app's log, oldest first; damaged ones are left out.

    Args:
        host: The folder that the app's workspaces share.
        most: How many at most.
    """
    path = lines_path(host)
    found: list[LogLine] = []
    for file in (path, *(earlier(path, number) for number in range(1, _MOST_FILES))):
        found = [line for text in _tail(file) if (line := _line_of(text)) is not None] + found
        if len(found) >= most:
            break
    return tuple(found[-most:])


def errors_in(lines: Sequence[LogLine], most: int = 20) -> tuple[LogLine, ...]:
    """Those of some lines that tell of an error whose id people were shown, newest first."""
    return tuple([line for line in lines if line.error][::-1][:most])


def lines_about(lines: Sequence[LogLine], error_id: str) -> tuple[LogLine, ...]:
    """What some lines say of an error: its own, and the last ones before of the same process; () if nothing."""
    own = [place for place, line in enumerate(lines) if error_id in (line.error, *line.message.split())]
    if not own:
        return ()
    first = lines[own[0]]
    before = [line for line in lines[: own[0]] if (line.process, line.pid) == (first.process, first.pid)]
    return (*before[-_BEFORE:], *(lines[place] for place in own))


def _tail(path: Path) -> list[str]:
    """The whole lines at a file's end."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            start = file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return []  # none yet, or just put away
    return lines[1:] if start else lines


def _line_of(text: str) -> LogLine | None:
    try:
        document: Any = json.loads(text)
        return LogLine(**{field.name: document[field.name] for field in fields(LogLine) if field.name in document})
    except (ValueError, TypeError):
        return None  # torn by a full disk
