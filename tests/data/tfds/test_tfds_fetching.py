"""The real helper process and the real TensorFlow Datasets; only what lies beyond the network is ours."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import pytest

from tlcore.data.catalog import prepare_dataset
from tlcore.data.tfds import fetching
from tlcore.data.tfds.catalogue import CatalogueEntry, find_entry
from tlcore.data.tfds.directory import find_on_disk, state_of
from tlcore.data.tfds.fetching import fetch_dataset, manual_folder
from tlcore.data.tfds.leftovers import find_leftovers
from tlcore.errors import DatasetError, DownloadFailed, WorkspaceError
from tlcore.progress import Silence, Stopped
from tlcore.workspace import Workspace

MEBIBYTE = 2**20
URL = "http://download.tensorflow.org/example_images/flower_photos.tgz"


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    return tmp_path / "tfds"


@pytest.fixture
def flowers(data_dir: Path) -> CatalogueEntry:
    entry = find_entry("tf_flowers")
    assert entry is not None
    return entry


class Publisher(BaseHTTPRequestHandler):
    """Stands in for the whole network, as its proxy: says what the server's `answer` says."""

    def do_GET(self) -> None:
        status, size = self.server.answer  # type: ignore[attr-defined]
        self.send_response(status)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        sent = 0
        while status == 200 and sent < size:
            try:
                self.wfile.write(bytes(MEBIBYTE))
            except OSError:
                return  # nobody listens any more
            sent += MEBIBYTE
            time.sleep(0.02)

    def log_message(self, *_arguments: Any) -> None: ...


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Publisher) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("no_proxy", "")
        yield server
        server.shutdown()


