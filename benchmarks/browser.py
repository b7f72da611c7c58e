"""The app in a browser that is already open: its start, the first page, changes of pages."""

from __future__ import annotations

import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page, sync_playwright

from benchmarks.processes import ROOT, environment

PAGES: Final = ("Home", "Data", "Model", "Train", "Results", "Compare", "Predict", "System")
ROUNDS: Final = 4  # of page changes; the first visit of each page is told apart

DONE: Final = '[data-testid="stApp"][data-test-script-state="notRunning"]'
"""Matches once the script of the page that is shown has ended."""

FLAGS: Final = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_NO_ACCOUNT: Final = "--disable-sync"
_SECONDS: Final = 60_000  # of patience, in milliseconds
BETWEEN: Final = 700  # milliseconds, for a person to look

# From the click until the new page stands: its link is the current one, its heading is there, its script has ended and
# the browser has drawn it. Measured by the browser itself.
CHANGE: Final = """
async (name) => {
  const app = document.querySelector('[data-testid="stApp"]');
  const links = [...document.querySelectorAll('[data-testid="stSidebarNavLink"]')];
  const link = links.find((one) => one.textContent.includes(name));
  const main = document.querySelector('[data-testid="stMain"]');
  const title = name === "Home" ? "Studio" : name;
  const state = () => app.getAttribute("data-test-script-state");
  let ran = false;
  const watcher = new MutationObserver(() => { ran ||= state() === "running"; });
  watcher.observe(app, { attributes: true });
  const start = performance.now();
  link.click();
  let heading = 0;
  const limit = start + 30000;
  const shows = () => main.querySelector("h1")?.textContent.includes(title);
  while (performance.now() < limit) {
    if (!heading && shows()) heading = performance.now();
    if (heading && ran && state() === "notRunning") break;
    await new Promise(requestAnimationFrame);
  }
  await new Promise(requestAnimationFrame);
  watcher.disconnect();
  return { heading: (heading - start) / 1000, whole: (performance.now() - start) / 1000 };
}
"""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def browser_page() -> Iterator[Page]:
    """An open Chromium with one empty page.

    Raises:
        SystemExit: There is no Chromium.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, _NO_ACCOUNT])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(_SECONDS)
        page.goto("about:blank")
        yield page
        browser.close()


@contextmanager
def started_app(
    home: Path, log: Path, timings: Path | None = None, extra: Mapping[str, str] | None = None
) -> Iterator[tuple[str, int, float]]:
    """Starts the app as people do; its address, its process's id and the moment of the command."""
    port = free_port()
    module = ["streamlit", "run", "streamlit_app.py"] if timings is None else ["benchmarks.timed_app", str(timings)]
    options = ["--server.port", str(port), "--server.headless", "true"]
    with log.open("ab") as said:
        moment = time.monotonic()
        process = subprocess.Popen(  # noqa: S603 - our own app
            [sys.executable, "-m", *module, *options], cwd=ROOT, env=environment(home, extra), stdout=said, stderr=said
        )
    try:
        yield f"http://127.0.0.1:{port}", process.pid, moment
    finally:
        process.kill()
        process.wait()


def wait_for_server(address: str) -> None:
    """Waits until the app answers.

    Raises:
        SystemExit: It does not within a minute.
    """
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.01)
    raise SystemExit("the app does not start")


def open_first(page: Page, address: str, moment: float) -> dict[str, float]:
    """Opens the first page; seconds since `moment` until the server answered, it showed text, and it was whole."""
    wait_for_server(address)
    answered = time.monotonic() - moment
    page.goto(address, wait_until="commit")
    page.wait_for_selector('[data-testid="stMain"] h1')
    shown = time.monotonic() - moment
    page.wait_for_selector(DONE)
    page.evaluate("() => new Promise(requestAnimationFrame)")
    return {"server": answered, "first_page": shown, "whole_page": time.monotonic() - moment}


def change_pages(page: Page) -> dict[str, Any]:
    """Clicks through the pages; seconds of each change, the first visits apart from the later ones."""
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in PAGES}
    page.wait_for_timeout(BETWEEN)
    for _ in range(ROUNDS):
        for name in (*PAGES[1:], PAGES[0]):
            seen[name].append(page.evaluate(CHANGE, name))
            page.wait_for_timeout(BETWEEN)
    first = {name: round(times[0]["whole"], 3) for name, times in seen.items()}
    later = {name: round(statistics.median(one["whole"] for one in times[1:]), 3) for name, times in seen.items()}
    heading = {name: round(statistics.median(one["heading"] for one in times[1:]), 3) for name, times in seen.items()}
    return {
        "first_visit": first,
        "later": later,
        "later_heading": heading,
        "median": statistics.median(later.values()),
        "worst": max(later.values()),
        "first_visit_worst": max(first.values()),
    }
