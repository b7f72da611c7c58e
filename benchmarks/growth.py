"""Growing datasets: time and peak memory of the worker from 1,000 to 20,000 pictures."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from benchmarks import ours
from benchmarks.material import BACKBONE, last_stages
from benchmarks.options import Options
from benchmarks.processes import ended_afterwards, run

_WIDTH: Final = 400
_HEIGHT: Final = 300
_MODES: Final = {
    "frozen": ["--mode", "frozen", "--epochs", "2"],
    "finetune": ["--mode", "finetune", "--epochs", "2", "--fine-tune-epochs", "1"],
}


def measure_growth(options: Options, note: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Trains on datasets of each size with empty caches; the networks were converted before."""
    figures: dict[str, Any] = {mode: [] for mode in _MODES}
    home = options.place / "home-growth"
    stages = ",".join(last_stages(BACKBONE))
    with ended_afterwards(home):
        for number, pictures in enumerate(sorted(options.pictures)):
            dataset = _import(options, home, pictures)
            for mode, arguments in _MODES.items():
                extra = ["--unfreeze", stages] if mode == "finetune" else []
                if number == 0:  # converts the network
                    ours.train(home, options.log, *arguments, *extra, dataset=dataset)
                ours.forget_rows(home)
                trained = ours.train(home, options.log, *arguments, *extra, dataset=dataset)
                figures[mode].append(
                    {
                        "pictures": pictures,
                        "first_to_test": round(trained.first_to_test, 2),
                        "process": round(trained.process, 2),
                        "peak_mb": trained.peak_mb,
                        "seconds": trained.seconds,
                    }
                )
                note(summarise(figures))
            run("tlcore", "datasets", "delete", dataset, "--yes", home=home, log=options.log)
            ours.forget_rows(home)
    shutil.rmtree(home)
    return summarise(figures)


def _import(options: Options, home: Path, pictures: int) -> str:
    archive = options.place / "many.zip"
    make_zip(options.data, archive, pictures)
    name = f"many {pictures}"
    run("tlcore", "datasets", "import", str(archive), "--name", name, "--no-audit", home=home, log=options.log)
    archive.unlink()
    return f"my/many-{pictures}"


def make_zip(data: Path, path: Path, pictures: int) -> None:
    """Writes so many JPEG photos in the class folders of `data`: its photos under veils of colour, no two alike."""
    dice = np.random.default_rng(pictures)
    photos = sorted(data.glob("*/*.jpg"))
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(pictures):
            source = photos[(number * 7919) % len(photos)]
            with Image.open(source) as opened:
                photo = opened.convert("RGB").resize((_WIDTH, _HEIGHT))
            patches = dice.integers(0, 256, (6, 8, 3), dtype=np.uint8)
            veil = Image.fromarray(patches).resize((_WIDTH, _HEIGHT), Image.Resampling.BICUBIC)
            file = io.BytesIO()
            Image.blend(photo, veil, 0.5).save(file, "JPEG", quality=90)
            archive.writestr(f"many/{source.parent.name}/{number:06d}.jpg", file.getvalue())


def summarise(figures: dict[str, Any]) -> dict[str, Any]:
    """For each mode: memory and seconds a picture of the largest against the first of 2,000 or more."""
    summary: dict[str, Any] = {}
    for mode, runs in figures.items():
        summary[mode] = {"runs": runs}
        base = next((one for one in runs if one["pictures"] >= 2000), None)
        if base is None or runs[-1] is base:
            continue
        last = runs[-1]
        summary[mode] |= {
            "memory_ratio": round(last["peak_mb"] / base["peak_mb"], 3) if base["peak_mb"] else None,
            "time_a_picture_ratio": round(
                (last["first_to_test"] / last["pictures"]) / (base["first_to_test"] / base["pictures"]), 3
            ),
        }
    return summary