def helpers() -> list[psutil.Process]:
    """The processes of this one in which TensorFlow Datasets works; other children may end while this looks."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if "tlcore.data.tfds.helper" in child.cmdline():
                found.append(child)
    return found


def nothing_is_left(data_dir: Path) -> bool:
    return not find_leftovers(data_dir, "tf_flowers") and not helpers()


def test_a_stop_during_the_download_is_heeded_and_leaves_nothing(
    flowers: CatalogueEntry, publisher: Any, data_dir: Path, workspace: Workspace, watcher: Any
) -> None:
    publisher.answer = (200, 1000 * MEBIBYTE)
    told = watcher(stop_at="Downloading")
    with pytest.raises(Stopped):
        fetch_dataset(flowers, told)
    done, total = told.heard[-1][1:]
    assert 0 <= done < total == 1000
    assert nothing_is_left(data_dir)
    assert state_of(workspace, "tf_flowers") == "download"


def test_what_is_not_what_was_expected_is_not_used(flowers: CatalogueEntry, publisher: Any, data_dir: Path) -> None:
    publisher.answer = (200, MEBIBYTE)
    with pytest.raises(DownloadFailed, match=r"not what TensorFlow Datasets expects.*sample/digits"):
        fetch_dataset(flowers, Silence())
    assert nothing_is_left(data_dir)


def test_what_is_gone_from_the_network_is_told(flowers: CatalogueEntry, publisher: Any) -> None:
    publisher.answer = (404, 0)
    with pytest.raises(DownloadFailed, match=r"HTTP code: 404.*sample/digits.*own pictures"):
        fetch_dataset(flowers, Silence())


def test_no_network_fails_fast_with_an_offer(
    flowers: CatalogueEntry, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        started = time.monotonic()
        with pytest.raises(DownloadFailed, match=r"download.tensorflow.org can't be reached.*sample/digits"):
            fetch_dataset(flowers, Silence())
    assert time.monotonic() - started < 100  # two seconds; ten tries, as it would by itself, take twice as long as that
    assert nothing_is_left(data_dir)


def test_a_download_that_the_disk_has_no_room_for_is_stopped(
    flowers: CatalogueEntry, publisher: Any, data_dir: Path
) -> None:
    publisher.answer = (200, 10**9 * MEBIBYTE)
    with pytest.raises(WorkspaceError, match=r"too little room.*TFDS_DATA_DIR"):
        fetch_dataset(replace(flowers, download_bytes=None), Silence())
    assert nothing_is_left(data_dir)


def test_the_disk_is_looked_at_first(flowers: CatalogueEntry, monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> None:
    usage = namedtuple("usage", "total used free")(10**9, 5 * 10**8, 5 * 10**8)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    monkeypatch.setattr(fetching, "_helper", None)  # nothing is started
    with pytest.raises(WorkspaceError, match=r"about 1\.0 GB needed, 0\.5 GB free"):
        fetch_dataset(flowers, Silence())


def test_a_process_that_dies_is_told(flowers: CatalogueEntry, publisher: Any, data_dir: Path) -> None:
    publisher.answer = (200, 1000 * MEBIBYTE)

    class Murderer(Silence):
        def progress(self, *_told: Any) -> None:
            for helper in helpers():
                helper.kill()

    with pytest.raises(DownloadFailed, match="exit status -9"):
        fetch_dataset(flowers, Murderer())
    assert nothing_is_left(data_dir)


def test_when_the_worker_is_killed_its_helper_goes_too(
    flowers: CatalogueEntry, publisher: Any, data_dir: Path, until: Callable[[Callable[[], object]], None]
) -> None:
    publisher.answer = (200, 1000 * MEBIBYTE)
    code = (
        "from tlcore.data.tfds.catalogue import find_entry\n"
        "from tlcore.data.tfds.fetching import fetch_dataset\n"
        "from tlcore.progress import Silence\n"
        "fetch_dataset(find_entry('tf_flowers'), Silence())"
    )
    worker = psutil.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[3], stderr=subprocess.DEVNULL)
    until(lambda: len(find_leftovers(data_dir, "tf_flowers")) == 2)  # a half-prepared version, a half-downloaded file
    (helper,) = worker.children()
    worker.kill()
    worker.wait()
    until(lambda: not helper.is_running())
    assert nothing_is_left(data_dir)


def test_what_was_downloaded_whole_is_not_fetched_again(
    data_dir: Path,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    crop: Callable[..., bytes],
    run_script: Callable[..., None],
    tmp_path: Path,
    watcher: Any,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # no network
    archive = tmp_path / "flower_photos.tgz"
    with tarfile.open(archive, "w:gz") as file:
        for kind, photo in (("daisy", "cat"), ("roses", "coffee")):
            folder = tmp_path / "flower_photos" / kind
            folder.mkdir(parents=True)
            for number in range(6):
                (folder / f"{number}.jpg").write_bytes(crop(photo, number))
                file.add(folder / f"{number}.jpg", f"flower_photos/{kind}/{number}.jpg")
    run_script("keep_download.py", archive, URL, "tf_flowers", data_dir)
    told = watcher()
    info = prepare_dataset(workspace, "tf_flowers", None, told)
    assert info.counts == {"dandelion": 0, "daisy": 6, "tulips": 0, "sunflowers": 0, "roses": 6}
    assert info.name == "Flowers, five kinds"
    on_disk = find_on_disk("tf_flowers")
    assert on_disk is not None
    assert on_disk.file_format == "array_record"
    tasks = [task for task, _, _ in told.heard]
    assert "Writing the pictures of train" in tasks
    assert tasks[-1] == "Checking pictures"
    assert nothing_is_left(data_dir)


def test_what_has_to_be_fetched_by_hand_says_what_and_where(data_dir: Path) -> None:
    entry = find_entry("resisc45")
    assert entry is not None
    with pytest.raises(DatasetError, match=r"by hand.*downloads/manual.*rar file"):
        fetch_dataset(entry, Silence())
    manual_folder().mkdir(parents=True)
    (manual_folder() / "something_else.txt").write_text("no pictures")
    with pytest.raises(DatasetError, match=r"can't prepare it from what was fetched by hand.*rar file"):
        fetch_dataset(entry, Silence())


def test_a_workspace_of_strangers_downloads_nothing_large(data_dir: Path, workspace: Workspace) -> None:
    limits = replace(workspace.limits, pictures=5_000, expanded_bytes=200 * MEBIBYTE)
    demo = replace(workspace, mode="demo", limits=limits)
    for dataset, reason in (("cifar10", "60,000 pictures"), ("tf_flowers", "at most 210 MB"), ("dtd", "nobody knows")):
        with pytest.raises(DatasetError, match=reason):
            prepare_dataset(demo, dataset)


def test_a_folder_that_cannot_be_made_is_told(
    flowers: CatalogueEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "file" / "tfds"))
    with pytest.raises(WorkspaceError, match=r"can't be made.*TFDS_DATA_DIR"):
        fetch_dataset(flowers, Silence())


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "5", '{"kind": "progress"}', '{"kind": "failed", "reason": 5, "text": ""}', '{"kind": "x"}', "\\xff"],
)
def test_a_line_that_cannot_be_understood_counts_as_failed(
    flowers: CatalogueEntry, data_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str
) -> None:
    speaker = tmp_path / "speaker.sh"
    speaker.write_text(f"#!/bin/sh\nprintf '%s\\n' '{line}'\ncat > /dev/null\n")
    speaker.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(speaker))
    with pytest.raises(DownloadFailed, match="can't be understood"):
        fetch_dataset(flowers, Silence())


def test_a_listener_that_is_gone_is_not_waited_for(
    flowers: CatalogueEntry, data_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    speaker = tmp_path / "speaker.sh"
    speaker.write_text("#!/bin/sh\ncat > /dev/null\n")
    speaker.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(speaker))
    monkeypatch.setattr(fetching, "_listen", lambda process, _messages: process.stdout.close())
    with pytest.raises(DownloadFailed, match="can't be heard"):
        fetch_dataset(flowers, Silence())
