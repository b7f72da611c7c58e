"""Killing the writer of each cache at random moments: the next training is right, and uses what was whole."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks import ours
from benchmarks.material import BACKBONE, DATASET, import_photos, last_stages
from benchmarks.options import Options
from benchmarks.processes import ROOT, ended_afterwards, environment, of_workspace

_SHORT: Final = ("--epochs", "2")
_DIGEST_BYTES: Final = 32
_PATIENCE: Final = 120.0  # seconds


@dataclass(frozen=True)
class Killed:
    """One kill and the training after it.

    Attributes:
        after: Seconds of writing before the kill.
        kept: Rows that the caches listed afterwards.
        all_rows: Rows when the next training had filled them.
        right: Whether the next training's test loss is that of one that nothing disturbed.
        reused: Whether the next training read fewer pictures than one with empty caches; None where nothing was kept.
    """

    after: float
    kept: int
    all_rows: int
    right: bool
    reused: bool | None


def modes() -> dict[str, tuple[str, ...]]:
    """A training for each cache, which fills it."""
    stages = ",".join(last_stages(BACKBONE))
    return {
        "features": ("--mode", "frozen"),
        "trunk": ("--mode", "finetune", "--unfreeze", stages, "--fine-tune-epochs", "1"),
        "images": ("--mode", "frozen", "--augment", "light", "--augment-views", "2"),
    }


def measure_kills(options: Options, note: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Kills so many times for each cache."""
    dice = random.Random(0)  # noqa: S311 - moments, not secrets
    found: dict[str, Any] = {}
    home = options.place / "home-kills"
    with ended_afterwards(home):
        import_photos(home, options.data)
        for cache, arguments in modes().items():
            command = (*_SHORT, *arguments)
            ours.train(home, options.log, *command)  # converts
            ours.forget_rows(home)
            undisturbed = ours.train(home, options.log, *command)
            writing = undisturbed.seconds["features"]
            kills = []
            for _ in range(options.kills):
                kills.append(asdict(_kill_once(options, home, command, undisturbed, dice.uniform(0.02, 1.0) * writing)))
                found[cache] = {
                    "kills": kills,
                    "right": sum(one["right"] for one in kills),
                    "reused": sum(bool(one["reused"]) for one in kills),
                    "had_rows": sum(one["kept"] > 0 for one in kills),
                }
                note(found)
    shutil.rmtree(home)
    return found


def _kill_once(
    options: Options, home: Path, command: tuple[str, ...], undisturbed: ours.Trained, after: float
) -> Killed:
    ours.forget_rows(home)
    _start_and_kill(options, home, command, after)
    kept = _rows(home)
    trained = ours.train(home, options.log, *command)
    return Killed(
        after=round(after, 2),
        kept=kept,
        all_rows=_rows(home),
        right=abs(trained.loss - undisturbed.loss) <= 1e-4 * max(1.0, abs(undisturbed.loss)),
        reused=None if not kept else kept <= _rows(home) and _pictures_read(home) < _pictures_of(home),
    )


def _start_and_kill(options: Options, home: Path, command: tuple[str, ...], after: float) -> None:
    """Starts a training and kills its worker so many seconds after it began to read pictures."""
    before = set((home / "runs").iterdir())
    line = [sys.executable, "-m", "tlcore", "train", "--dataset", DATASET, "--backbone", BACKBONE, *command]
    with options.log.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            line, cwd=ROOT, env=environment(home), stdout=log, stderr=log
        )
        events = _wait_for(lambda: _reading(home, before))
        time.sleep(after)
        for one in of_workspace(home):
            with suppress(psutil.Error):
                if "tlcore.jobs.worker" in one.cmdline():
                    one.kill()
        process.wait(_PATIENCE)
    if not events:
        raise SystemExit("the training never read a picture")


def _reading(home: Path, before: set[Path]) -> bool:
    """Whether a new run reads pictures by now."""
    new = set((home / "runs").iterdir()) - before
    return any(_progress(path) for path in new)


def _progress(run: Path) -> list[dict[str, Any]]:
    """The progress of reading pictures that a run told before it learned anything."""
    found = []
    with suppress(FileNotFoundError):
        for line in (run / "events.jsonl").read_text().splitlines():
            event = json.loads(line) if line.endswith("}") else {}
            if event.get("kind") in ("baseline", "phase"):
                break
            if event.get("kind") == "progress":
                found.append(event)
    return found


def _newest(home: Path) -> list[Path]:
    return sorted((home / "runs").iterdir(), key=lambda run: run.stat().st_ctime)


def _pictures_read(home: Path) -> int:
    """Pictures that the newest run had to read."""
    return _read_by(_newest(home)[-1])


def _pictures_of(home: Path) -> int:
    """Pictures that a run with empty caches reads: the most that any run did."""
    return max(_read_by(run) for run in _newest(home))


def _read_by(run: Path) -> int:
    """Pictures that a run read: progress begins with those that were kept."""
    first: dict[str, int] = {}
    total: dict[str, int] = {}
    for event in _progress(run):
        first.setdefault(event["task"], event["done"])
        total[event["task"]] = event["total"]
    return sum(total[task] - first[task] for task in total)


def _rows(home: Path) -> int:
    """Rows that the caches list, all kinds together."""
    rows = home / "cache" / "rows"
    return sum(path.stat().st_size // _DIGEST_BYTES for path in rows.glob("*/index.bin"))


def _wait_for(there: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if there():
            return True
        time.sleep(0.05)
    return False
