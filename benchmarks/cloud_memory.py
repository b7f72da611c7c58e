"""The memory of the app and one run together, as a small public host has to hold them.

    python -m benchmarks.cloud_memory [--mode demo] [--json]

Starts the app on an empty workspace, opens it in headless Chromium, trains the sample with one click, asks the model
about a picture and opens every page, while the proportional set size of the app's processes (app, supervisor, workers,
decoding helper) is sampled. The browser is not part of it. Needs Playwright and Chromium, and Linux.

Pages of libraries that other programs use too count in part; "alone" tells what they would be on a host of their own,
and is what the limit is held against.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from benchmarks.browser import DONE, browser_page, open_first, started_app
from benchmarks.processes import ended_afterwards, machine
from benchmarks.tree_memory import TreeMemory

LIMIT_MB: Final = 1500

_MODES: Final = ("local", "team", "demo")
_PAGES: Final = ("data", "model", "train", "results", "compare", "predict", "system", "")
_PATIENCE: Final = 240_000  # milliseconds for the training
_SETTLED: Final = 3000  # milliseconds after each step: what it loads in the background is loaded


def measure(mode: str) -> dict[str, Any]:
    """Plays the whole path once; the figures of `TreeMemory.summary`.

    Raises:
        SystemExit: The app does not start, or there is no Chromium.
    """
    with tempfile.TemporaryDirectory(prefix="cloud-memory-") as place:
        home = Path(place).resolve() / "home"
        home.mkdir()
        log = Path(place) / "app.log"
        with (
            ended_afterwards(home),
            browser_page() as page,
            started_app(home, log, extra={"TLCORE_MODE": mode}) as (address, pid, moment),
            TreeMemory(pid, home) as memory,
        ):
            _play(page, address, moment, memory)
        return {"mode": mode, "limit_mb": LIMIT_MB, **memory.summary()}


def _play(page: Page, address: str, moment: float, memory: TreeMemory) -> None:
    """A visitor's way: the first page, one click that trains the sample, a question to the model, every page."""
    memory.step = "first page"
    open_first(page, address, moment)
    page.wait_for_timeout(_SETTLED)
    memory.step = "training"
    page.get_by_role("button", name="Try a sample").click()
    page.wait_for_url(re.compile(r"/predict\?.*run="), timeout=_PATIENCE)
    memory.step = "predicting"
    page.get_by_role("button", name="Ask the model").click()
    page.get_by_text("All as CSV").wait_for()
    page.wait_for_timeout(_SETTLED)
    memory.step = "all pages"
    for name in _PAGES:
        page.locator(f'[data-testid="stSidebarNavLink"][href$="/{name}"]').first.click()
        page.wait_for_selector(DONE)
        page.wait_for_timeout(_SETTLED // 2)
    memory.step = "a second training"
    page.get_by_role("button", name="Try a sample").click()
    page.wait_for_url(re.compile(r"/predict\?.*run="), timeout=_PATIENCE)
    page.get_by_role("button", name="Ask the model").click()
    page.get_by_text("All as CSV").wait_for()


def _text(found: dict[str, Any]) -> str:
    """The figures for people."""
    lines = [
        f"Peak of all processes: {found['peak_mb']} MB ({found['during']}), limit {found['limit_mb']} MB",
        f"If no other program shared files with them: {found['alone_mb']} MB",
        *(f"  {role}: {size} MB" for role, size in found["processes_mb"].items()),
        "What they had then, at most:",
        *(
            f"  {role}: " + ", ".join(f"{name} {size}" for name, size in parts.items())
            for role, parts in found["parts_mb"].items()
        ),
        "Peaks of the steps:",
        *(f"  {step}: {one['peak_mb']} MB {one['processes_mb']}" for step, one in found["steps"].items()),
    ]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; status 1 when the limit is not held."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cloud_memory",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--mode", choices=_MODES, default="demo", help="who uses the app (TLCORE_MODE)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args(arguments)
    found = {"machine": machine(), **measure(asked.mode)}
    sys.stdout.write(json.dumps(found, indent=2) + "\n" if asked.json else _text(found))
    return 0 if found["alone_mb"] <= LIMIT_MB else 1


if __name__ == "__main__":
    sys.exit(main())
