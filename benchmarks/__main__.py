"""All measurements, side by side in one go.

    python -m benchmarks --data PATH [--only frozen,finetune,extraction,growth,app,forecast,kills] [--json | --markdown]

Each training, extraction and app is a process of its own. With `--out FILE`, whatever is measured is written there at
once, so that a run that is cut off keeps its parts; parts that FILE holds already are kept unless they are measured
again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from benchmarks.options import Options
from benchmarks.processes import machine
from benchmarks.tables import markdown

PARTS: Final = {
    "frozen": ("benchmarks.training", "measure_frozen"),
    "finetune": ("benchmarks.training", "measure_fine_tuning"),
    "extraction": ("benchmarks.extraction", "measure_extraction"),
    "growth": ("benchmarks.growth", "measure_growth"),
    "app": ("benchmarks.app", "measure_app"),
    "forecast": ("benchmarks.forecast", "measure_forecast"),
    "kills": ("benchmarks.kills", "measure_kills"),
}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="a folder of class folders with JPEG photos")
    parser.add_argument("--only", type=_names, default=tuple(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--repeats", type=int, default=3, help="of each measurement")
    parser.add_argument("--seeds", type=int, default=5, help="of the comparison of accuracies; 0 leaves it out")
    parser.add_argument("--epochs", type=int, default=10, help="of the head")
    parser.add_argument("--fine-tune-epochs", type=int, default=5, help="of the last two stages")
    parser.add_argument("--pictures", type=_numbers, default=(1000, 2000, 5000, 10_000, 20_000), help="for growth")
    parser.add_argument("--kills", type=int, default=10, help="of a writer of each cache")
    parser.add_argument("--out", type=Path, help="a JSON file that is written after each measurement")
    parser.add_argument("--json", action="store_true", help="print the whole document (what is printed anyway)")
    parser.add_argument("--markdown", action="store_true", help="print tables; without --data, those of --out's file")
    options = parser.parse_args(arguments)
    if options.data is None and not (options.markdown and options.out):
        parser.error("--data is missing")
    return options


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if unknown := [name for name in names if name not in PARTS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose from {', '.join(PARTS)}")
    return names


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


def measure(asked: argparse.Namespace, document: dict[str, Any], save: Callable[[], None]) -> None:
    """Measures the parts, one after the other; what is known so far is always in `document`."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as place:
        options = Options(
            data=asked.data.resolve(),
            place=Path(place),
            repeats=asked.repeats,
            seeds=asked.seeds,
            epochs=asked.epochs,
            fine_tune_epochs=asked.fine_tune_epochs,
            pictures=asked.pictures,
            kills=asked.kills,
        )
        for name in asked.only:
            started = time.monotonic()

            def note(figures: dict[str, Any], name: str = name, started: float = started) -> None:
                document[name] = figures | {"whole": False, "took": round(time.monotonic() - started)}
                save()
                sys.stderr.write(f"{name}: {time.monotonic() - started:.0f} s\n")

            _measure_part(name, options, note)
            document[name]["whole"] = "error" not in document[name]
            save()


def _measure_part(name: str, options: Options, note: Callable[[dict[str, Any]], None]) -> None:
    """Measures one part; one that fails leaves what it had, and why it failed, and the others go on."""
    known: dict[str, Any] = {}

    def keep(figures: dict[str, Any]) -> None:
        known.update(figures)
        note(known)

    module, function = PARTS[name]
    try:
        keep(getattr(import_module(module), function)(options, keep))
    except (SystemExit, Exception) as error:  # noqa: BLE001 - another part's figures must not be lost for this one's
        sys.stderr.write(f"{name}: {error}\n")
        keep({"error": f"{type(error).__name__}: {error}"[-2000:]})


def main() -> None:
    """Measures and prints."""
    asked = parse()
    document: dict[str, Any] = {}
    if asked.out is not None and asked.out.is_file():
        document = json.loads(asked.out.read_text())

    def save() -> None:
        if asked.out is not None:
            temporary = asked.out.with_suffix(".part")
            temporary.write_text(json.dumps(document, indent=1) + "\n")
            temporary.replace(asked.out)

    if asked.data is not None:
        document["machine"] = machine()
        measure(asked, document, save)
    sys.stdout.write(markdown(document) if asked.markdown else json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
