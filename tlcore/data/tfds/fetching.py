"""Having TensorFlow Datasets download and prepare a dataset, in a process that is watched and can be stopped."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any, Final

import tlcore
from tlcore.data.tfds.catalogue import CatalogueEntry
from tlcore.data.tfds.directory import DATA_DIR_VARIABLE, DOWNLOADS, data_dir
from tlcore.data.tfds.leftovers import find_leftovers, remove_leftovers
from tlcore.data.tfds.records import ARRAY_RECORD, TFRECORD
from tlcore.errors import DatasetError, DownloadFailed, StudioError, WorkspaceError
from tlcore.progress import Reporter, Stopped

_LOOK_SECONDS: Final = 0.2
_SECONDS_TO_END: Final = 10.0
_RESERVE_BYTES: Final = 256 * 1024**2
_COPIES: Final = 3  # the archive, its pictures, and the records made of them
_MEBIBYTE: Final = 1024**2

_OFFER: Final = (
    "Without a network, the samples sample/digits and sample/textures work, and so do your own pictures: "
    "'datasets import', or the Data page."
)
_DOWNLOAD_BAR: Final = "Dl Size..."
_TASKS: Final = {_DOWNLOAD_BAR: "Downloading (MB)", "Extraction completed...": "Unpacking (files)"}


def manual_folder() -> Path:
    """Where TensorFlow Datasets looks for what people fetched by hand."""
    return data_dir() / DOWNLOADS / "manual"


def fetch_dataset(entry: CatalogueEntry, reporter: Reporter) -> None:
    """Downloads and prepares a dataset of the catalogue; afterwards it is on disk.

    What was downloaded whole before is used again. Stopped or failed, it leaves nothing that is half-made.

    Raises:
        DatasetError: Somebody has to fetch files by hand first, or to install a package.
        DownloadFailed: The network or the place that publishes the dataset failed.
        WorkspaceError: The folder can't be written, or there is too little room.
        Stopped: Somebody asked to stop.
    """
    check_manual(entry)
    folder, name = data_dir(), entry.id.partition("/")[0]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(
            f"The folder of TensorFlow Datasets can't be made: {error.strerror}",
            value=folder,
            hint=f"Set {DATA_DIR_VARIABLE} to a folder that you may write to.",
        ) from error
    check_room(folder, _COPIES * (entry.download_bytes or 0))
    before = find_leftovers(folder, name)
    try:
        with _helper(entry.id, folder) as (messages, listener):
            _follow(messages, listener.is_alive, entry, folder, reporter)
    finally:
        remove_leftovers(folder, name, before)


def check_manual(entry: CatalogueEntry) -> None:
    """Refuses a dataset that somebody has to fetch by hand, as long as nothing was put where it belongs.

    Raises:
        DatasetError: With what to fetch, and where to put it.
    """
    folder = manual_folder()
    if entry.manual and not (folder.is_dir() and any(folder.iterdir())):
        raise _manual(entry, "This dataset has to be fetched by hand: its makers let no program do it")


def _manual(entry: CatalogueEntry, what: str) -> DatasetError:
    return DatasetError(
        what, value=entry.id, hint=f"Put the files into {manual_folder()}. {' '.join(entry.manual.split())}"
    )


def check_room(folder: Path, needed: int) -> None:
    """Refuses work that the disk has no room for.

    Args:
        folder: Where the files will lie.
        needed: In bytes; what has to stay free is added.

    Raises:
        WorkspaceError: There is too little room.
    """
    free = shutil.disk_usage(folder).free
    if free < needed + _RESERVE_BYTES:
        raise WorkspaceError(
            "There is too little room on the disk for this dataset; nothing half-made was kept",
            value=f"about {(needed + _RESERVE_BYTES) / 1e9:.1f} GB needed, {free / 1e9:.1f} GB free in {folder}",
            hint=f"Free some disk space, or set {DATA_DIR_VARIABLE} to a folder with more room.",
        )


@contextmanager
def _helper(dataset_id: str, folder: Path) -> Iterator[tuple[Queue[dict[str, Any]], Thread]]:
    """What the process tells, and who listens to it; it is ended when the block is left."""
    file_format = ARRAY_RECORD if find_spec("array_record") else TFRECORD
    paths = os.pathsep.join(filter(None, (str(Path(tlcore.__file__).parents[1]), os.environ.get("PYTHONPATH", ""))))
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module; the id is one of the catalogue's
        [sys.executable, "-m", "tlcore.data.tfds.helper", dataset_id, str(folder), file_format],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": paths, "TF_CPP_MIN_LOG_LEVEL": "2"},
    )
    messages: Queue[dict[str, Any]] = Queue()
    listener = Thread(target=_listen, args=(process, messages), name=f"listener-{process.pid}", daemon=True)
    listener.start()
    try:
        yield messages, listener
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        listener.join()


def _follow(
    messages: Queue[dict[str, Any]],
    is_listening: Callable[[], bool],
    entry: CatalogueEntry,
    folder: Path,
    reporter: Reporter,
) -> None:
    """Passes on what the process tells, until it is done."""
    reporter.event("task", task=f"TensorFlow Datasets prepares {entry.id}")
    while True:
        if reporter.stop_requested():
            raise Stopped
        listening = is_listening()  # asked first: what it told last is heard, too
        try:
            message = messages.get(timeout=_LOOK_SECONDS)
        except Empty:
            if not listening:
                raise _error("died", "it can't be heard any more", entry) from None
            continue
        match message["kind"]:
            case "progress":
                _tell(message, entry, folder, reporter)
            case "failed":
                raise _error(message["reason"], message["text"], entry)
            case "done":
                return


def _listen(process: subprocess.Popen[bytes], messages: Queue[dict[str, Any]]) -> None:
    if process.stdout is not None:
        with process.stdout as lines:
            for line in lines:
                message = _message(line)
                if message is None:
                    messages.put({"kind": "failed", "reason": "died", "text": "it told what can't be understood"})
                    return
                messages.put(message)
    messages.put({"kind": "failed", "reason": "died", "text": f"exit status {process.wait()}"})


def _message(line: bytes) -> dict[str, Any] | None:
    """What a line of the process says; None where it is no message."""
    try:
        message: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match message:
        case (
            {"kind": "progress", "task": str(), "done": int(), "total": int() | None}
            | {"kind": "failed", "reason": str(), "text": str()}
            | {"kind": "done"}
        ):
            return dict(message)
    return None


def _tell(message: dict[str, Any], entry: CatalogueEntry, folder: Path, reporter: Reporter) -> None:
    bar, done, total = message["task"], message["done"], message["total"] or 0
    if bar == _DOWNLOAD_BAR:
        check_room(folder, max(total - done, 0) * _MEBIBYTE)
    words = bar.removesuffix("...").split()
    if not done and not total:
        return  # it did not begin yet
    if bar in _TASKS:
        reporter.progress(_TASKS[bar], done, total)
    elif words[0] == "Generating" and words[-1] == "examples":
        split = " ".join(words[1:-1])
        reporter.progress(f"Writing the pictures of {split}", done, total or entry.splits.get(split, 0))
    elif words[0] == "Shuffling":
        reporter.progress("Mixing the pictures", done, total)


def _error(reason: str, text: str, entry: CatalogueEntry) -> StudioError:
    match reason:
        case "network":
            return DownloadFailed(
                f"The dataset can't be downloaded ({text})",
                value=entry.id,
                hint=f"Check the network, then prepare it again: whole files are not fetched twice. {_OFFER}",
            )
        case "changed":
            return DownloadFailed(
                "What its publishers give out is not what TensorFlow Datasets expects, so it was not used",
                value=entry.id,
                hint=f"Try again later, or with a newer version of tensorflow-datasets. {_OFFER}",
            )
        case "package":
            return DatasetError(
                f"TensorFlow Datasets needs the Python package {text} to prepare this dataset",
                value=entry.id,
                hint="Install it beside this program, then prepare the dataset again: nothing is fetched twice.",
            )
        case "disk":
            return WorkspaceError(
                "The disk became full; nothing half-made was kept",
                value=data_dir(),
                hint=f"Free some disk space, or set {DATA_DIR_VARIABLE} to a folder with more room.",
            )
    if entry.manual:
        return _manual(entry, f"TensorFlow Datasets can't prepare it from what was fetched by hand ({text})")
    return DownloadFailed(
        f"TensorFlow Datasets can't prepare this dataset ({text})",
        value=entry.id,
        hint=f"The job's log tells more. {_OFFER}",
    )
