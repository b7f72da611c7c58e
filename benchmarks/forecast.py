"""What `train --dry-run` foretells against what the same training then takes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.material import DATASET, import_photos
from benchmarks.options import Options
from benchmarks.processes import ended_afterwards, run, watched_worker

BACKBONES: Final = ("efficientnet-lite0", "efficientnet-lite2")
SIZES: Final = (160, 224)
MODES: Final = ("frozen", "finetune")
WITHIN: Final = 0.3
"""How far a forecast may be off, as a share of the truth."""

Note = Callable[[dict[str, Any]], None]


def measure_forecast(
    options: Options,
    note: Note,
    backbones: tuple[str, ...] = BACKBONES,
    sizes: tuple[int, ...] = SIZES,
    modes: tuple[str, ...] = MODES,
) -> dict[str, Any]:
    """Each in a workspace where nothing is converted, cached or known."""
    rows: list[dict[str, Any]] = []
    imported = options.place / "home-forecast"
    import_photos(imported, options.data)
    for backbone in backbones:
        for size in sizes:
            for mode in modes:
                home = options.place / f"home-forecast-{backbone}-{size}-{mode}"
                shutil.copytree(imported, home)
                with ended_afterwards(home):
                    rows.append(compare(options, home, backbone, size, mode))
                shutil.rmtree(home, ignore_errors=True)
                note(_summary(rows))
    return _summary(rows)


def compare(options: Options, home: Path, backbone: str, size: int, mode: str) -> dict[str, Any]:
    """One training: foretold, then done, then foretold again from what was seen."""
    command = ["train", "--dataset", DATASET, "--backbone", backbone, "--image-size", str(size), "--mode", mode]
    command += ["--epochs", str(options.epochs), "--json"]
    if mode == "finetune":
        command += ["--fine-tune-epochs", str(options.fine_tune_epochs)]
    dry = run("tlcore", *command, "--dry-run", home=home, log=options.log)
    foretold = json.loads(dry.output)["forecast"]
    with watched_worker(home) as memory:
        done = run("tlcore", *command, home=home, log=options.log)
    run_id = json.loads(done.output)["run_id"]
    took = _seconds(home / "runs" / run_id / "events.jsonl")
    expected = foretold["seconds"]["total"]
    return {
        "backbone": backbone,
        "size": size,
        "mode": mode,
        "basis": foretold["basis"],
        "foretold": expected,
        "took": round(took, 2),
        "off": round(expected / took - 1, 3),
        "steps": foretold["seconds"],
        "report": json.loads(done.output)["seconds"],
        "measuring": round(dry.seconds, 1),
        "memory_foretold_mb": round(foretold["memory_bytes"] / 1e6),
        "memory_peak_mb": round(memory.peak / 1e6),
    }


def _seconds(events: Path) -> float:
    """From the worker's first word to its last."""
    told = [json.loads(line) for line in events.read_text().splitlines() if line]
    ends = [datetime.fromisoformat(event["time"]) for event in told if event["kind"] in ("started", "ended")]
    return (ends[-1] - ends[0]).total_seconds()


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"rows": rows, "allowed": WITHIN, "within": sum(abs(row["off"]) <= WITHIN for row in rows)}
