"""Downloads: checked, atomic, and never waiting for ever."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from tlcore.backbones import weights as weights_module
from tlcore.backbones.record import DownloadedWeights
from tlcore.backbones.weights import cached_path, fetch_weights
from tlcore.errors import WeightsUnavailable
from tlcore.progress import Silence, Stopped

DATA = b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 10_000
MD5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()


def published(checksum: str = MD5, url: str = "https://weights.example/models/net.h5") -> DownloadedWeights:
    return DownloadedWeights(url=url, file="net.h5", checksum=checksum, megabytes=2.6)


class Listener(Silence):
    """Keeps what it is told, and stops when told to."""

    def __init__(self, stop: bool = False) -> None:
        self.told: list[tuple[str, int, int]] = []
        self.stop = stop

    def progress(self, task: str, done: int, total: int) -> None:
        self.told.append((task, done, total))

    def stop_requested(self) -> bool:
        return self.stop


@pytest.mark.parametrize("checksum", [MD5, hashlib.sha256(DATA).hexdigest(), ""], ids=["md5", "sha256", "none"])
def test_file_lands_in_kerass_cache_and_is_not_fetched_twice(server: Any, keras_home: Path, checksum: str) -> None:
    server.files["net.h5"] = DATA
    listener = Listener()
    path = fetch_weights(published(checksum), listener)
    assert path == keras_home / "models" / "net.h5"
    assert path.read_bytes() == DATA
    assert listener.told[-1] == ("download", len(DATA), len(DATA))
    assert fetch_weights(published(checksum)) == path
    assert server.asked == ["net.h5"]


def test_a_damaged_file_in_the_cache_is_fetched_again(server: Any, keras_home: Path) -> None:
    server.files["net.h5"] = DATA
    path = cached_path(published())
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA[:-1])
    assert fetch_weights(published()).read_bytes() == DATA
    assert server.asked == ["net.h5"]


@pytest.mark.parametrize(
    ("served", "checksum"),
    [(DATA + b"x", MD5), (b"<html>Please log in</html>", "")],
    ids=["wrong checksum", "a login page instead of HDF5"],
)
def test_another_file_than_the_published_one_is_refused(
    server: Any, keras_home: Path, served: bytes, checksum: str
) -> None:
    server.files["net.h5"] = served
    with pytest.raises(WeightsUnavailable, match="not the published weights file"):
        fetch_weights(published(checksum))
    assert list((keras_home / "models").iterdir()) == []


def test_a_broken_connection_leaves_nothing_behind(server: Any, keras_home: Path) -> None:
    server.files["net.h5"] = DATA
    server.cut = 1000
    with pytest.raises(WeightsUnavailable, match="connection ended after"):
        fetch_weights(published(checksum=""))
    assert list((keras_home / "models").iterdir()) == []


def test_a_missing_file_names_the_reason(server: Any, keras_home: Path) -> None:
    with pytest.raises(WeightsUnavailable, match="Not Found"):
        fetch_weights(published())


def test_stopping_leaves_nothing_behind(server: Any, keras_home: Path) -> None:
    server.files["net.h5"] = DATA
    with pytest.raises(Stopped):
        fetch_weights(published(), Listener(stop=True))
    assert list((keras_home / "models").iterdir()) == []


def test_offline_fails_at_once_and_offers_the_built_in_backbones(
    keras_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]  # nobody listens there, nor can as long as it is bound
        with pytest.raises(WeightsUnavailable) as caught:
            fetch_weights(published(url=f"http://127.0.0.1:{port}/net.h5"))
    assert os.strerror(errno.ECONNREFUSED) in str(caught.value)  # and not that the deadline is over
    for backbone_id in ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"):
        assert backbone_id in str(caught.value)


def test_a_network_that_swallows_everything_fails_at_the_deadline(
    server: Any, keras_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.hold.clear()
    monkeypatch.setattr(weights_module, "OPEN_SECONDS", 0.3)
    begun = time.monotonic()
    with pytest.raises(WeightsUnavailable, match="no answer within"):
        fetch_weights(published())
    assert time.monotonic() - begun < weights_module.READ_SECONDS


def test_a_cache_that_cannot_be_written_is_told(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv("KERAS_HOME", str(blocked))
    with pytest.raises(WeightsUnavailable, match="can't be downloaded"):
        fetch_weights(published())
