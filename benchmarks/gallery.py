"""How large datasets feel: import, memory, and turning the gallery's pages in a real browser.

    python -m benchmarks.gallery [--pictures 25000] [--home DIR]

Makes so many small pictures, imports them by the command line, starts the app, opens the dataset in headless Chromium
and turns pages. With `--home`, an import that is there already is used again. Needs Playwright and Chromium.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import psutil
from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT: Final = Path(__file__).parents[1]
NAME: Final = "many small pictures"
CLASSES: Final = 10
SIDE: Final = 64
TURNS: Final = 15
_FLAGS: Final = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

# From the click until the new page's pictures are decoded and drawn, measured by the browser itself.
_TURN: Final = """
async (place) => {
  const root = document.querySelector('[class*="st-key-gallery-grid"]');
  const find = () => [root, ...root.querySelectorAll("*")].map((one) => one.shadowRoot?.querySelector(".stamps"))
    .find((one) => one);
  const grid = find();
  const before = grid.dataset.token;
  const button = [...document.querySelectorAll('[data-testid="stPagination"] button')].find(
    (one) => place ? one.textContent.trim() === place : /next/i.test(one.getAttribute("aria-label") ?? ""));
  const start = performance.now();
  button.click();
  while (grid.dataset.token === before || [...grid.querySelectorAll(".frame")].some((one) => !one.dataset.filled))
    await new Promise(requestAnimationFrame);
  await Promise.all([...grid.querySelectorAll("img")].map((one) => one.decode()));
  await new Promise(requestAnimationFrame);
  return (performance.now() - start) / 1000;
}
"""


def make_zip(path: Path, pictures: int) -> None:
    """Writes a zip of `pictures` small JPEG pictures in class folders; no two are alike."""
    dice = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(pictures):
            patches = dice.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            picture = Image.fromarray(patches).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            file = io.BytesIO()
            picture.save(file, "JPEG", quality=85)
            archive.writestr(f"pictures/class {number % CLASSES}/{number:05d}.jpg", file.getvalue())


def measure_import(home: Path, path: Path) -> dict[str, Any]:
    """Imports the zip by the command line; returns seconds and peak memory of the processes together."""
    command = [sys.executable, "-m", "tlcore", "datasets", "import", str(path), "--name", NAME, "--no-audit", "--json"]
    started = time.monotonic()
    process = psutil.Popen(command, cwd=ROOT, env=_environment(home), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    peak = peak_alone = 0
    while process.poll() is None:
        sizes = [_memory(one) for one in _family(process)]
        peak, peak_alone = max(peak, sum(sizes)), max(peak_alone, *sizes)
        time.sleep(0.2)
    if process.returncode or process.stdout is None:
        raise SystemExit(f"the import failed with status {process.returncode}")
    result = json.loads(process.stdout.read())
    return {
        "pictures": sum(result["classes"].values()),
        "import_seconds": round(time.monotonic() - started, 1),
        "import_peak_mb": round(peak / 1e6),
        "import_largest_process_mb": round(peak_alone / 1e6),
    }


def _family(process: psutil.Process) -> Iterator[psutil.Process]:
    """The process and what it started, and the workers that left it."""
    marker = process.environ().get("TLCORE_HOME") if process.is_running() else None
    for one in psutil.process_iter():
        try:
            if one.environ().get("TLCORE_HOME") == marker:
                yield one
        except psutil.Error:
            continue


def _memory(process: psutil.Process) -> int:
    """Memory that belongs to the process alone, in bytes."""
    try:
        return int(process.memory_full_info().uss)
    except psutil.Error:
        return 0


def _environment(home: Path) -> dict[str, str]:
    return os.environ | {"TLCORE_HOME": str(home)}


@contextmanager
def running_app(home: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The app on a free port of this machine: its address and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless", "true"]
    command += ["--server.port", str(port), "--server.fileWatcherType", "none"]
    process = psutil.Popen(
        command, cwd=ROOT, env=_environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.wait()


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=1):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise SystemExit("the app does not start")


def measure_gallery(home: Path) -> dict[str, Any]:
    """Opens the dataset in a browser and turns pages; returns seconds and the app's memory."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("chromium is not installed")
    with running_app(home) as (address, process), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        started = time.monotonic()
        page.goto(f"{address}/data?dataset=my/{NAME.replace(' ', '-')}&tab=gallery")
        page.wait_for_selector(".stamp img", timeout=60_000)
        opened = time.monotonic() - started
        page.wait_for_timeout(1500)
        fresh = turns(page, TURNS, None)
        again = [turn for place in ("1", "2", "3") for turn in turns(page, 1, place)]
        page.get_by_role("tab", name="Shape").click()
        page.wait_for_timeout(4000)
        info = process.memory_full_info()
        browser.close()
    return {
        "open_page_seconds": round(opened, 2),
        "new_page_median_seconds": round(statistics.median(fresh), 3),
        "new_page_worst_seconds": round(max(fresh), 3),
        "seen_page_median_seconds": round(statistics.median(again), 3),
        "app_resident_mb": round(info.rss / 1e6),
        "app_own_mb": round(info.uss / 1e6),
    }


def turns(page: Page, count: int, place: str | None) -> list[float]:
    """Turns to the next page so many times, or to the page that `place` names; returns seconds."""
    found = []
    for _ in range(count):
        found.append(float(page.evaluate(_TURN, place)))
        page.wait_for_timeout(400)
    return found


def main() -> None:
    """Measures and prints one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=25_000)
    parser.add_argument("--home", type=Path, help="a workspace that is kept; a fresh one otherwise")
    options = parser.parse_args()
    with TemporaryDirectory() as place:
        home = options.home or Path(place) / "home"
        figures: dict[str, Any] = {}
        if not (home / "datasets" / "my" / NAME.replace(" ", "-")).exists():
            archive = Path(place) / "pictures.zip"
            make_zip(archive, options.pictures)
            figures = measure_import(home, archive)
        figures |= measure_gallery(home)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
