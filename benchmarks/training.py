"""Frozen training and fine-tuning: the lessons' way and ours, one after the other in each round."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import ours
from benchmarks.figures import median_of, ratio
from benchmarks.material import BACKBONE, import_photos, last_stages, make_task
from benchmarks.options import Options
from benchmarks.processes import ended_afterwards, run

Note = Callable[[dict[str, Any]], None]


def measure_frozen(options: Options, note: Note) -> dict[str, Any]:
    """Only the head learns."""
    return _measure(options, note, fine_tune_epochs=0)


def measure_fine_tuning(options: Options, note: Note) -> dict[str, Any]:
    """The head, then the last stages."""
    return _measure(options, note, fine_tune_epochs=options.fine_tune_epochs)


def _measure(options: Options, note: Note, fine_tune_epochs: int) -> dict[str, Any]:
    figures: dict[str, Any] = {"plain": [], "fresh": [], "cold": [], "warm": []}
    for number in range(options.repeats):
        home = options.place / f"home-{'fine' if fine_tune_epochs else 'frozen'}-{number}"
        with ended_afterwards(home):
            import_photos(home, options.data)
            figures["plain"].append(plain(options, home, 1, fine_tune_epochs))
            note(summary(figures))
            for kind in ("fresh", "cold", "warm"):
                if kind == "cold":
                    ours.forget_rows(home)
                trained = ours.train(home, options.log, *_arguments(options, 1, fine_tune_epochs))
                figures[kind].append(asdict(trained))
                note(summary(figures))
        shutil.rmtree(home)
    figures["accuracy"] = compare_accuracy(options, fine_tune_epochs, lambda seeds: note(summary(figures) | seeds))
    return summary(figures) | {"accuracy": figures["accuracy"]}


def plain(options: Options, home: Path, seed: int, fine_tune_epochs: int) -> dict[str, Any]:
    """One training the lessons' way, in a process of its own."""
    task = make_task(home, options.data, seed, options.epochs, fine_tune_epochs)
    done = run("benchmarks.plain", str(task.write(options.place / "task.json")), home=home, log=options.log)
    document: dict[str, Any] = json.loads(done.output)
    return document | {"process": done.seconds}


def _arguments(options: Options, seed: int, fine_tune_epochs: int) -> list[str]:
    arguments = ["--epochs", str(options.epochs), "--seed", str(seed)]
    if not fine_tune_epochs:
        return [*arguments, "--mode", "frozen"]
    stages = ",".join(last_stages(BACKBONE))
    return [*arguments, "--mode", "finetune", "--fine-tune-epochs", str(fine_tune_epochs), "--unfreeze", stages]


def compare_accuracy(options: Options, fine_tune_epochs: int, note: Note) -> dict[str, Any]:
    """Test accuracy of both ways over some seeds, each with its own division of the pictures."""
    home = options.place / f"home-seeds-{fine_tune_epochs}"
    found: dict[str, list[float]] = {"plain": [], "ours": []}
    with ended_afterwards(home):
        import_photos(home, options.data)
        for seed in range(1, options.seeds + 1):
            found["plain"].append(plain(options, home, seed, fine_tune_epochs)["accuracy"])
            trained = ours.train(home, options.log, *_arguments(options, seed, fine_tune_epochs))
            found["ours"].append(trained.accuracy)
            note({"accuracy": _means(found)})
    shutil.rmtree(home)
    return _means(found)


def _means(found: dict[str, list[float]]) -> dict[str, Any]:
    means = {way: sum(values) / len(values) for way, values in found.items() if values}
    return {
        "seeds": found,
        "mean": {way: round(mean, 4) for way, mean in means.items()},
        "difference": round(means.get("ours", 0.0) - means.get("plain", 0.0), 4),
    }


def summary(figures: dict[str, Any]) -> dict[str, Any]:
    """Medians and ratios of what was measured so far, with every single measurement."""
    medians: dict[str, Any] = {}
    for way in ("plain", "fresh", "cold", "warm"):
        runs = figures[way]
        if not runs:
            continue
        medians[way] = {
            "first_to_test": median_of(runs, lambda one: one["first_to_test"]),
            "process": median_of(runs, lambda one: one["process"]),
            "accuracy": median_of(runs, lambda one: one["accuracy"]),
        }
        if "fine_tune" in runs[0]["phases"]:
            medians[way]["fine_tune_phase"] = median_of(runs, lambda one: sum(one["phases"]["fine_tune"]))
        if way != "plain":
            medians[way]["peak_mb"] = median_of(runs, lambda one: one["peak_mb"])
            medians[way]["seconds"] = {
                name: median_of(runs, lambda one, name=name: one["seconds"][name]) for name in runs[0]["seconds"]
            }
    ratios = {
        way: {
            name: ratio(medians["plain"].get(name), medians[way].get(name))
            for name in ("first_to_test", "process", "fine_tune_phase")
            if name in medians[way]
        }
        for way in ("fresh", "cold", "warm")
        if way in medians and "plain" in medians
    }
    return {"median": medians, "times_faster": ratios, "runs": {way: figures[way] for way in medians}}
