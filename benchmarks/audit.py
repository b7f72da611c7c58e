"""How much of what is planted in a folder of photos the check finds, and how much it names besides.

python -m benchmarks.audit --data PATH [--seeds 5] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from benchmarks.planting import Pair, Planted, plant
from tlcore.audit.check import check_dataset
from tlcore.audit.findings import Audit, FindingKind, Item
from tlcore.data.catalog import delete_dataset, find_dataset
from tlcore.data.importer import import_pictures
from tlcore.workspace import Workspace

_FIRST: Final = 20  # of the labels it names
_COPIES: Final = (FindingKind.NEAR_COPIES, FindingKind.LEAK, FindingKind.TWO_CLASSES)


def measure(workspace: Workspace, source: Path, seed: int) -> dict[str, Any]:
    """Plants, imports, checks and compares, once."""
    with tempfile.TemporaryDirectory() as folder:
        planted = plant(source, Path(folder) / "photos", seed)
        started = time.monotonic()
        info = import_pictures(workspace, Path(folder) / "photos", f"planted {seed}")
    imported = time.monotonic()
    audit = check_dataset(workspace, info.id)
    checked = time.monotonic()
    rejected = [one.file for one in find_dataset(workspace, info.id).rejected]
    delete_dataset(workspace, info.id)
    return compare(planted, audit, rejected) | {
        "seed": seed,
        "seconds": {"import": round(imported - started, 1), "check": round(checked - imported, 1), **audit.seconds},
    }


def compare(planted: Planted, audit: Audit, rejected: list[str]) -> dict[str, Any]:
    """Recall and precision of each kind, and what was named without having been planted."""
    exact = _items(audit, FindingKind.EXACT_COPIES)
    near = _items(audit, *_COPIES)
    labels = [item.keys[0] for item in _items(audit, FindingKind.LABEL)]
    return {
        "exact": _pairs(planted.exact, exact),
        "near": _pairs(planted.near, near),
        "labels": _names(planted.swapped, labels)
        | {f"first_{_FIRST}": len(set(planted.swapped) & set(labels[:_FIRST])), "planted": len(planted.swapped)},
        "truncated": _names(planted.truncated, rejected),
        "blank": _names(planted.blank, [item.keys[0] for item in _items(audit, FindingKind.BLANK)]),
        "outliers": [item.keys[0] for item in _items(audit, FindingKind.OUTLIER)],
        "tiny": [item.keys[0] for item in _items(audit, FindingKind.TINY)],
    }


def _items(audit: Audit, *kinds: FindingKind) -> list[Item]:
    return [item for finding in audit.findings if finding.kind in kinds for item in finding.items]


def _pairs(planted: list[Pair], named: list[Item]) -> dict[str, Any]:
    """A pair is found where both lie in one case; a case is right where it holds a planted pair."""
    found = sum(any({pair.original, pair.copy} <= set(item.keys) for item in named) for pair in planted)
    wrong = [item.keys for item in named if not any({pair.original, pair.copy} <= set(item.keys) for pair in planted)]
    return _rates(found, len(planted), len(named) - len(wrong), len(named), wrong)


def _names(planted: list[str], named: list[str]) -> dict[str, Any]:
    found = len(set(planted) & set(named))
    return _rates(found, len(planted), found, len(named), [name for name in named if name not in planted])


def _rates(found: int, planted: int, right: int, named: int, unplanted: Iterable[Any]) -> dict[str, Any]:
    return {
        "recall": found / planted,
        "precision": right / named if named else None,
        "named": named,
        "unplanted": list(unplanted),
    }


def summarise(seeds: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the seeds."""
    means: dict[str, Any] = {}
    for kind in ("exact", "near", "labels", "truncated", "blank"):
        figures = [seed[kind] for seed in seeds]
        precisions = [one["precision"] for one in figures if one["precision"] is not None]
        means[kind] = {
            "recall": round(sum(one["recall"] for one in figures) / len(figures), 4),
            "precision": round(sum(precisions) / len(precisions), 4) if precisions else None,
            "unplanted_named": sum(len(one["unplanted"]) for one in figures) / len(figures),
        }
    first = f"first_{_FIRST}"
    means["labels"][first] = [seed["labels"][first] for seed in seeds]
    means["seconds"] = round(sum(seed["seconds"]["check"] for seed in seeds) / len(seeds), 1)
    return means


def main() -> None:
    """Runs the measurement."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="A folder of class folders with JPEG photos.")
    parser.add_argument("--seeds", type=int, default=5, help="How many plantings.")
    parser.add_argument("--json", action="store_true", help="Print one JSON document.")
    arguments = parser.parse_args()
    seeds = []
    with tempfile.TemporaryDirectory() as home:
        workspace = Workspace.open(Path(home))
        for seed in range(arguments.seeds):
            seeds.append(measure(workspace, arguments.data, seed))
            sys.stderr.write(f"seed {seed}: {json.dumps(seeds[-1])}\n")
    document = {"seeds": seeds, "mean": summarise(seeds)}
    sys.stdout.write(json.dumps(document if arguments.json else document["mean"], indent=2) + "\n")


if __name__ == "__main__":
    main()
