"""Finished runs: their reports, and what they say in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from pydantic import ValidationError

from pages.widgets.modes import MODE_NAMES
from tlcore.backbones.registry import find_backbone
from tlcore.errors import BackboneError, WorkspaceError
from tlcore.evaluation.report import Report, TestPicture, TestScore, read_test_pictures
from tlcore.evaluation.setback import setback_of
from tlcore.files import read_json
from tlcore.migrations.schema import refuse_newer_schema
from tlcore.runs.folder import RunFolder
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.workspace import Workspace


@dataclass(frozen=True)
class Finished:
    """A run that left a report."""

    record: JobRecord
    report: Report


def finished_runs(workspace: Workspace) -> list[Finished]:
    """All trainings outside the bin with a report that can be read, newest first."""
    found = []
    for record in Registry(workspace).list("train", archived=False):
        path = RunFolder(workspace.runs / record.id).report
        if path.is_file():  # also of one that learns for longer: what it left before is there until then
            try:
                found.append(Finished(record, read_report(path)))
            except WorkspaceError:
                continue  # opening that run on the Results page says what is wrong with it
    return found


def read_report(path: Path) -> Report:
    """The report in a run's folder.

    Raises:
        WorkspaceError: It is missing or damaged, or another version wrote it.
    """
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, ValidationError) as error:
        raise WorkspaceError(
            "The report of this run is missing or damaged",
            value=path,
            hint="Train it again with the same settings, or delete the run.",
        ) from error


@st.cache_resource(max_entries=128, show_spinner=False)
def _read(path: Path, changed: int) -> Report:  # noqa: ARG001 - part of the key: a rewritten file is read anew
    document = read_json(path)
    refuse_newer_schema(document, 1, "The report of this run", WorkspaceError)
    return Report.model_validate(document)


@st.cache_resource(max_entries=8, show_spinner=False)
def _read_pictures(path: Path, changed: int) -> tuple[TestPicture, ...]:  # noqa: ARG001 - part of the key
    return tuple(sorted(read_test_pictures(path), key=_wrong_first))


def ranked_test_pictures(folder: RunFolder) -> tuple[TestPicture, ...]:
    """A run's test pictures: wrong answers first, the surest of them on top; then right ones, the least sure on top.

    Raises:
        WorkspaceError: The run left none.
    """
    path = folder.test_pictures
    try:
        return _read_pictures(path, path.stat().st_mtime_ns)
    except (OSError, ValueError) as error:
        raise WorkspaceError(
            "The test pictures of this run are missing or damaged", value=path, hint="Train it again to see them."
        ) from error


def _wrong_first(picture: TestPicture) -> tuple[bool, float]:
    return (picture.right, picture.confidence if picture.right else -picture.confidence)


def in_words(score: TestScore) -> str:
    """The one figure: how many test pictures were named right."""
    return f"{round(score.accuracy * score.count):,} of {score.count:,} test pictures right"


def likely_in_words(score: TestScore) -> str:
    """What the interval means for new pictures."""
    low, high = (100 * end for end in score.accuracy_ci95)
    return f"between {low:.0f} and {high:.0f} in 100 are likely on new ones"


def setback_in_words(report: Report) -> str | None:
    """What fine-tuning took away, and what to try instead; None where it took nothing."""
    setback = setback_of(report)
    if setback is None:
        return None
    rate = report.config.fine_tune_learning_rate
    return (
        f"Fine-tuning made this model worse: of the {setback.pictures} pictures {setback.before:.0%} were named right "
        f"before it, {setback.after:.0%} after. Its learning rate is probably too high: try {rate / 10:g} instead of "
        f"{rate:g}, or fewer layers, or train the head only (frozen)."
    )


def backbone_name(backbone_id: str) -> str:
    """A backbone's name; its id where this version doesn't know it."""
    try:
        return find_backbone(backbone_id).name
    except BackboneError:
        return backbone_id


def short_name(report: Report) -> str:
    """What a run is called where the dataset is known."""
    return f"{backbone_name(report.backbone)}, {MODE_NAMES[report.mode]}"


def unique_names(chosen: Sequence[Finished]) -> list[str]:
    """A name for each run: a person's, else backbone and mode; and where several are alike what tells them apart."""
    names = [run.record.title if run.record.named else short_name(run.report) for run in chosen]
    one_day = len({run.record.created.date() for run in chosen}) == 1
    started = "%H:%M:%S" if one_day else "%d %b %H:%M:%S"
    details = (
        [run.report.dataset.name for run in chosen],
        [f"{run.report.config.image_size} px" for run in chosen],
        [f"seed {run.report.config.seed}" for run in chosen],
        [run.record.created.strftime(started) for run in chosen],
    )
    for values in details:
        pairs = list(zip(names, values, strict=True))
        # Only what tells runs apart that are called alike: legends have no room for more.
        names = [f"{name}, {value}" if len({v for n, v in pairs if n == name}) > 1 else name for name, value in pairs]
    return names


def duration_text(seconds: float) -> str:
    """A duration as people say it: 42 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
