"""Fetching a dataset's archive from Kaggle: watched, stoppable, and with an answer to everything that goes wrong."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final

import tlcore
from tlcore.data.kaggle import KaggleDataset, has_token, token_place
from tlcore.errors import DownloadFailed, ImportRefused, StudioError, WorkspaceError
from tlcore.progress import Reporter, Stopped
from tlcore.workspace import MEBIBYTE, Limits

_STEP_SECONDS: Final = 0.1
# How long the process that asks may take to start, on a busy machine or a slow disk.
_SECONDS_TO_START: Final = 120.0
# How long Kaggle may be silent: before it answers at all; while it packs a large dataset; in the middle of it.
_SECONDS_TO_ANSWER: Final = 20.0
_SECONDS_TO_PACK: Final = 180.0
_SECONDS_BETWEEN_BYTES: Final = 60.0
# The archive, and the pictures taken from it, which are hardly smaller unpacked.
_COPIES: Final = 2
_DOWNLOADING: Final = "Downloading from Kaggle, megabytes"
_OFFER: Final = "Or download the dataset on another computer, bring its zip here and import that."

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KaggleArchive:
    """A dataset's archive, and what Kaggle tells about it.

    Attributes:
        path: The archive as Kaggle packs it, unopened.
        title: What its makers call it.
        description: Their one line about it.
        licence: Its licence's name, "" if Kaggle does not say.
        version: Of the dataset; 0 if Kaggle does not say.
    """

    path: Path
    title: str
    description: str
    licence: str
    version: int


def fetch_kaggle(dataset: KaggleDataset, folder: Path, limits: Limits, reporter: Reporter) -> KaggleArchive:
    """Fetches a dataset's archive with the person's own token. How large it is is told first, and the disk checked.

    Args:
        dataset: Which one.
        folder: Where the archive is put; what an end before time leaves there is the caller's to remove.
        limits: How large it may be.
        reporter: Told what is fetched and how far it is, and asked whether to stop.

    Raises:
        ImportRefused: There is no token or it is not accepted, no such dataset, or it is too large.
        DownloadFailed: Kaggle can't be reached, or the download broke off.
        WorkspaceError: There is too little room on the disk.
        Stopped: Somebody asked to stop.
    """
    if not has_token():
        raise ImportRefused(
            "Kaggle needs your token, and none is saved here",
            hint=f"Make one on kaggle.com under Settings, API, and save it on the page Data, or in {token_place()}.",
        )
    archive = folder / "archive.zip"
    with _helper(dataset, archive) as messages:
        about = _watch(dataset, messages, archive, limits, reporter)
    return KaggleArchive(archive, about["title"], about["description"], about["licence"], int(about["version"] or 0))


@contextmanager
def _helper(dataset: KaggleDataset, archive: Path) -> Iterator[SimpleQueue[dict[str, Any]]]:
    """The process that fetches, and its messages; the last one is `{"ended": status}`. It ends with the block."""
    home = str(Path(tlcore.__file__).parents[1])
    paths = os.pathsep.join(path for path in (home, os.environ.get("PYTHONPATH", "")) if path)
    # kagglehub's own log file would be one more place to keep clean.
    environment = os.environ | {"PYTHONPATH": paths, "KAGGLE_LOGGING_ENABLED": "false"}
    names = (dataset.owner, dataset.name, str(dataset.version or 0), str(archive))
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module; the names were checked
        [sys.executable, "-m", "tlcore.data.kaggle_helper", *names],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    messages: SimpleQueue[dict[str, Any]] = SimpleQueue()
    reader = Thread(target=_read, args=(process, messages), daemon=True)
    reader.start()
    try:
        yield messages
    finally:
        process.kill()
        process.wait()
        reader.join()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _read(process: subprocess.Popen[bytes], messages: SimpleQueue[dict[str, Any]]) -> None:
    for line in process.stdout or ():
        messages.put(json.loads(line))
    messages.put({"ended": process.wait()})


def _watch(
    dataset: KaggleDataset,
    messages: SimpleQueue[dict[str, Any]],
    archive: Path,
    limits: Limits,
    reporter: Reporter,
    monotonic: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Follows the download to its end; returns what Kaggle told about the dataset."""
    about: dict[str, Any] = {}
    reporter.event("task", task="Asking Kaggle")
    size, total, patience, alive = 0, 0, _SECONDS_TO_START, monotonic()
    while True:
        if reporter.stop_requested():
            raise Stopped
        try:
            message = messages.get(timeout=_STEP_SECONDS)
        except Empty:
            message = {}
        if "error" in message or "ended" in message:
            raise _failure(dataset, message)
        if "done" in message:
            return about
        if "asking" in message:
            alive, patience = monotonic(), _SECONDS_TO_ANSWER
        if "about" in message:
            about, alive, patience = message["about"], monotonic(), _SECONDS_TO_PACK
            _tell(dataset, about, reporter)
            _check_size(about["size"], archive, limits)
        if "download" in message:
            total, alive, patience = message["download"] or about["size"], monotonic(), _SECONDS_BETWEEN_BYTES
            reporter.event("task", task=_DOWNLOADING)
            _check_size(total, archive, limits)
        grown = archive.stat().st_size if archive.exists() else 0
        if grown != size:
            size, alive = grown, monotonic()
            _check_size(size, archive, limits)
        if total:
            reporter.progress(_DOWNLOADING, min(size, total) // MEBIBYTE, -(-total // MEBIBYTE))
        if monotonic() - alive > patience:
            raise _unreachable("Kaggle does not answer")


def _tell(dataset: KaggleDataset, about: dict[str, Any], reporter: Reporter) -> None:
    facts = [f"{about['size'] / 1e6:,.0f} MB" if about["size"] else "size not told in advance"]
    if about["licence"]:
        facts.append(f"licence {about['licence']}")
    reporter.event("note", text=f"{about['title'] or dataset}: {', '.join(facts)}", level="info")


def _check_size(size: int, archive: Path, limits: Limits) -> None:
    """Refuses what is too large for a dataset, or for the disk with what is there already taken off."""
    if size > limits.expanded_bytes:
        raise ImportRefused(
            "The dataset is too large; nothing was imported",
            value=f"{size / 1e9:.1f} GB",
            hint=f"At most {limits.expanded_bytes / 1e9:.1f} GB. Look for a smaller one, or download it in your "
            "browser and import a part of its folders.",
        )
    here = archive.stat().st_size if archive.exists() else 0
    free = shutil.disk_usage(archive.parent).free
    needed = size * _COPIES - here
    if needed > free:
        raise WorkspaceError(
            "There is too little room on the disk for this dataset; nothing was imported",
            value=f"{needed / 1e9:.1f} GB needed, {free / 1e9:.1f} GB free",
            hint="Free some disk space, or set TLCORE_HOME to a folder with more room.",
        )


def _failure(dataset: KaggleDataset, message: dict[str, Any]) -> StudioError:
    """What to tell people of a message that is an end without a dataset."""
    match message.get("error"):
        case "status":
            return _refused(dataset, int(message["status"]), bool(message["rules"]))
        case "connection":
            return _unreachable("Kaggle can't be reached")
        case "broken off":
            return _unreachable("The connection to Kaggle broke off again and again")
        case "certificate":
            return _unreachable("A safe connection to Kaggle can't be made; perhaps this computer's clock is wrong")
        case "damaged":
            return _unreachable("What arrived from Kaggle is damaged")
        case "disk":
            return WorkspaceError(
                "The disk is full; nothing was imported",
                hint="Free some disk space, or set TLCORE_HOME to a folder with more room.",
            )
    _log.error("the process that fetches from Kaggle failed: %s", message)
    return DownloadFailed(
        "Something went wrong while fetching from Kaggle", value=dataset, hint=f"Try once more. {_OFFER}"
    )


def _unreachable(what: str) -> DownloadFailed:
    return DownloadFailed(
        f"{what}; nothing was imported",
        hint=f"Check this computer's connection to the internet and try again. {_OFFER}",
    )


def _refused(dataset: KaggleDataset, status: int, rules: bool) -> StudioError:
    page = f"{dataset.homepage} in your browser"
    match status:
        case 401:
            return ImportRefused(
                "Kaggle does not accept your token",
                hint=f"Make a new one on kaggle.com under Settings, API, and save it instead of the one in "
                f"{token_place()}.",
            )
        case 403 if rules:
            return ImportRefused(
                "Kaggle asks you to accept this dataset's rules first",
                value=dataset,
                hint=f"Open {page}, signed in, accept them there, then try again.",
            )
        case 403:
            return ImportRefused(
                "Kaggle does not give you this dataset: it is private, there is none of this name, or its rules have "
                "to be accepted first",
                value=dataset,
                hint=f"Open {page}, signed in, and see whether you can download it there.",
            )
        case 404:
            return ImportRefused(
                "There is no such dataset on Kaggle",
                value=dataset,
                hint="Copy the address of its page, or the part owner/name of it.",
            )
        case 429:
            return DownloadFailed("Kaggle is asked too often at the moment", hint="Wait some minutes, then try again.")
    return DownloadFailed(
        f"Kaggle has trouble of its own at the moment (status {status}); nothing was imported",
        value=dataset,
        hint=f"Try again later. {_OFFER}",
    )
