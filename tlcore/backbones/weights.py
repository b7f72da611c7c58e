"""Fetching published weights: checked, atomic, into the folder where Keras keeps its own downloads.

Keras's `get_file` waits for ever on a network that swallows packets, leaves half a file behind when the process dies,
and reports failures as plain `Exception`. Here nothing hangs: looking up the address, connecting and the first answer
share one deadline, and every later wait has its own.
"""

from __future__ import annotations

import hashlib
import logging
import os
import queue
import threading
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from uuid import uuid4

from tlcore.backbones import catalogue_lite
from tlcore.backbones.record import DownloadedWeights
from tlcore.errors import WeightsUnavailable
from tlcore.progress import Reporter, Silence, Stopped

log = logging.getLogger(__name__)

OPEN_SECONDS = 6.0
"""From asking for an address to the first answer."""

READ_SECONDS = 20.0
"""Longest silence in the middle of a download."""

_CHUNK = 1024 * 1024
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MD5_LENGTH = 32


def cached_path(weights: DownloadedWeights) -> Path:
    """Where the file lies once fetched: Keras's cache, `$KERAS_HOME/models` or `~/.keras/models`."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home).expanduser() if home else Path.home() / ".keras") / "models" / weights.file


def fetch_weights(weights: DownloadedWeights, reporter: Reporter | None = None) -> Path:
    """The weights file, downloaded unless it is in the cache already.

    Args:
        weights: What to fetch. Without a checksum (Keras publishes none for MobileNet and MobileNetV2) the file must be
            complete and HDF5.
        reporter: Receives progress of "download" in bytes and is asked whether to stop.

    Returns:
        Path of the checked file.

    Raises:
        WeightsUnavailable: No network, the server refuses, the disk is full, or the file isn't the published one.
        Stopped: The reporter asked to stop; nothing is left behind.
    """
    path = cached_path(weights)
    if path.is_file():
        if _is_published_file(path, weights):
            return path
        log.warning("%s in the cache is damaged or outdated: fetching it again", path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _download(weights, path, reporter or Silence())
    except (OSError, HTTPException) as error:
        raise _unavailable(weights, f"The backbone's weights can't be downloaded ({_reason(error)})") from error
    return path


def unusable(weights: DownloadedWeights, path: Path) -> WeightsUnavailable:
    """The error for a cached file that doesn't fit its network."""
    return WeightsUnavailable(
        "The weights file in the cache doesn't fit the backbone",
        value=path,
        hint=f"Delete the file and start again: it is then fetched anew ({weights.megabytes:.0f} MB).",
    )


def _download(weights: DownloadedWeights, path: Path, reporter: Reporter) -> None:
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        with _open(weights) as response, temporary.open("wb") as file:
            _copy(response, file, weights, reporter)
            file.flush()
            os.fsync(file.fileno())
        if not _is_published_file(temporary, weights):
            raise _unavailable(weights, "What arrived is not the published weights file")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _open(weights: DownloadedWeights) -> Any:
    """The server's answer, or an error within `OPEN_SECONDS`.

    A thread asks, because looking up a host's name has no time limit of its own and can take half a minute offline.
    """
    answers: queue.Queue[Any] = queue.Queue(maxsize=1)
    abandoned = threading.Event()

    def ask() -> None:
        try:
            response = urllib.request.urlopen(weights.url, timeout=READ_SECONDS)  # noqa: S310 - addresses are our data
        except (OSError, HTTPException) as error:
            if isinstance(error, HTTPError):
                error.close()  # it is the server's answer too, with an open connection
            answers.put(error)
            return
        answers.put(response)
        if abandoned.is_set():
            response.close()

    threading.Thread(target=ask, name="weights", daemon=True).start()
    try:
        answer = answers.get(timeout=OPEN_SECONDS)
    except queue.Empty:
        abandoned.set()
        raise TimeoutError(f"no answer within {OPEN_SECONDS:.0f} seconds") from None
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _copy(response: Any, file: IO[bytes], weights: DownloadedWeights, reporter: Reporter) -> None:
    announced = response.headers.get("Content-Length")
    total = int(announced) if announced else int(weights.megabytes * 1e6)
    done = 0
    while chunk := response.read(_CHUNK):
        if reporter.stop_requested():
            raise Stopped
        file.write(chunk)
        done += len(chunk)
        reporter.progress("download", done, max(total, done))
    if announced and done != total:
        raise OSError(f"the connection ended after {done} of {total} bytes")


def _is_published_file(path: Path, weights: DownloadedWeights) -> bool:
    with path.open("rb") as file:
        if not weights.checksum:
            return file.read(len(_HDF5_SIGNATURE)) == _HDF5_SIGNATURE
        algorithm = "md5" if len(weights.checksum) == _MD5_LENGTH else "sha256"
        return hashlib.file_digest(file, algorithm).hexdigest() == weights.checksum


def _reason(error: OSError | HTTPException) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None)
    return str(reason or error or type(error).__name__)


def _unavailable(weights: DownloadedWeights, what: str) -> WeightsUnavailable:
    built_in = ", ".join(backbone.id for backbone in catalogue_lite.BACKBONES)
    return WeightsUnavailable(
        what,
        value=weights.url,
        hint=f"Check the network and try again, or choose a backbone that needs no download: {built_in}.",
    )
