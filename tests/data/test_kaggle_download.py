from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fake_kaggle import STORAGE, TOKEN, FakeKaggle, serving_kaggle
from tlcore.data import kaggle_download
from tlcore.data.kaggle import KaggleDataset, forget_token
from tlcore.data.kaggle_download import fetch_kaggle
from tlcore.errors import DownloadFailed, ImportRefused, WorkspaceError
from tlcore.progress import Silence, Stopped
from tlcore.workspace import Limits

LEAVES = KaggleDataset("ann", "leaves")


class Notes(Silence):
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.heard: list[tuple[str, int, int]] = []

    def event(self, kind: str, **values: Any) -> None:
        self.events.append({"kind": kind, **values})

    def progress(self, task: str, done: int, total: int) -> None:
        self.heard.append((task, done, total))


@pytest.fixture
def kaggle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKaggle]:
    with serving_kaggle(tmp_path / "person", monkeypatch) as kaggle:
        kaggle.archive = bytes(range(256)) * 800
        yield kaggle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "incoming"
    folder.mkdir()
    return folder


def test_the_archive_arrives_as_it_is_with_what_kaggle_tells(kaggle: FakeKaggle, folder: Path) -> None:
    notes = Notes()
    archive = fetch_kaggle(LEAVES, folder, Limits(), notes)
    assert archive.path.read_bytes() == kaggle.archive
    assert (archive.title, archive.description) == ("Leaves of the park", "Oaks and maples")
    assert (archive.licence, archive.version) == ("CC0: Public Domain", 7)
    assert any("0 MB, licence CC0" in event.get("text", "") for event in notes.events)
    assert {"kind": "task", "task": "Asking Kaggle"} in notes.events
    assert all(done <= total == 1 for _, done, total in notes.heard)


def test_the_token_goes_to_kaggle_and_nowhere_else(kaggle: FakeKaggle, folder: Path) -> None:
    fetch_kaggle(LEAVES, folder, Limits(), Silence())
    assert [(method, path.split("/")[-1].split("?")[0], token) for method, path, token in kaggle.asked] == [
        ("POST", "GetDataset", True),
        ("POST", "DownloadDataset", True),
        ("GET", "archive.zip", False),
    ]
    assert all(STORAGE in path for method, path, _ in kaggle.asked if method == "GET")
    assert {key for body in kaggle.bodies for key in body} == {"ownerSlug", "datasetSlug", "datasetVersionNumber"}
    assert all(agent.startswith("kagglehub/") and len(agent) < 40 for agent in kaggle.agents)


def test_an_older_version_is_asked_for_by_its_number(kaggle: FakeKaggle, folder: Path) -> None:
    assert fetch_kaggle(KaggleDataset("ann", "leaves", 3), folder, Limits(), Silence()).version == 3
    assert kaggle.bodies[-1]["datasetVersionNumber"] == 3


def test_a_line_that_breaks_is_taken_up_where_it_broke(kaggle: FakeKaggle, folder: Path) -> None:
    kaggle.archive *= 20
    kaggle.breaks = [70]  # more than one of the megabytes in which the archive is written
    archive = fetch_kaggle(LEAVES, folder, Limits(), Silence())
    assert archive.path.read_bytes() == kaggle.archive
    assert any(wanted.startswith("bytes=") for wanted in kaggle.ranges)


def test_a_line_that_breaks_for_good_is_told(kaggle: FakeKaggle, folder: Path) -> None:
    kaggle.breaks = [2] * 50
    with pytest.raises(DownloadFailed, match=r"broke off|can't be reached"):
        fetch_kaggle(LEAVES, folder, Limits(), Silence())


@pytest.mark.parametrize(
    ("status", "text", "part", "error"),
    [
        (401, "Unauthorized", "does not accept your token", ImportRefused),
        (403, "Permission 'datasets.get' was denied", "private", ImportRefused),
        (403, "You must accept the rules of this dataset", "accept this dataset's rules", ImportRefused),
        (404, "Not found", "no such dataset", ImportRefused),
        (429, "Too many requests", "asked too often", DownloadFailed),
        (503, "Down", "trouble of its own", DownloadFailed),
    ],
)
def test_each_refusal_has_its_own_answer(
    kaggle: FakeKaggle, folder: Path, status: int, text: str, part: str, error: type[Exception]
) -> None:
    kaggle.refusal = (status, f"{text} (you sent {TOKEN})")
    with pytest.raises(error, match=part) as refused:
        fetch_kaggle(LEAVES, folder, Limits(), Silence())
    assert TOKEN not in str(refused.value)
    assert text not in str(refused.value)


