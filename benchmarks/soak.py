"""Many people at once: sessions that look around, import, train (queued) and predict, for minutes.

    python -m benchmarks.soak [--sessions 20] [--browsers 3] [--minutes 10] [--mode demo] [--json]

Starts the app on an empty workspace and opens so many sessions, which share nothing. Each brings a dataset with a name
of its own: no other name may ever reach it.

Most of them speak Streamlit's own protocol, without a browser: twenty browsers, in real life on twenty other machines,
would take most of a small machine's processors, and times would be theirs. Such a session does what the frontend does
(fragments that run by themselves, parts that come into view, pictures, uploads), looks through every message that it is
sent, and keeps the page's elements by the frontend's rules. A few are real browsers, because scripts and the console
are part of what is watched; they run with low priority, since they too stand for other machines.

Page times: of a session, from its request until the run of the page has ended, which is the server's time; of a
browser, from the click until the page is drawn. Whoever still waits for a queued job when the time is over just leaves.

Status 1 where anything went wrong, or anybody was sent what is another's. Needs Playwright and Chromium, and Linux.
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
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.browser import started_app, wait_for_server
from benchmarks.processes import ended_afterwards, machine
from benchmarks.soak_browser import BrowserHands, open_browser
from benchmarks.soak_memory import Memory
from benchmarks.soak_processes import Processes
from benchmarks.soak_record import Record
from benchmarks.soak_session import SessionHands
from benchmarks.soak_visitor import Hands, Visitor

_MINUTE: Final = 60.0
_ARRIVING: Final = 1.0  # seconds from one visitor to the next
_BAD: Final = re.compile(r"\bERROR\b|\bCRITICAL\b|Traceback|Uncaught", re.IGNORECASE)
_MOST_LINES: Final = 50
_GRACE: Final = 30.0  # seconds for what a visitor has begun when the time is over
# As it is deployed: nobody edits its files meanwhile.
_QUIET: Final = {"STREAMLIT_SERVER_FILE_WATCHER_TYPE": "none"}


@dataclass(frozen=True)
class Plan:
    """What is played.

    Attributes:
        sessions: How many visitors there are at the same time.
        browsers: How many of them come with a browser.
        minutes: How long they stay.
        mode: Who uses the app (TLCORE_MODE).
        keep: A folder for the workspace and the logs, to look at afterwards.
    """

    sessions: int
    browsers: int
    minutes: float
    mode: str
    keep: Path | None = None


def soak(plan: Plan) -> dict[str, Any]:
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
            started_app(home, log, extra={"TLCORE_MODE": plan.mode} | _QUIET) as (address, pid, _),
        ):
            wait_for_server(address)
            record = Record()
            with _watched(Processes(pid, home, os.getpid())) as processes:
                memory = Memory(processes)
                asyncio.run(_play(plan, address, place, record, memory))
                taken = processes.processor_seconds()
        for line in _bad_lines(home, log):
            record.error("log", "log", line)
        if plan.keep is not None:
            shutil.copytree(place, plan.keep, dirs_exist_ok=True, ignore_dangling_symlinks=True)
        return _figures(record, memory) | {"processor_seconds": taken}


@contextmanager
def _watched(processes: Processes) -> Iterator[Processes]:
    thread = threading.Thread(target=processes.watch, name="processes")
    thread.start()
    try:
        yield processes
    finally:
        processes.stop()
        thread.join()


async def _play(plan: Plan, address: str, place: Path, record: Record, memory: Memory) -> None:
    end = time.monotonic() + plan.minutes * _MINUTE + plan.sessions * _ARRIVING
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(open_browser(place)) if plan.browsers else None
        memory.look(0)
        visits = []
        for number in range(plan.sessions):
            name = f"visitor-{number:02}-{secrets.token_hex(3)}"
            hands: Hands = SessionHands(name, address, record)
            if browser is not None and _has_browser(number, plan):
                hands = BrowserHands(name, address, record, browser)
            visitor = Visitor(number, name, hands, place, record, end)
            visits.append(asyncio.create_task(_until(end + _GRACE, visitor.visit())))
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


def _has_browser(number: int, plan: Plan) -> bool:
    """Spreads the browsers among the visitors."""
    return (number + 1) * plan.browsers // plan.sessions > number * plan.browsers // plan.sessions


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
            f"{seen['second']} s: app {seen['app_mb']} MB, all {seen['all_mb']} MB, browsers {seen['browsers_mb']} MB, "
            f"{len(record.errors)} errors\n"
        )


def _figures(record: Record, memory: Memory) -> dict[str, Any]:
    found = record.summary()
    first, middle, last = memory.looks[1], memory.looks[len(memory.looks) // 2], memory.looks[-1]
    names = ("app_mb", "app_anonymous_mb", "all_mb", "processes")
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
    parser.add_argument("--browsers", type=int, default=3, help="how many of them are real browsers")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long")
    parser.add_argument("--mode", choices=("demo", "local"), default="demo", help="who uses the app (TLCORE_MODE)")
    parser.add_argument("--keep", type=Path, help="a folder for the workspace and the logs, to look at afterwards")
    parser.add_argument("--json", action="store_true", help="print the whole document (what is printed anyway)")
    asked = parser.parse_args(arguments)
    before = machine()
    plan = Plan(asked.sessions, min(asked.browsers, asked.sessions), asked.minutes, asked.mode, asked.keep)
    found = soak(plan)
    played = {name: value for name, value in asdict(plan).items() if name != "keep"}
    document = {"machine": before, **played, **found}
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    return 0 if not found["errors"] and (asked.mode == "local" or not found["foreign_data_seen"]) else 1


if __name__ == "__main__":
    sys.exit(main())
