"""Where the time of a finished run went, what was kept from earlier or for later, and which engine computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import streamlit as st

from pages.widgets.option_names import ENGINE_NAMES
from pages.widgets.reports import duration_text
from pages.widgets.shell import plain_text
from pages.widgets.text import size_text
from tlcore.config import Mode
from tlcore.evaluation.report import Agreement, Report
from tlcore.training.cache_plan import CacheState

_WORTH_TELLING: Final = 0.05  # seconds
_SAME: Final = 1e-3
"""Probabilities that differ by less are the same, computed in another order."""


_TINY: Final = 0.001
"""Points that are told as "less than": what stands behind them is rounding."""


@dataclass(frozen=True)
class Step:
    """One part of a run.

    Attributes:
        name: What was done.
        seconds: How long it took.
        about: What there is to say of it, "" for nothing.
    """

    name: str
    seconds: float
    about: str = ""


def time_part(report: Report) -> None:
    """Time by step, the engine with its reasons, memory, and what was not kept."""
    with st.expander("Where the time went", icon=":material/timelapse:"):
        total = max(report.seconds.total, 1e-9)
        for step in steps(report):
            about = f", {step.about}" if step.about else ""
            st.progress(min(step.seconds / total, 1.0), text=f"**{step.name}**: {duration_text(step.seconds)}{about}")
        st.caption(f"{duration_text(report.seconds.total)} in all.")
        for note in report.plan_notes:
            st.info(plain_text(note), icon=":material/inventory_2:")
        for line in (engine_words(report), merged_words(report.merged), memory_words(report)):
            if line:
                st.markdown(line)


def steps(report: Report) -> list[Step]:
    """The parts of a run in their order; those that took no time are left out, but for what was found ready."""
    seconds, cache = report.seconds, report.cache
    known = seconds.prepare + seconds.features + seconds.train + seconds.evaluate
    gathered = cache.features != "none" or cache.trunk != "none"
    reading = "" if gathered or cache.images == "none" else " and reading the pictures"
    every = [
        Step(f"Building the model{reading}", seconds.prepare, _images_words(report) if reading else ""),
        Step("Reading the pictures and computing features", seconds.features, _features_words(report)),
        Step("Training", seconds.train, _rounds_words(report)),
        Step("Testing and checking", seconds.evaluate, f"on {report.dataset.test:,} test pictures"),
        Step("Starting and saving", max(seconds.total - known, 0.0)),
    ]
    ready = "hit" in (cache.features, cache.trunk)
    return [step for step in every if step.seconds >= _WORTH_TELLING or (ready and step is every[1])]


def _images_words(report: Report) -> str:
    return {
        "hit": "these were found ready, decoded and small, from an earlier run",
        "miss": "these are kept, decoded and small, for the next run",
        "none": "",
    }[report.cache.images]


def _features_words(report: Report) -> str:
    if report.mode is Mode.SCRATCH:
        return ""
    words = _KEPT_WORDS[report.cache.features, report.cache.trunk]
    views = report.config.augmentation.views
    return f"{words}; {views} varied copies of each training picture" if words and views else words


_LEARNS_FROM: Final = "what the unlocked part learns from"
_KEPT_WORDS: Final[dict[tuple[CacheState, CacheState], str]] = {
    ("none", "none"): "",
    ("hit", "none"): "found ready from an earlier run",
    ("miss", "none"): "once for each picture, and kept for the next run",
    ("none", "hit"): f"{_LEARNS_FROM} was found ready from an earlier run",
    ("none", "miss"): f"{_LEARNS_FROM} was made, once for each picture, and kept for the next run",
    ("hit", "hit"): f"found ready from an earlier run; {_LEARNS_FROM} was ready too",
    ("miss", "miss"): f"once for each picture, and kept for the next run, together with {_LEARNS_FROM}",
    ("hit", "miss"): f"the features were found ready from an earlier run; {_LEARNS_FROM} was not: it was made now, "
    "once for each picture, and kept for the next run",
    ("miss", "hit"): f"{_LEARNS_FROM} was found ready from an earlier run; the features were not: they were made now, "
    "once for each picture, and kept for the next run",
}
"""What to say of the features and of the trunk together."""


def _rounds_words(report: Report) -> str:
    counts = report.epochs.model_dump()
    names = {"scratch": "from scratch", "frozen": "of the new last layer", "fine_tune": "of fine-tuning"}
    done = [f"{count} round{'s' if count > 1 else ''} {names[phase]}" for phase, count in counts.items() if count]
    return " and ".join(done)


def engine_words(report: Report) -> str:
    """What ran the locked part, and why that; or that nothing was locked."""
    engine = report.engine
    name = ENGINE_NAMES.get(engine.features, engine.features)
    if report.cache.features == "none" and report.cache.trunk == "none":
        return f"The whole network ran in {name}, in every round."
    why = engine_note(report) or name
    text = f"The locked part of the network ran in {plain_text(why)}."
    if engine.speeds and "race" not in why:
        speeds = [f"{ENGINE_NAMES.get(other, other)} {speed:,.0f}" for other, speed in engine.speeds.items()]
        text += f" In a short race at full precision on this computer: {', '.join(speeds)} pictures a second."
    if "race" in text:
        text += (
            " OpenVINO and TensorFlow are two programs that can run a network; the race lets each look at a few "
            "pictures for a second, and the faster one gets the work."
        )
    if engine.precision_features == "mixed_float16":
        text += " It computed at half precision where that is safe (mixed float16)."
    return text


def engine_note(report: Report) -> str:
    """The note that says why this engine ran the locked part: it begins with the engine's name; "" if there is none."""
    name = ENGINE_NAMES.get(report.engine.features, report.engine.features)
    return next(
        (
            note.removesuffix(".")
            for note in report.engine.notes
            if note.startswith((f"{name} in", f"{name}:", f"{name},"))
        ),
        "",
    )


def merged_words(merged: Agreement | None) -> str:
    """Whether the saved model answers as what was trained; "" where the whole model was trained as it is."""
    if merged is None:
        return ""
    if merged.same_answer == merged.compared and merged.largest_difference <= _SAME:
        return (
            "The locked part was computed once and only the unlocked part was trained on it. Put together again, the "
            f"model gives the same answer on all {merged.compared:,} test pictures; probabilities differ by "
            f"{points_text(merged.largest_difference)}."
        )
    return (
        ":orange[:material/warning:] The locked part was computed once and only the unlocked part was trained on it. "
        f"Put together again, the model gives the same answer on {merged.same_answer:,} of {merged.compared:,} test "
        f"pictures; probabilities differ by {points_text(merged.largest_difference)}. The figures on this page are "
        "those of the whole model."
    )


def points_text(difference: float) -> str:
    """A difference of probabilities in points, of which a sure answer has a hundred."""
    points = 100 * difference
    if points < _TINY:
        return f"less than {_TINY:g} points"
    return f"up to {points:.2g} points"


def memory_words(report: Report) -> str:
    """How much memory the training took."""
    if report.memory_bytes is None:
        return ""
    return f"It took {size_text(report.memory_bytes)} of memory at most."
