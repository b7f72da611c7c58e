"""What was measured, as Markdown tables for the documentation."""

from __future__ import annotations

from typing import Any

_WAYS = {
    "plain": "the lessons' way",
    "fresh": "ours, the very first run (network not converted yet)",
    "cold": "ours, empty caches",
    "warm": "ours, features kept",
}


def markdown(document: dict[str, Any]) -> str:
    """All tables; parts that were not measured are left out."""
    makers = {
        "frozen": lambda part: _training("Frozen training", part),
        "finetune": lambda part: _training("Fine-tuning", part),
        "extraction": _extraction,
        "growth": _growth,
        "app": _app,
        "forecast": _forecast,
        "kills": _kills,
    }
    parts = [_machine(document["machine"])] if "machine" in document else []
    for name, make in makers.items():
        part = document.get(name)
        if part is None:
            continue
        try:
            parts.append(make(part))
        except KeyError as error:
            parts.append(f"## {name}\n\nNot measured to the end ({error} is missing).")
    return "\n\n".join(parts) + "\n"


def table(head: list[str], rows: list[list[object]]) -> str:
    """One table; numbers are aligned to the right."""
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    lines += ["| " + " | ".join("" if cell is None else str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _machine(found: dict[str, Any]) -> str:
    return (
        f"Measured on {found['cores']} cores of {found['processor']}, {found['memory_gb']} GB of memory, "
        f"{found['system']}, Python {found['python']}, TensorFlow {found['tensorflow']}, Keras {found['keras']}, "
        f"OpenVINO {found['openvino']}, Streamlit {found['streamlit']}; load before: {found['load_before']}."
    )


def _training(title: str, part: dict[str, Any]) -> str:
    medians, faster = part["median"], part["times_faster"]
    fine = any("fine_tune_phase" in one for one in medians.values())
    head = ["", "first picture to test result", "faster", "whole process", "faster"]
    head += ["fine-tune phase", "faster"] if fine else []
    rows = []
    for way, words in _WAYS.items():
        if way not in medians:
            continue
        found, times = medians[way], faster.get(way, {})
        row: list[object] = [words]
        for name in ("first_to_test", "process") + (("fine_tune_phase",) if fine else ()):
            row += [_seconds(found.get(name)), _times(times.get(name))]
        rows.append(row)
    text = f"## {title}\n\n{table(head, rows)}"
    means = part.get("accuracy", {}).get("mean", {})
    if len(means) == 2:
        count = len(part["accuracy"]["seeds"]["ours"])
        text += (
            f"\n\nMean test accuracy over {count} seeds: "
            f"{means['plain']:.2%} the lessons' way, {means['ours']:.2%} ours."
        )
    return text


def _extraction(part: dict[str, Any]) -> str:
    words = {
        "predict": "`model.predict` on ready arrays, the best batch size",
        "engine": "our engine on ready arrays",
        "engine_from_files": "our engine from JPEG files, decoding included",
    }
    speeds, faster = part["pictures_a_second"], part["times_faster"]
    rows: list[list[object]] = [[text, f"{speeds[name]:.0f}", _times(faster.get(name))] for name, text in words.items()]
    return f"## Extraction alone\n\n{table(['', 'pictures a second', 'faster'], rows)}"


def _growth(part: dict[str, Any]) -> str:
    texts = []
    for mode, found in part.items():
        if not isinstance(found, dict):
            continue
        rows: list[list[object]] = [
            [
                f"{one['pictures']:,}",
                _seconds(one["first_to_test"]),
                f"{1000 * one['first_to_test'] / one['pictures']:.1f} ms",
                f"{one['peak_mb']:.0f} MB",
            ]
            for one in found["runs"]
        ]
        texts.append(
            f"{mode}:\n\n" + table(["pictures", "first picture to test result", "a picture", "worker's memory"], rows)
        )
    return "## Growing datasets\n\n" + "\n\n".join(texts)


def _app(part: dict[str, Any]) -> str:
    start, changes, memory = part["start"], part["changes"], part["memory_mb"]
    rows: list[list[object]] = [
        ["from the command to the first page", _seconds(start["first_page"])],
        ["a page change, median of all pages", _seconds(changes["median"])],
        ["a page change, slowest page", _seconds(changes["worst"])],
        ["memory with the first page", f"{memory['first_page']} MB"],
        ["memory with all pages seen", f"{memory['all_pages']} MB"],
    ]
    for name, words in (
        ("prediction", "one prediction"),
        ("prediction_while_training", "the same while a training runs"),
    ):
        if name in part:
            rows.append([words, f"{part[name]['median_ms']:.0f} ms"])
    return f"## The app\n\n{table(['', 'median'], rows)}"


def _forecast(part: dict[str, Any]) -> str:
    rows: list[list[object]] = [
        [
            f"{one['backbone']}, {one['size']}, {one['mode']}",
            _seconds(one["foretold"]),
            _seconds(one["took"]),
            f"{one['off']:+.0%}",
        ]
        for one in part["rows"]
    ]
    return "## The forecast\n\n" + table(["training", "foretold", "took", "off"], rows)


def _kills(part: dict[str, Any]) -> str:
    rows: list[list[object]] = [
        [cache, len(found["kills"]), found["right"], f"{found['reused']} of {found['had_rows']}"]
        for cache, found in part.items()
        if isinstance(found, dict)
    ]
    return "## Killed writers\n\n" + table(["cache", "kills", "next run right", "whole rows used again"], rows)


def _seconds(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f} s" if value >= 10 else f"{value:.2f} s"


def _times(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f} ×"
