"""Writing files so that a reader sees the old text or the new one, never half of it."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

# O_BINARY exists on Windows only, where it keeps line ends as they are.
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)

# No room left; a quota used up; larger than the file system, or a limit of the process, lets a file be.
_FULL = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
_FULL_WORDS = ("No space left on device", "database or disk is full")


def write_bytes(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Replaces `path` by `data` atomically: temporary file beside it, fsync, `os.replace`.

    Args:
        path: The file.
        data: Its new content.
        mode: Who may read and write it, from its first moment on; the process's umask takes away from that.

    Raises:
        OSError: The disk is full or the folder is not writable; `path` is then as it was.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        with os.fdopen(os.open(temporary, _NEW_FILE, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replaces `path` by `text` in UTF-8, atomically."""
    write_bytes(path, text.encode())


def write_json(path: Path, document: Any) -> None:
    """Replaces `path` by `document` as indented JSON, atomically."""
    write_text(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """The JSON document in `path`.

    Raises:
        FileNotFoundError: There is no such file.
        json.JSONDecodeError: The file is not JSON.
    """
    return json.loads(path.read_text(encoding="utf-8"))


def is_disk_full(error: BaseException) -> bool:
    """Whether `error`, or what it was raised from, means that a file could not be written for want of room.

    Libraries that write by themselves (TensorFlow, HDF5, SQLite) only say so in words.
    """
    return any(_tells_of_disk(link) for link in error_chain(error))


def _tells_of_disk(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _FULL
    return any(words in str(error) for words in _FULL_WORDS)


def error_chain(error: BaseException) -> Iterator[BaseException]:
    """`error`, what it was raised from, what that was raised from, and the members of groups."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        link = waiting.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        if isinstance(link, BaseExceptionGroup):
            waiting.extend(link.exceptions)
        cause = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
        if cause is not None:
            waiting.append(cause)