def test_a_wrong_token_is_told_and_not_repeated(kaggle: FakeKaggle, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "person" / ".kaggle" / "access_token").write_text("KGAT_wr0ng0123")
    with pytest.raises(ImportRefused, match="does not accept your token") as refused:
        fetch_kaggle(LEAVES, folder, Limits(), Silence())
    assert "KGAT" not in str(refused.value)
    assert "access_token" in str(refused.value)


def test_a_token_that_breaks_the_header_is_not_logged(
    kaggle: FakeKaggle, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # The error of such a header quotes it; somebody may have written the file by hand.
    (tmp_path / "person" / ".kaggle" / "access_token").write_text("KGAT_two\nlines")
    with pytest.raises(DownloadFailed) as failed:
        fetch_kaggle(LEAVES, folder, Limits(), Silence())
    assert "KGAT" not in str(failed.value) + caplog.text
    assert "ValueError" in caplog.text
    assert kaggle.asked == []


def test_without_a_token_nothing_is_asked(kaggle: FakeKaggle, folder: Path) -> None:
    forget_token()
    with pytest.raises(ImportRefused, match="needs your token"):
        fetch_kaggle(LEAVES, folder, Limits(), Silence())
    assert kaggle.asked == []


def test_without_a_network_it_fails_at_once_with_an_offer(
    kaggle: FakeKaggle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # discard: nobody listens there
    with pytest.raises(DownloadFailed, match=r"can't be reached.*import that"):
        fetch_kaggle(LEAVES, folder, Limits(), Silence())


def test_silence_is_not_waited_for_for_ever(kaggle: FakeKaggle, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kaggle.silent = True
    monkeypatch.setattr(kaggle_download, "_SECONDS_TO_ANSWER", 2.0)
    with pytest.raises(DownloadFailed, match="does not answer"):
        fetch_kaggle(LEAVES, folder, Limits(), Silence())
    assert kaggle.asked  # the time that the process needs to start is no silence of Kaggle's


def test_a_stop_ends_the_download_at_once(kaggle: FakeKaggle, folder: Path) -> None:
    kaggle.seconds_a_block = 0.5
    before = set(threading.enumerate())

    class Impatient(Silence):
        def stop_requested(self) -> bool:
            return bool(kaggle.ranges)

    with pytest.raises(Stopped):
        fetch_kaggle(LEAVES, folder, Limits(), Impatient())
    assert not [thread for thread in set(threading.enumerate()) - before if "_read" in thread.name]
    assert not (folder / "archive.zip").exists() or (folder / "archive.zip").stat().st_size < len(kaggle.archive)


def test_too_large_is_told_before_the_download(kaggle: FakeKaggle, folder: Path) -> None:
    kaggle.about = {"totalBytes": 90_000_000_000}
    with pytest.raises(ImportRefused, match=r"too large.*90\.0 GB"):
        fetch_kaggle(LEAVES, folder, Limits(), Silence())
    kaggle.about = {"totalBytes": 0}
    with pytest.raises(ImportRefused, match="too large"):  # and where Kaggle does not say, as soon as it is seen
        fetch_kaggle(LEAVES, folder, Limits(expanded_bytes=100_000), Silence())


def test_a_disk_too_small_is_told_before_the_download(
    kaggle: FakeKaggle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr(kaggle_download.shutil, "disk_usage", lambda _path: usage._replace(free=300_000))
    with pytest.raises(WorkspaceError, match="too little room"):
        fetch_kaggle(LEAVES, folder, Limits(), Silence())


def test_a_helper_without_a_parent_leaves(kaggle: FakeKaggle, folder: Path) -> None:
    kaggle.silent = True
    command = [sys.executable, "-m", "tlcore.data.kaggle_helper", "ann", "leaves", "0", str(folder / "archive.zip")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    while not kaggle.asked:
        assert process.poll() is None
        time.sleep(0.01)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(60) == 1
    assert process.stdout is not None
    process.stdout.close()
