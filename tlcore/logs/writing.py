"""Writing the log: JSON lines into one file that several processes share, and text for people on standard error."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, TextIO, cast

from tlcore.locks import take_lock
from tlcore.logs.redaction import Redactor

Process = Literal["app", "supervisor", "worker", "cli"]
"""Which of our processes writes."""

LINES: Final = "studio.jsonl"

OURS: Final = ("tlcore", "pages")
"""The loggers whose every line is kept; of libraries only what is worth a warning."""

_MOST_BYTES: Final = 2 * 1024**2
_KEPT: Final = 3
_MOST_TRACE: Final = 20_000
_ERROR: Final = re.compile(r"^error (\S+?):?(?:\s|$)")
_RUN: Final = re.compile(r"\b\d{8}-\d{6}-[0-9a-f]{4}\b")

logger = logging.getLogger(__name__)


class LineFormatter(logging.Formatter):
    """A record as one JSON line: time, level, process, pid, run, logger, message, and what tells of an error.

    `template` is the message before its values were filled in: what a maintainer may see of somebody else's log.

    Args:
        process: Which process.
        run: The run or job that it works on, "" where it serves several: then the first that a message names.
        redact: Takes secrets out.
    """

    def __init__(self, process: Process, run: str, redact: Redactor) -> None:
        super().__init__()
        self._process = process
        self._run = run
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """One line, without its end."""
        message = record.getMessage()
        named = _RUN.search(message)
        error = _ERROR.match(message)
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "process": self._process,
            "pid": record.process,
            "run": self._run or (named.group() if named else ""),
            "logger": record.name,
            "message": message,
            "template": str(record.msg),
            "error": error.group(1) if error else "",
        }
        if record.exc_info and record.exc_info[1] is not None:
            raised = record.exc_info[1]
            line["exception"] = type(raised).__name__
            line["why"] = " ".join(str(raised).split())
            line["trace"] = self.formatException(record.exc_info)[-_MOST_TRACE:]
        return json.dumps(self._redact.in_document(line), ensure_ascii=False)


class PlainFormatter(logging.Formatter):
    """A record as text for people, without secrets."""

    def __init__(self, form: str, redact: Redactor) -> None:
        super().__init__(form)
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """The record, with its traceback if it has one."""
        return self._redact(super().format(record))


class LinesHandler(logging.Handler):
    """Appends lines to a file that other processes append to as well; a large file makes way for a new one.

    Each line is one write at the file's end, so lines of two processes never mix.

    Args:
        path: The file; its folder is made.
        most_bytes: From this size on it is put away as `….1.jsonl`.
        kept: How many files there are at most, with the one in use.
    """

    def __init__(self, path: Path, most_bytes: int = _MOST_BYTES, kept: int = _KEPT) -> None:
        super().__init__()
        self._path = path
        self._most = most_bytes
        self._kept = kept
        self.addFilter(_is_worth_keeping)

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record. What the log can't take must not stop the work."""
        try:
            line = self.format(record).encode(errors="replace") + b"\n"
            self._append(line)
        except OSError:
            return  # a full disk; the work itself tells of it
        except Exception:  # noqa: BLE001 - as every handler of `logging`
            self.handleError(record)

    def _append(self, line: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line)
            size = os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
        if size > self._most:
            put_away(self._path, self._most, self._kept)


def put_away(path: Path, most_bytes: int = _MOST_BYTES, kept: int = _KEPT) -> None:
    """Renames a log that has grown large, and drops the oldest; one that another process is putting away is left."""
    if not _is_large(path, most_bytes):
        return
    lock = take_lock(path.with_name(f".{path.name}.lock"))
    if lock is None:
        return
    try:
        if not _is_large(path, most_bytes):
            return  # another process was faster
        for number in range(kept - 1, 0, -1):
            younger = path if number == 1 else earlier(path, number - 1)
            if younger.exists():
                younger.replace(earlier(path, number))
    finally:
        lock.release()


def _is_large(path: Path, most_bytes: int) -> bool:
    try:
        return path.stat().st_size > most_bytes
    except FileNotFoundError:
        return False


def earlier(path: Path, number: int) -> Path:
    """The name of a log that was put away: `studio.1.jsonl` is the newest of them."""
    return path.with_name(f"{path.stem}.{number}{path.suffix}")


def lines_path(host: Path) -> Path:
    """Where the structured log of an app lies."""
    return host / "logs" / LINES


def start_lines(
    host: Path, process: Process, run: str = "", loggers: Sequence[str] = ("",), secrets: Sequence[str] = ()
) -> None:
    """Sends what loggers say to the structured log, from now on; whatever sent it elsewhere before is taken away.

    Args:
        host: The folder that the app's workspaces share.
        process: Which process this is.
        run: The run or job that it works on.
        loggers: Their names; "" is all of them.
        secrets: Secrets that only the caller knows.
    """
    handler = LinesHandler(lines_path(host))
    handler.setFormatter(LineFormatter(process, run, Redactor(tuple(secrets))))
    stop_lines(loggers)
    for name in loggers:
        logging.getLogger(name).addHandler(handler)


def stop_lines(loggers: Sequence[str] = ("",)) -> None:
    """Takes back `start_lines`."""
    for name in loggers:
        for handler in [one for one in logging.getLogger(name).handlers if isinstance(one, LinesHandler)]:
            logging.getLogger(name).removeHandler(handler)
            handler.close()


def start_console(form: str, level: int = logging.INFO) -> None:
    """Sends what all loggers say to standard error, for people; where somebody else has seen to that, nothing is done.

    Args:
        form: How a line looks, as `logging` writes it.
        level: From which level on.
    """
    root = logging.getLogger()
    if not all(isinstance(handler, LinesHandler) for handler in root.handlers):
        return
    console = logging.StreamHandler()
    console.setFormatter(PlainFormatter(form, Redactor()))
    root.addHandler(console)
    root.setLevel(level)


def guard_output() -> None:
    """Takes secrets out of whatever else this process prints, and logs errors that nobody caught.

    Call it before anything keeps a reference to standard output or error.
    """
    sys.stdout = cast("TextIO", RedactedStream(sys.stdout))
    sys.stderr = cast("TextIO", RedactedStream(sys.stderr))
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


class RedactedStream:
    """A text stream that hides secrets in what is written to it; in all else it is the stream that it stands for."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._redact = Redactor()

    def write(self, text: str) -> int:
        """Writes `text` without secrets; returns its length, as streams do."""
        self._stream.write(self._redact(text))
        return len(text)

    def writelines(self, lines: Sequence[str]) -> None:
        """Writes each of `lines`."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _is_worth_keeping(record: logging.LogRecord) -> bool:
    ours = record.name.partition(".")[0] in (*OURS, "__main__")
    return record.levelno >= (logging.INFO if ours else logging.WARNING)


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logger.critical("nobody caught this error", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None and not isinstance(arguments.exc_value, SystemExit):
        _log_uncaught(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
