"""A web server on this machine in place of the one that publishes weights: the only thing that is not real here."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest


@dataclass
class WeightsServer:
    """Serves files by name.

    Attributes:
        files: What is served, by the last part of the address.
        asked: Names asked for, in order.
        cut: Bytes to leave out at the end, as when a connection breaks.
        hold: The server answers nothing until this is set.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    cut: int = 0
    hold: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache in place of the user's."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WeightsServer]:
    """A server that every address leads to, whatever its host."""
    state = WeightsServer()
    state.hold.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.hold.wait(120)
            name = self.path.rsplit("/", 1)[-1]
            state.asked.append(name)
            if name not in state.files:
                self.send_error(404)
                return
            data = state.files[name]
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) - state.cut])

        def log_message(self, *_: Any) -> None:
            """Says nothing: pytest shows what the test itself has to say."""

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{web.server_port}"
    thread = threading.Thread(target=web.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def divert(url: str, timeout: float) -> Any:
        return opener.open(state.url + urlsplit(url).path, timeout=timeout)

    monkeypatch.setattr(urllib.request, "urlopen", divert)
    yield state
    state.hold.set()
    web.shutdown()
    web.server_close()
    thread.join()


@pytest.fixture(scope="session")
def save_as_published() -> Callable[[Any, Path], bytes]:
    """Writes a model's weights as Keras publishes them: the old HDF5 layout, by order of layers."""

    def save(model: Any, path: Path) -> bytes:
        import h5py
        from keras.src.legacy.saving import legacy_h5_format

        with h5py.File(path, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, model)
        return path.read_bytes()

    return save
