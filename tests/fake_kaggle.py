"""Kaggle as the network shows it: an HTTP server that stands between the real `kagglehub` and the world.

The process under test is told to use it as its proxy, and asks it for what it would ask Kaggle for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

TOKEN = "KGAT_5ecret0123456789abcdef"  # noqa: S105 - made up
STORAGE = "storage.kaggle.test"


@dataclass
class FakeKaggle:
    """What it answers, and what it was asked.

    Attributes:
        archive: The dataset's bytes.
        about: What it tells of the dataset, in Kaggle's names.
        refusal: A status and text to answer instead.
        seconds_a_block: How slowly it sends.
        breaks: After how many blocks the line breaks, once for each entry.
        silent: It takes connections and says nothing.
        asked: Method and path of each request, with whether the token came along.
        ranges: What parts of the archive were asked for.
        bodies: What was sent to it.
        agents: What programs called themselves.
        hung_up: Whether somebody stopped listening in the middle of the archive.
        block: How many bytes it sends at once.
    """

    archive: bytes = b""
    about: dict[str, Any] = field(default_factory=dict)
    refusal: tuple[int, str] | None = None
    seconds_a_block: float = 0.0
    breaks: list[int] = field(default_factory=list)
    silent: bool = False
    asked: list[tuple[str, str, bool]] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    hung_up: bool = False
    block: int = 16_384

    def facts(self) -> dict[str, Any]:
        usual = {
            "ref": "ann/leaves",
            "title": "Leaves of the park",
            "subtitle": "Oaks and maples",
            "licenseName": "CC0: Public Domain",
            "currentVersionNumber": 7,
            "totalBytes": len(self.archive),
        }
        return usual | self.about


class _Handler(BaseHTTPRequestHandler):
    kaggle: FakeKaggle

    def log_message(self, *_arguments: object) -> None:
        pass

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length) or b"{}")
        self._note()
        kaggle = self.kaggle
        kaggle.bodies.append(body)
        while kaggle.silent:
            time.sleep(0.05)
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._answer_json(401, {"code": 401, "message": f"Bad token {self.headers.get('Authorization')}"})
        elif kaggle.refusal:
            status, text = kaggle.refusal
            self._answer_json(status, {"code": status, "message": text})
        elif self.path.endswith("/GetDataset"):
            self._answer_json(200, kaggle.facts())
        else:
            self.send_response(302)
            self.send_header("Location", f"http://{STORAGE}/archive.zip?signature=x")
            self.end_headers()

    def do_GET(self) -> None:
        self._note()
        assert urlsplit(self.path).hostname == STORAGE
        kaggle = self.kaggle
        wanted = self.headers.get("Range", "")
        kaggle.ranges.append(wanted)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(kaggle.archive) - start))
        self.end_headers()
        # A request whose answer is not wanted any more must not take a break away from the next.
        breaks_after = kaggle.breaks.pop(0) if kaggle.breaks and (wanted or len(kaggle.ranges) == 1) else None
        for number, offset in enumerate(range(start, len(kaggle.archive), kaggle.block)):
            if number == breaks_after:
                break
            try:
                self.wfile.write(kaggle.archive[offset : offset + kaggle.block])
            except OSError:
                kaggle.hung_up = True
                break
            time.sleep(kaggle.seconds_a_block)
        self.close_connection = True

    def _note(self) -> None:
        text = f"{self.headers}{self.path}"
        self.kaggle.agents.add(self.headers.get("User-Agent", ""))
        self.kaggle.asked.append((self.command, self.path, TOKEN in text))

    def _answer_json(self, status: int, document: dict[str, Any]) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        with suppress(OSError):  # nobody listens any more
            self.end_headers()
            self.wfile.write(data)


@contextmanager
def serving_kaggle(person: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKaggle]:
    """A Kaggle that processes of a person with a saved token reach instead of the true one.

    Args:
        person: The person's home folder.
        monkeypatch: Sets the environment.
    """
    kaggle = FakeKaggle()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"kaggle": kaggle}))
    server.daemon_threads = True
    server.block_on_close = False
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    set_person(person, monkeypatch)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, address)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    (person / ".kaggle").mkdir(parents=True, exist_ok=True)
    (person / ".kaggle" / "access_token").write_text(TOKEN)
    try:
        yield kaggle
    finally:
        kaggle.silent = False
        server.shutdown()
        server.server_close()
        thread.join()


def set_person(person: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the home folder that of somebody who never used Kaggle."""
    person.mkdir(parents=True, exist_ok=True)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(person))
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
