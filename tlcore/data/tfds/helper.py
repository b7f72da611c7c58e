"""The process in which TensorFlow Datasets works: `python -m tlcore.data.tfds.helper ID DATA_DIR FORMAT`.

It tells what happens in JSON lines on standard output, and ends when standard input does: whoever started it stops it
so, and nobody has to, should the starter die. TensorFlow Datasets itself can't be stopped halfway, waits for ever for a
silent network, and may load TensorFlow.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, TextIO
from urllib.parse import urlsplit

from tlcore.data.tfds.leftovers import find_leftovers, remove_leftovers

CONNECT_SECONDS: Final = 5.0
SILENT_SECONDS: Final = 30.0
TRIES: Final = 2
_BETWEEN_MESSAGES: Final = 0.2
_REMOVALS: Final = 3  # the other thread may be writing at the same moment

_log = logging.getLogger(__name__)


class Teller:
    """Writes messages, a line each, and seldom enough of the same task.

    Args:
        stream: Where to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._told: dict[str, float] = {}

    def tell(self, **message: Any) -> None:
        """Writes one message."""
        with self._lock:
            self._stream.write(json.dumps(message) + "\n")
            self._stream.flush()

    def progress(self, task: str, done: float, total: float | None) -> None:
        """Writes how far a task is, unless it just did."""
        now = time.monotonic()
        whole = total is not None and done >= total
        if whole or now - self._told.get(task, float("-inf")) >= _BETWEEN_MESSAGES:
            self._told[task] = now
            self.tell(kind="progress", task=task, done=int(done), total=None if total is None else int(total))


def main(dataset_id: str, data_dir: str, file_format: str) -> int:
    """Prepares a dataset; returns the process's exit status."""
    logging.basicConfig(level=logging.WARNING)
    teller = Teller(_take_over_output())
    folder, name = Path(data_dir), dataset_id.partition("/")[0]
    threading.Thread(target=_end_with_input, args=(folder, name, find_leftovers(folder, name)), daemon=True).start()
    try:
        _prepare(dataset_id, data_dir, file_format, teller)
    except Exception as error:  # noqa: BLE001 - somebody else's code and network: told to whoever started this process
        _log.exception("preparing %s failed", dataset_id)
        teller.tell(kind="failed", **_explain(error))
        return 1
    teller.tell(kind="done")
    return 0


def _take_over_output() -> TextIO:
    """Standard output for messages alone: whatever libraries print goes to standard error."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return stream


def _end_with_input(folder: Path, name: str, before: frozenset[Path]) -> None:
    """Waits for the end of standard input, then removes what is half-made and ends the process."""
    sys.stdin.buffer.read()
    for _ in range(_REMOVALS):
        remove_leftovers(folder, name, before)
    os._exit(1)


def _prepare(dataset_id: str, data_dir: str, file_format: str, teller: Teller) -> None:
    import requests
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download import downloader
    from tensorflow_datasets.core.utils import tqdm_utils

    # TensorFlow Datasets sets no limits of its own, and tries ten times with growing pauses: minutes without a network.
    downloader.MAX_RETRIES = TRIES
    patient = partialmethod(requests.Session.request, timeout=(CONNECT_SECONDS, SILENT_SECONDS))
    requests.Session.request = patient  # type: ignore[method-assign, assignment]
    socket.setdefaulttimeout(SILENT_SECONDS)  # FTP has no requests
    tqdm_utils.tqdm_lib = SimpleNamespace(tqdm=_progress_bar(teller))
    builder = tfds.builder(dataset_id, data_dir=data_dir, file_format=file_format)
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(try_download_gcs=False))


def _progress_bar(teller: Teller) -> Any:
    """A class that TensorFlow Datasets takes for its progress bars, and that tells instead of drawing."""
    from tqdm.std import tqdm  # type: ignore[import-untyped]

    class Bar(tqdm):  # type: ignore[misc]
        monitor_interval = 0

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "file": open(os.devnull, "w"), "mininterval": _BETWEEN_MESSAGES})  # noqa: PTH123, SIM115

        def display(self, *_args: Any, **_kwargs: Any) -> bool:
            teller.progress(str(self.desc).removesuffix(": "), self.n, self.total)
            return True

    return Bar


def _explain(error: BaseException) -> dict[str, str]:
    """Why it failed, as a reason that the starter has words for, and the error's own text."""
    chain = list(_chain(error))
    text = " ".join(str(error).split())[:600]
    for link in chain:
        name, module = type(link).__name__, type(link).__module__.partition(".")[0]
        if isinstance(link, ModuleNotFoundError):
            return {"reason": "package", "text": link.name or text}
        if name == "NonMatchingChecksumError":
            return {"reason": "changed", "text": text}
        if isinstance(link, OSError) and link.errno == errno.ENOSPC:
            return {"reason": "disk", "text": text}
        if (
            module in ("requests", "urllib3")
            or name in ("DownloadError", "URLError", "HTTPError")
            or isinstance(link, TimeoutError)
        ):
            return {"reason": "network", "text": _network_text(link)}
    return {"reason": "other", "text": f"{type(error).__name__}: {text}"}


def _network_text(error: BaseException) -> str:
    """What the network did, without the innards of its libraries."""
    host = urlsplit(getattr(getattr(error, "request", None), "url", None) or "").hostname
    if host is None:
        return " ".join(str(error).split())[:300]
    silent = "fell silent" if "ReadTimeout" in repr(error) or "Read timed out" in str(error) else "can't be reached"
    return f"{host} {silent}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    sys.stderr.flush()
    os._exit(status)  # threads of downloads that nobody waits for any more would keep the process alive
