"""The app as people meet it: a real server, a real browser."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect, sync_playwright

from tests.browser.telling_app import TOLD
from tlcore.workspace import Workspace

ROOT = Path(__file__).parents[2]
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]  # a camera that films a moving disc


@dataclass
class App:
    """A running app and its workspace."""

    home: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def restart(self) -> None:
        """Kills the server as a crash would, and starts it anew on the same workspace."""
        self.process.kill()
        self.process.wait()
        self.process = _start(self.home, self.port)

    def account(self) -> str:
        """The end of the app's log, with what its threads are at right now."""
        log = self.home / "app.log"
        told = log.read_text(errors="replace").count(TOLD)
        self.process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + 60
        while log.read_text(errors="replace").count(TOLD) == told and time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        return log.read_text(errors="replace")[-20_000:]

    def megabytes(self) -> float:
        """Resident memory of the app process, in millions of bytes."""
        return float(psutil.Process(self.process.pid).memory_info().rss / 1e6)

    def loaded_files(self) -> str:
        """Every library that the app process has mapped."""
        return "\n".join(found.path for found in psutil.Process(self.process.pid).memory_maps())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(home: Path, port: int) -> subprocess.Popen[bytes]:
    with (home / "app.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.browser.telling_app", "run", "streamlit_app.py"]  # noqa: RUF005 - the options stand apart
            + ["--server.port", str(port), "--server.headless", "true"],
            cwd=ROOT,
            env=os.environ | {"TLCORE_HOME": str(home)},
            stdout=log,
            stderr=log,
        )
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1):
                return process
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    process.kill()
    raise AssertionError((home / "app.log").read_text())


@contextmanager
def running_app(home: Path, port: int) -> Iterator[App]:
    """The app, with the environment as it is now; in the end it and all that it started are killed."""
    running = App(home, port, _start(home, port))
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        for process in psutil.process_iter(["environ"]):
            environment = process.info["environ"] or {}
            if str(home) in {environment.get("TLCORE_HOME"), environment.get("TLCORE_HOST")}:
                with suppress(psutil.Error):  # it may have ended with the one before
                    process.kill()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, with_backbone: Callable[[Path], Workspace]) -> Path:
    """The app's workspace, with nothing but the converted backbone: that takes as long as a short training."""
    return with_backbone(tmp_path_factory.mktemp("app")).root


@pytest.fixture(scope="module")
def app(home: Path) -> Iterator[App]:
    with running_app(home, free_port()) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is not installed")
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=[*_FLAGS, *_CAMERA])
        yield found
        found.close()


expect.set_options(timeout=60_000)  # machines that run tests side by side are slow at times


@pytest.fixture
def page(browser: Browser, app: App) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    opened = context.new_page()
    yield opened
    context.close()


def upload(page: Page, label: str, *files: Path | FilePayload) -> None:
    """Gives files, or one folder, to the field of this label. A page's fields appear in any order while it loads, so
    one that is merely the first may be another."""
    given: list[Any] = list(files)
    field = page.get_by_test_id("stFileUploader").filter(has_text=label)
    field.locator("input").set_input_files(given[0] if len(given) == 1 else given)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails tells what was on the page and what the app was at: it may fail on one machine only."""
    report = yield
    fixtures = getattr(item, "funcargs", {})
    if call.when == "call" and report.failed and isinstance(page := fixtures.get("page"), Page):
        for opened in page.context.pages:
            report.sections.append((f"page {opened.url}", opened.locator("body").inner_text()))
        report.sections.append(("app", fixtures["app"].account()))
    return report
