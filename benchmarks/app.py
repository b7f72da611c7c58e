"""How quick the app feels in a browser that is already open: start, page changes, one prediction, memory."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from benchmarks.browser import BETWEEN, DONE, browser_page, change_pages, open_first, started_app, wait_for_server
from benchmarks.figures import median_of
from benchmarks.material import BACKBONE, DATASET, import_photos
from benchmarks.options import Options
from benchmarks.processes import ROOT, anonymous_bytes, ended_afterwards, environment, run

PICTURES: Final = 24  # one upload each

_PATIENCE: Final = 60.0  # seconds


def measure_app(options: Options, note: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Starts, page changes, predictions and memory, on a workspace with photos and a finished training."""
    home = options.place / "home-app"
    figures: dict[str, Any] = {}
    with ended_afterwards(home):
        import_photos(home, options.data)
        run_id = _train_in(home, options)
        with browser_page() as page:
            starts = []
            for _ in range(max(options.repeats, 3)):
                with started_app(home, options.log) as (address, _, moment):
                    starts.append(open_first(page, address, moment))
                    page.goto("about:blank")
            figures["start"] = {name: median_of(starts, lambda one, name=name: one[name]) for name in starts[0]}
            figures["start"]["runs"] = starts
            note(figures)
            with started_app(home, options.log) as (address, pid, moment):
                open_first(page, address, moment)
                figures["memory_mb"] = {"first_page": round(anonymous_bytes(pid) / 1e6)}
                figures["changes"] = change_pages(page)
                figures["memory_mb"]["all_pages"] = round(anonymous_bytes(pid) / 1e6)
            note(figures)
            _measure_predictions(options, home, page, run_id, figures)
    shutil.rmtree(home)
    return figures


def _train_in(home: Path, options: Options) -> str:
    """A finished run; returns its id."""
    command = ("train", "--dataset", DATASET, "--backbone", BACKBONE, "--epochs", str(options.epochs), "--json")
    return str(json.loads(run("tlcore", *command, home=home, log=options.log).output)["run_id"])


def _measure_predictions(options: Options, home: Path, page: Page, run_id: str, figures: dict[str, Any]) -> None:
    """Predictions while nothing else happens, and while a training works."""
    pictures = sorted(options.data.glob("*/*.jpg"))[::50][:PICTURES]
    timings = options.place / "predictions.txt"
    with started_app(home, options.log, timings) as (address, pid, _):
        wait_for_server(address)
        figures["prediction"] = _predictions(page, address, run_id, pictures, timings)
        figures["memory_mb"]["after_predictions"] = round(anonymous_bytes(pid) / 1e6)
        training = start_training(home, options)
        try:
            figures["prediction_while_training"] = _predictions(page, address, run_id, pictures, timings)
            figures["prediction_while_training"]["training_still_at_work"] = training.poll() is None
        finally:
            training.terminate()
            training.wait()


def start_training(home: Path, options: Options) -> subprocess.Popen[bytes]:
    """A training that takes longer than the predictions do: the whole network, from scratch. Returns once it learns."""
    command = ["train", "--dataset", DATASET, "--backbone", BACKBONE, "--mode", "scratch", "--epochs", "50"]
    before = set((home / "runs").iterdir())
    with options.log.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "tlcore", *command], cwd=ROOT, env=environment(home), stdout=log, stderr=log
        )
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        new = set((home / "runs").iterdir()) - before
        if any('"phase"' in path.read_text() for one in new if (path := one / "events.jsonl").exists()):
            return process
        time.sleep(0.2)
    process.terminate()
    raise SystemExit("the training beside the predictions does not begin")


def predict_pictures(page: Page, address: str, run_id: str, pictures: list[Path], timings: Path) -> list[float]:
    """Asks the run about each picture by itself; seconds from choosing the file to its card, in the browser."""
    page.goto(f"{address}/predict?run={run_id}")
    field = page.get_by_test_id("stFileUploader").first.locator("input")
    field.wait_for(state="attached")
    page.wait_for_timeout(2000)  # the page is drawn, and what it loads in the background is loaded
    seconds = []
    for number, picture in enumerate(pictures, start=1):
        started = time.monotonic()
        field.set_input_files(picture)
        while not timings.exists() or len(timings.read_text().splitlines()) < number:
            page.wait_for_timeout(5)
            if time.monotonic() - started > _PATIENCE:
                raise SystemExit("the page does not predict")
        page.wait_for_selector(DONE)
        seconds.append(time.monotonic() - started)
        page.wait_for_timeout(BETWEEN)
    return seconds


def _predictions(page: Page, address: str, run_id: str, pictures: list[Path], timings: Path) -> dict[str, Any]:
    """Milliseconds in the app process and seconds in the browser; the first, which loads the bundle, stands apart."""
    timings.unlink(missing_ok=True)
    seen = predict_pictures(page, address, run_id, pictures, timings)
    inside = [float(line) * 1000 for line in timings.read_text().split()]
    return {
        "first_ms": round(inside[0], 1),
        "median_ms": round(statistics.median(inside[1:]), 1),
        "worst_ms": round(max(inside[1:]), 1),
        "count": len(inside),
        "browser_median_seconds": round(statistics.median(seen[1:]), 3),
    }
