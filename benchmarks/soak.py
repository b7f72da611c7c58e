"""Many people at once: sessions that look around, import, train (queued) and predict, for minutes.

    python -m benchmarks.soak [--sessions 20] [--minutes 10] [--mode demo] [--json]

Starts the app on an empty workspace and opens so many sessions, each in a browser context of its own, which shares
nothing with the others. Each brings a dataset with a name of its own: no other name may ever be on its pages. Real
browsers rather than plain websocket clients, because pages that break do so in the browser: scripts, uploads and the
console are part of what is watched. All contexts live in one headless Chromium.

Status 1 where anything went wrong, or anybody saw what is another's. Needs Playwright and Chromium, and Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from playwright.async_api import async_playwright

from benchmarks.browser import FLAGS, started_app, wait_for_server
from benchmarks.processes import ended_afterwards, machine
from benchmarks.soak_memory import Memory
from benchmarks.soak_record import Record
from benchmarks.soak_visitor import Visitor

_MINUTE: Final = 60.0
_ARRIVING: Final = 1.0  # seconds from one visitor to the next
_BAD: Final = re.compile(r"\bERROR\b|\bCRITICAL\b|Traceback|Uncaught", re.IGNORECASE)
_MOST_LINES: Final = 50
_GRACE: Final = 30.0  # seconds for what a visitor has begun when the time is over
# As it is deployed: nobody edits its files meanwhile.
_QUIET: Final = {"STREAMLIT_SERVER_FILE_WATCHER_TYPE": "none"}


def soak(sessions: int, minutes: float, mode: str, keep: Path | None) -> dict[str, Any]:
    """Plays it once; the figures.

    Raises:
        SystemExit: The app does not start, or there is no Chromium.
    """
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        place = Path(name).resolve()
        home = place / "home"
        home.mkdir()
        log = place / "app.log"
        with (
            ended_afterwards(home),
            started_app(home, log, extra={"TLCORE_MODE": mode} | _QUIET) as (address, pid, _),
        ):
            wait_for_server(address)
            record = Record()
            memory = Memory(pid, home, os.getpid())
            asyncio.run(_play(sessions, minutes, address, place, record, memory))
        for line in _bad_lines(home, log):
            record.error("log", "log", line)
        if keep is not None:
            shutil.copytree(place, keep, dirs_exist_ok=True, ignore_dangling_symlinks=True)
        return _figures(record, memory)


async def _play(sessions: int, minutes: float, address: str, place: Path, record: Record, memory: Memory) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("chromium is not installed")
    end = time.monotonic() + minutes * _MINUTE + sessions * _ARRIVING
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        memory.look(0)
        visits = []
        for number in range(sessions):
            visitor = Visitor(number, f"visitor-{number:02}-{secrets.token_hex(3)}", address, place, record, end)
            visits.append(asyncio.create_task(_until(end + _GRACE, visitor.visit(browser))))
            await asyncio.sleep(_ARRIVING)
        memory.look(time.monotonic() - record.began)
        watching = asyncio.create_task(_watch(record, memory))
        for done in await asyncio.gather(*visits, return_exceptions=True):
            if isinstance(done, BaseException):
                record.error("soak", "the visitor itself", repr(done))
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        memory.look(time.monotonic() - record.began)
        memory.looks[-1]["processor_seconds"] = memory.processor_seconds()
        await browser.close()


async def _until(moment: float, visit: Coroutine[Any, Any, None]) -> None:
    """Lets a visitor go on until then: whoever waits for a job that is still queued is no error."""
    with suppress(TimeoutError):
        await asyncio.wait_for(visit, moment - time.monotonic())


async def _watch(record: Record, memory: Memory) -> None:
    """Looks at the memory once a minute."""
    while True:
        await asyncio.sleep(_MINUTE)
        seen = await asyncio.to_thread(memory.look, time.monotonic() - record.began)
        sys.stderr.write(
            f"{seen['second']} s: app {seen['app_mb']} MB, all {seen['all_mb']} MB, browser {seen['browser_mb']} MB, "
            f"{len(record.errors)} errors\n"
        )


def _figures(record: Record, memory: Memory) -> dict[str, Any]:
    found = record.summary()
    found["done"] = {name: count for name, count in found["done"].items() if " " not in name}
    first, middle, last = memory.looks[1], memory.looks[len(memory.looks) // 2], memory.looks[-1]
    names = ("app_mb", "app_anonymous_mb", "all_mb")
    return found | {
        "memory_start": {name: first[name] for name in names},
        "memory_middle": {name: middle[name] for name in names},
        "memory_end": {name: last[name] for name in names},
        "memory": memory.looks,
    }


def _bad_lines(home: Path, log: Path) -> list[str]:
    """What the app, its supervisors and workers wrote that tells of an error."""
    found = []
    for path in [log, *home.rglob("*.log"), *home.rglob("*.jsonl")]:
        if path.name.startswith("events"):
            continue  # what a run tells its owner
        lines = path.read_text(errors="replace").splitlines()
        found += [f"{path.name}: {line}" for line in lines if _is_bad(path, line)]
    return found[:_MOST_LINES]


def _is_bad(path: Path, line: str) -> bool:
    if path.suffix == ".jsonl":
        with suppress(ValueError, AttributeError):
            return str(json.loads(line).get("level", "")).upper() in ("ERROR", "CRITICAL")
    return bool(_BAD.search(line))


def main(arguments: list[str] | None = None) -> int:
    """Plays and prints; the status says whether all was well."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=20, help="at the same time")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long")
    parser.add_argument("--mode", choices=("demo", "local"), default="demo", help="who uses the app (TLCORE_MODE)")
    parser.add_argument("--keep", type=Path, help="a folder for the workspace and the logs, to look at afterwards")
    parser.add_argument("--json", action="store_true", help="print the whole document (what is printed anyway)")
    asked = parser.parse_args(arguments)
    before = machine()
    found = soak(asked.sessions, asked.minutes, asked.mode, asked.keep)
    document = {"machine": before, "sessions": asked.sessions, "minutes": asked.minutes, "mode": asked.mode, **found}
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    return 0 if not found["errors"] and (asked.mode == "local" or not found["foreign_data_seen"]) else 1


if __name__ == "__main__":
    sys.exit(main())
